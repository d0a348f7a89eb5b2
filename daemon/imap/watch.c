/* imap/watch.c: see the header. */
#include "daemon/imap/watch.h"

#include "daemon/imap/notify.h"

/* Whoever hears of annotations hears of all own ones (RFC 5464 4.4), without a mailbox, too. */
static bool hears_of_all(const struct imap_session *s)
{
	return !s->notify && (s->enabled & (ENABLED_METADATA | ENABLED_METADATA_SERVER)) && (!s->at.store || s->at.store == s->store);
}

static struct mailstore *watched_store(const struct imap_session *s)
{
	return s->at.store ? s->at.store : s->store;
}

void imap_watch_end(struct imap_session *s)
{
	if (s->watching)
		s->service->unwatch(s->ctx, watched_store(s), &s->watch);
	s->watching = false;
}

void imap_watch_update(struct imap_session *s)
{
	const bool idle = s->input == INPUT_IDLE && (s->at.store || hears_of_all(s));
	const bool wanted = idle || (s->at.store && s->notify && s->notify->selected);

	if (wanted && !s->watching)
		s->service->watch(s->ctx, watched_store(s), hears_of_all(s) ? 0 : s->at.mailbox.id, &s->watch);
	else if (!wanted)
		imap_watch_end(s);
	s->watching = wanted;
}
