/* imap/list_rows.c: see the header.
 *
 * Own names are read at once; of the others one account a time, each behind the one before. The end is one merge.
 */
#include "daemon/imap/list_rows.h"

static bool is_below(struct span name, struct span parent)
{
	return name.len > parent.len && name.ptr[parent.len] == '/' && span_starts(name, parent);
}

/* ---- whom to ask ---- */

static bool has_subscription(const struct list_rows *r, struct span above)
{
	for (size_t i = 0; i < r->own_count; i++)
		if (r->own[i].subscribed && is_below(r->own[i].name, above))
			return true;
	return false;
}

static bool may_match(const struct list_wish *wish, struct span above)
{
	for (size_t i = 0; i < wish->pattern_count; i++)
		if (list_pattern_goes_below(&wish->patterns[i], above))
			return true;
	return false;
}

enum err list_rows_begin(struct imap_session *s, const struct list_wish *wish, struct list_rows *r)
{
	struct arena *a = &s->run.arena;
	enum err e = s->service->list(s->store, a, &r->own, &r->own_count);

	if (!e && !wish->own_only)
		e = shared_places_begin(s, a, &r->others);
	if (e)
		return e;
	return r->others.owner_count && !shared_places_add(&r->others, 0, SPAN("Shared")) ? ERR_LIMIT : ERR_OK;
}

/* ---- one account ---- */

/* RFC 4314 4: a parent that may not be looked up is as one that isn't there: only a name. */
static enum err add_parents(const struct shared_owner *o, struct shared_places *p, size_t first)
{
	const size_t end = p->count;

	for (size_t i = first; i < end; i++) {
		const struct span name = p->all[i].mailbox.name;

		for (size_t at = o->name.len + 1; at < name.len; at++) {
			const struct span parent = span_take(name, at);

			if (name.ptr[at] != '/' || (i > first && is_below(p->all[i - 1].mailbox.name, parent)))
				continue;
			if (!shared_places_find(p, first, end, parent) && !shared_places_add(p, o->id, parent))
				return ERR_LIMIT;
		}
	}
	return ERR_OK;
}

static enum err add_owner(struct imap_session *s, const struct list_wish *wish, const struct shared_owner *o, struct list_rows *r)
{
	struct shared_places *p = &r->others;
	const bool is_wanted = may_match(wish, o->name) && (!wish->only_subscribed || has_subscription(r, o->name));
	const size_t first = p->count;
	enum err e = shared_places_add(p, o->id, o->name) ? ERR_OK : ERR_LIMIT;

	if (!e && is_wanted) {
		e = shared_places_read(s, p, o);
		e = e == ERR_LIMIT ? e : ERR_OK; /* what can't be read now is left out */
	}
	if (!e)
		e = add_parents(o, p, first);
	if (e)
		return e;
	shared_places_settle(p, first);
	p->all[first].mailbox.has_children = true;
	return ERR_OK;
}

/* ---- the merge ---- */

/* The same name: a subscription to what is shared, or a name above that is also a mailbox of the session's own. */
static struct imap_place joined(const struct imap_place *own, const struct imap_place *shared)
{
	struct imap_place both = shared->mailbox.exists || !own->mailbox.exists ? *shared : *own;

	both.mailbox.subscribed = own->mailbox.subscribed;
	both.mailbox.has_children = own->mailbox.has_children || shared->mailbox.has_children;
	return both;
}

static enum err merge(const struct imap_session *s, struct arena *a, struct list_rows *r)
{
	size_t own = 0, shared = 0;

	r->all = arena_array(a, r->own_count + r->others.count, sizeof *r->all);
	if (!r->all)
		return ERR_LIMIT;
	if (r->others.count) /* "Shared" is among them, unsorted */
		r->others.all[0].mailbox.has_children = true;
	while (own < r->own_count || shared < r->others.count) {
		struct imap_place mine = { .owner = s->account_id, .rights = RIGHT_ALL };
		int order = own == r->own_count ? 1 : -1;

		if (own < r->own_count)
			mine.mailbox = r->own[own];
		if (own < r->own_count && shared < r->others.count && !(own == 0 && span_equals(mine.mailbox.name, SPAN("INBOX"))))
			order = span_compare(mine.mailbox.name, r->others.all[shared].mailbox.name);
		r->all[r->count++] = order < 0 ? mine : order > 0 ? r->others.all[shared]
								  : joined(&mine, &r->others.all[shared]);
		own += order <= 0;
		shared += order >= 0;
	}
	r->inboxes = r->count && span_equals(r->all[0].mailbox.name, SPAN("INBOX"));
	return ERR_OK;
}

bool list_rows_more(struct imap_session *s, const struct list_wish *wish, struct list_rows *r, enum err *e_out)
{
	*e_out = ERR_OK;
	if (r->all)
		return false;
	if (r->others.owner_at < r->others.owner_count)
		*e_out = add_owner(s, wish, &r->others.owners[r->others.owner_at++], r);
	else
		*e_out = merge(s, &s->run.arena, r);
	return !*e_out;
}
