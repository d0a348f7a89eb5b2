/* imap/notify.c: what was asked for, and what it means for a mailbox. */
#include "daemon/imap/notify.h"

#include <stdlib.h>

#include "daemon/imap/commands.h"
#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/table.h"
#include "daemon/imap/watch.h"

unsigned imap_notify_events(const struct imap_notify *n, struct span name, bool personal, bool subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < n->count; i++)
		if (mailbox_filter_holds(&n->groups[i].where, name, personal, subscribed))
			events |= n->groups[i].events;
	return events;
}

/* NOTIFY SET is a NOOP, too: what has gathered in the selected mailbox is told whatever will be told from then on (RFC 5465 3.1). */
static bool is_being_set(const struct imap_session *s)
{
	return s->run.command && s->run.command->run == imap_run_notify && s->run.status == IMAP_OK && !s->run.args.notify.none;
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
	if (is_being_set(s))
		return true;
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
	return !s->notify || (s->notify->selected & NOTIFY_FLAGS) || is_being_set(s);
}

bool imap_notify_wants(const struct imap_notify *n, unsigned events)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->groups[i].events & events)
			return true;
	return false;
}

static void give_back(struct imap_session *s, struct imap_notify *n)
{
	notify_unfollow(s, n);
	notify_names_forget(&n->names);
	notify_own_forget(&n->own);
	arena_clear(&n->arena);
}

void imap_notify_set(struct imap_session *s, struct imap_notify **n)
{
	imap_notify_free(s);
	s->notify = *n;
	*n = NULL;
	imap_watch_update(s);
}

void imap_notify_mute(struct imap_session *s)
{
	struct imap_notify *n = s->notify;

	give_back(s, n);
	*n = (struct imap_notify){ .arena = n->arena, .next_uid = n->next_uid };
	imap_watch_update(s);
}

void imap_notify_drop(struct imap_session *s, struct imap_notify **n)
{
	if (*n)
		give_back(s, *n);
	free(*n);
	*n = NULL;
}

void imap_notify_free(struct imap_session *s)
{
	imap_notify_drop(s, &s->notify);
	imap_watch_update(s);
}
