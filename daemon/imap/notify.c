/* imap/notify.c: what was asked for, and what it means for a mailbox. */
#include "daemon/imap/notify.h"

#include <stdlib.h>

#include "daemon/imap/table.h"

static bool has_name(const struct notify_group *g, struct span name)
{
	return span_in_sorted(name, g->names, g->count);
}

static bool is_within(const struct notify_group *g, struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '/' && has_name(g, span_take(name, i)))
			return true;
	return has_name(g, name);
}

static bool holds_for(const struct notify_group *g, struct span name, bool subscribed)
{
	switch (g->filter) {
	case FILTER_SELECTED:
	case FILTER_SELECTED_DELAYED: return false;
	case FILTER_PERSONAL: return true;
	case FILTER_SUBSCRIBED: return subscribed;
	case FILTER_SUBTREE: return is_within(g, name);
	case FILTER_MAILBOXES: return has_name(g, name);
	}
	return false;
}

unsigned imap_notify_events(const struct imap_notify *n, struct span name, bool subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < n->count; i++)
		if (holds_for(&n->groups[i], name, subscribed))
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
