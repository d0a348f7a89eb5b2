/* imap/notify_own.c: see the header. Nothing is kept longer than until the next telling: what a command did is in the journal and in the view by then. */
#include "daemon/imap/notify_own.h"

#include "daemon/imap/notify.h"
#include "daemon/imap/place.h"

#define OWN_NAMES_MEMORY (64u * 1024u) /* what does not fit is told */

void notify_own_name(struct imap_session *s, enum journal_event event, struct span name)
{
	struct notify_own *own;
	struct own_name *n;

	if (!s->notify || !s->notify->accounts)
		return;
	own = &s->notify->own;
	if (!own->names)
		arena_init(&own->arena, OWN_NAMES_MEMORY);
	n = arena_alloc(&own->arena, sizeof *n);
	if (n) {
		*n = (struct own_name){ .next = own->names, .event = event, .name = arena_copy(&own->arena, name) };
		own->names = n;
	}
	s->notify->pending = true;
}

void notify_own_made(struct imap_session *s, struct span name)
{
	for (size_t i = 1; i <= name.len; i++)
		if (i == name.len || name.ptr[i] == '/')
			notify_own_name(s, JOURNAL_CREATED, span_take(name, i));
}

void notify_own_messages(struct imap_session *s, uint64_t owner, uint64_t mailbox_id, uint32_t first_uid, uint32_t last_uid)
{
	struct notify_own *own = s->notify ? &s->notify->own : NULL;

	if (!own || !imap_place_is_selected(s, owner, mailbox_id))
		return;
	if (own->message_count && own->messages[own->message_count - 1].last + 1 == first_uid)
		own->messages[own->message_count - 1].last = last_uid;
	else if (own->message_count < NOTIFY_OWN_RANGES)
		own->messages[own->message_count++] = (struct uid_range){ first_uid, last_uid };
}

bool notify_own_has_name(const struct notify_own *own, enum journal_event event, struct span name)
{
	for (const struct own_name *n = own->names; n; n = n->next)
		if (n->event == event && span_equals(n->name, name))
			return true;
	return false;
}

void notify_own_forget(struct notify_own *own)
{
	if (own->names)
		arena_clear(&own->arena);
	own->names = NULL;
}
