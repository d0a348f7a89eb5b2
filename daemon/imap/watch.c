/* imap/watch.c: see the header. */
#include "daemon/imap/watch.h"

#include "daemon/imap/notify.h"

void imap_watch_end(struct imap_session *s)
{
	if (s->watching)
		s->service->unwatch(s->ctx, s->at.store, &s->watch);
	s->watching = false;
}

void imap_watch_update(struct imap_session *s)
{
	const bool wanted = s->at.store && (s->input == INPUT_IDLE || (s->notify && s->notify->selected));

	if (wanted && !s->watching)
		s->service->watch(s->ctx, s->at.store, s->at.mailbox.id, &s->watch);
	else if (!wanted)
		imap_watch_end(s);
	s->watching = wanted;
}
