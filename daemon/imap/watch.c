/* imap/watch.c: see the header. */
#include "daemon/imap/watch.h"

#include "daemon/imap/notify.h"

void imap_watch_end(struct imap_session *s)
{
	if (s->watching)
		s->service->unwatch(s->ctx, s->at.store, &s->watch);
	s->watching = false;
}

/* Who hears of annotations hears of those of all own mailboxes (RFC 5464 4.4). */
static uint64_t watched(const struct imap_session *s)
{
	return (s->enabled & ENABLED_METADATA) && s->at.store == s->store ? 0 : s->at.mailbox.id;
}

void imap_watch_update(struct imap_session *s)
{
	const bool wanted = s->at.store && (s->input == INPUT_IDLE || (s->notify && s->notify->selected));

	if (wanted && !s->watching)
		s->service->watch(s->ctx, s->at.store, watched(s), &s->watch);
	else if (!wanted)
		imap_watch_end(s);
	s->watching = wanted;
}
