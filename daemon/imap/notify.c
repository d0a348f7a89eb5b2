/* imap/notify.c: what was asked for, and what it means for a mailbox. */
#include "daemon/imap/notify.h"

#include <stdlib.h>

#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/table.h"

unsigned imap_notify_events(const struct imap_notify *n, struct span name, bool subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < n->count; i++)
		if (mailbox_filter_holds(&n->groups[i].where, name, true, subscribed))
			events |= n->groups[i].events;
	return events;
}

/* RFC 5465 6.1: with "selected" EXPUNGE may come at any time, with "selected-delayed" while a command runs that allows it; IDLE is one.
 * Who wants to hear of no messages still hears what a command of its own has removed. */
bool imap_notify_may_sync(struct imap_session *s, bool *may_expunge)
{
	struct imap_notify *n = s->notify;

	if (!n)
		return true;
	if (!n->next_uid)
		n->next_uid = s->service->view_last_uid(s->view) + 1;
	if (!(n->selected & NOTIFY_NEW))
		return s->run.command && (s->run.command->law & REMOVES);
	if (!n->delayed)
		*may_expunge = true;
	else if (!s->run.command)
		*may_expunge = false;
	return true;
}

bool imap_notify_tells_flags(const struct imap_session *s)
{
	return !s->notify || !s->notify->selected || (s->notify->selected & NOTIFY_FLAGS);
}

bool imap_notify_watches(const struct imap_session *s)
{
	return s->notify && (s->notify->selected || s->notify->follows);
}

static void discard(struct imap_session *s, struct imap_notify **notify)
{
	struct imap_notify *n = *notify;

	*notify = NULL;
	if (!n)
		return;
	if (n->follows)
		s->service->journal_leave(s->store);
	arena_clear(&n->arena);
	free(n);
}

void imap_notify_set(struct imap_session *s, struct imap_notify **n)
{
	discard(s, &s->notify);
	s->notify = *n;
	*n = NULL;
	if (imap_notify_watches(s))
		s->service->watch(s->ctx, s->store, 0);
	else
		s->service->unwatch(s->ctx);
}

void imap_notify_mute(struct imap_session *s)
{
	struct imap_notify *n = s->notify;

	if (n->follows)
		s->service->journal_leave(s->store);
	s->service->unwatch(s->ctx);
	arena_clear(&n->arena);
	*n = (struct imap_notify){ .arena = n->arena, .next_uid = n->next_uid };
}

void imap_notify_free(struct imap_session *s)
{
	if (imap_notify_watches(s))
		s->service->unwatch(s->ctx);
	discard(s, &s->notify);
}
