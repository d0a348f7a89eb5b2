/* imap/list_rows.c: see the header.
 *
 * Own names are read at once; of the others one account a time. An account's names follow each other, so lists that are sorted each, taken in the order of the
 * accounts' names, are one sorted list, and the end is one merge.
 */
#include "daemon/imap/list_rows.h"

#include <stdlib.h>

#define ROWS_MIN 32

static int by_name(const void *a, const void *b)
{
	return span_compare(((const struct imap_place *)a)->mailbox.name, ((const struct imap_place *)b)->mailbox.name);
}

static bool is_below(struct span name, struct span parent)
{
	return name.len > parent.len && name.ptr[parent.len] == '/' && span_starts(name, parent);
}

static struct imap_place *add(struct arena *a, struct list_rows *r, uint64_t owner, struct span name)
{
	struct imap_place *row;

	if (r->shared_count == r->shared_room) {
		const size_t room = r->shared_room ? r->shared_room * 2 : ROWS_MIN;
		struct imap_place *more = arena_array(a, room, sizeof *more);

		if (!more)
			return NULL;
		if (r->shared_count)
			memcpy(more, r->shared, r->shared_count * sizeof *more);
		r->shared = more;
		r->shared_room = room;
	}
	row = &r->shared[r->shared_count++];
	*row = (struct imap_place){ .owner = owner, .mailbox.name = name };
	return row;
}

/* ---- whom to ask ---- */

static int by_mailboxes(const void *a, const void *b)
{
	const struct list_owner *x = a, *y = b;
	const size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	const int order = span_compare(span_take(x->name, n), span_take(y->name, n));

	if (order || x->name.len == y->name.len)
		return order;
	return x->name.len < y->name.len ? '/' - (unsigned char)y->name.ptr[n] : (unsigned char)x->name.ptr[n] - '/';
}

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
	uint64_t *ids = NULL;
	size_t count = 0;
	enum err e = s->service->list(s->store, a, &r->own, &r->own_count);

	if (!e && !wish->own_only && imap_has(s, CAP_ACL))
		e = s->service->share_owners(s->shares, a, &ids, &count);
	r->owners = e ? NULL : arena_array(a, count, sizeof *r->owners);
	if (!r->owners)
		return e ? e : ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		struct list_owner o = { .id = ids[i], .name = imap_owner_name(s, ids[i], a) };

		if (a->failed)
			return ERR_LIMIT;
		if (o.name.ptr)
			r->owners[r->owner_count++] = o;
	}
	if (r->owner_count)
		qsort(r->owners, r->owner_count, sizeof *r->owners, by_mailboxes);
	return r->owner_count && !add(a, r, 0, SPAN("Shared")) ? ERR_LIMIT : ERR_OK;
}

/* ---- one account ---- */

/* Those that may be looked up. */
static enum err add_mailboxes(struct imap_session *s, const struct list_owner *o, struct list_rows *r)
{
	struct imap_place place = { .owner = o->id };
	struct mailbox_info *all;
	size_t count;
	enum err e = imap_place_open(s, &place);

	if (!e)
		e = s->service->list(place.store, &s->run.batch, &all, &count);
	for (size_t i = 0; !e && i < count; i++) {
		const unsigned rights = all[i].exists ? s->service->share_rights(s->shares, o->id, all[i].id) : 0;
		struct imap_place *row;

		if (!(rights & RIGHT_LOOKUP))
			continue;
		row = add(&s->run.arena, r, o->id,
			  arena_printf(&s->run.arena, "%.*s/%.*s", (int)o->name.len, o->name.ptr, (int)all[i].name.len, all[i].name.ptr));
		if (!row || !row->mailbox.name.ptr)
			return ERR_LIMIT;
		all[i].name = row->mailbox.name;
		row->mailbox = all[i];
		row->mailbox.subscribed = row->mailbox.has_children = false;
		row->mailbox.use = USE_NONE;
		row->rights = rights;
	}
	return s->run.batch.failed ? ERR_LIMIT : ERR_OK;
}

static struct imap_place *find(const struct imap_place *rows, size_t count, struct span name)
{
	const struct imap_place key = { .mailbox.name = name };

	return count ? bsearch(&key, rows, count, sizeof *rows, by_name) : NULL;
}

/* RFC 4314 4: a parent that may not be looked up is as one that isn't there: only a name. */
static enum err add_parents(struct arena *a, const struct list_owner *o, struct list_rows *r, size_t first)
{
	const size_t end = r->shared_count;

	for (size_t i = first; i < end; i++) {
		const struct span name = r->shared[i].mailbox.name;

		for (size_t at = o->name.len + 1; at < name.len; at++) {
			const struct span parent = span_take(name, at);

			if (name.ptr[at] != '/' || (i > first && is_below(r->shared[i - 1].mailbox.name, parent)))
				continue;
			if (!find(r->shared + first, end - first, parent) && !add(a, r, o->id, parent))
				return ERR_LIMIT;
		}
	}
	return ERR_OK;
}

static void mark_parents(const struct list_owner *o, struct list_rows *r, size_t first)
{
	for (size_t i = first; i < r->shared_count; i++) {
		struct span name = r->shared[i].mailbox.name;
		struct imap_place *above;

		if (name.len <= o->name.len)
			continue;
		while (name.ptr[--name.len] != '/')
			;
		above = find(r->shared + first, r->shared_count - first, name);
		if (above)
			above->mailbox.has_children = true;
	}
}

static void sort(struct list_rows *r, size_t first)
{
	if (r->shared_count > first)
		qsort(r->shared + first, r->shared_count - first, sizeof *r->shared, by_name);
}

static enum err add_owner(struct imap_session *s, const struct list_wish *wish, const struct list_owner *o, struct list_rows *r)
{
	const bool is_wanted = may_match(wish, o->name) && (!wish->only_subscribed || has_subscription(r, o->name));
	const size_t first = r->shared_count;
	struct imap_place *root = add(&s->run.arena, r, o->id, o->name);
	enum err e = root && is_wanted ? add_mailboxes(s, o, r) : ERR_OK;

	arena_reset(&s->run.batch);
	imap_places_close(s);
	if (!root)
		return ERR_LIMIT;
	sort(r, first);
	if (!e)
		e = add_parents(&s->run.arena, o, r, first);
	sort(r, first);
	mark_parents(o, r, first);
	r->shared[first].mailbox.has_children = true;
	return e;
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

	r->all = arena_array(a, r->own_count + r->shared_count, sizeof *r->all);
	if (!r->all)
		return ERR_LIMIT;
	if (r->shared_count) /* "Shared" is among them, unsorted */
		r->shared[0].mailbox.has_children = true;
	while (own < r->own_count || shared < r->shared_count) {
		struct imap_place mine = { .owner = s->account_id, .rights = RIGHT_ALL };
		int order = own == r->own_count ? 1 : -1;

		if (own < r->own_count)
			mine.mailbox = r->own[own];
		if (own < r->own_count && shared < r->shared_count && !(own == 0 && span_equals(mine.mailbox.name, SPAN("INBOX"))))
			order = by_name(&mine, &r->shared[shared]);
		r->all[r->count++] = order < 0 ? mine : order > 0 ? r->shared[shared]
								  : joined(&mine, &r->shared[shared]);
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
	if (r->owner_at < r->owner_count)
		*e_out = add_owner(s, wish, &r->owners[r->owner_at++], r);
	else
		*e_out = merge(s, &s->run.arena, r);
	return !*e_out;
}
