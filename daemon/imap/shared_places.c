/* imap/shared_places.c: see the header.
 *
 * An account's names follow each other, so lists that are sorted each, taken in the order of the accounts' names, are one sorted list.
 */
#include "daemon/imap/shared_places.h"

#include <stdlib.h>

#define ROWS_MIN 32

static int by_name(const void *a, const void *b)
{
	return span_compare(((const struct imap_place *)a)->mailbox.name, ((const struct imap_place *)b)->mailbox.name);
}

/* ---- whom to ask ---- */

static int by_mailboxes(const void *a, const void *b)
{
	const struct shared_owner *x = a, *y = b;
	const size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	const int order = span_compare(span_take(x->name, n), span_take(y->name, n));

	if (order || x->name.len == y->name.len)
		return order;
	return x->name.len < y->name.len ? '/' - (unsigned char)y->name.ptr[n] : (unsigned char)x->name.ptr[n] - '/';
}

enum err shared_places_begin(struct imap_session *s, struct arena *a, struct shared_places *p)
{
	uint64_t *ids = NULL;
	size_t count = 0;
	enum err e = imap_has(s, CAP_ACL) ? s->service->share_owners(s->shares, a, &ids, &count) : ERR_OK;

	*p = (struct shared_places){ .arena = a };
	p->owners = e ? NULL : arena_array(a, count, sizeof *p->owners);
	if (!p->owners)
		return e ? e : ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		const struct shared_owner o = { .id = ids[i], .name = imap_owner_name(s, ids[i], a) };

		if (a->failed)
			return ERR_LIMIT;
		if (o.name.ptr)
			p->owners[p->owner_count++] = o;
	}
	if (p->owner_count)
		qsort(p->owners, p->owner_count, sizeof *p->owners, by_mailboxes);
	return ERR_OK;
}

/* ---- one account ---- */

struct imap_place *shared_places_add(struct shared_places *p, uint64_t owner, struct span name)
{
	struct imap_place *row;

	if (p->count == p->room) {
		const size_t room = p->room ? p->room * 2 : ROWS_MIN;
		struct imap_place *more = arena_array(p->arena, room, sizeof *more);

		if (!more)
			return NULL;
		if (p->count)
			memcpy(more, p->all, p->count * sizeof *more);
		p->all = more;
		p->room = room;
	}
	row = &p->all[p->count++];
	*row = (struct imap_place){ .owner = owner, .mailbox.name = name };
	return row;
}

struct imap_place *shared_places_find(const struct shared_places *p, size_t first, size_t end, struct span name)
{
	const struct imap_place key = { .mailbox.name = name };

	return end > first ? bsearch(&key, p->all + first, end - first, sizeof key, by_name) : NULL;
}

void shared_places_settle(struct shared_places *p, size_t first)
{
	if (p->count > first)
		qsort(p->all + first, p->count - first, sizeof *p->all, by_name);
	for (size_t i = first; i < p->count; i++) {
		struct span name = p->all[i].mailbox.name;

		while (name.len) {
			struct imap_place *above;

			if (name.ptr[--name.len] != '/')
				continue;
			above = shared_places_find(p, first, i, name);
			if (above && above->mailbox.has_children) /* so have those above it */
				break;
			if (above)
				above->mailbox.has_children = true;
		}
	}
}

static enum err add_mailboxes(struct imap_session *s, struct shared_places *p, const struct shared_owner *o)
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
		row = shared_places_add(p, o->id, arena_printf(p->arena, "%.*s/%.*s", (int)o->name.len, o->name.ptr, (int)all[i].name.len, all[i].name.ptr));
		if (!row || !row->mailbox.name.ptr)
			return ERR_LIMIT;
		all[i].name = row->mailbox.name;
		row->mailbox = all[i];
		row->mailbox.subscribed = row->mailbox.has_children = false;
		row->mailbox.use = USE_NONE;
		row->rights = rights;
	}
	if (s->run.batch.failed)
		return ERR_LIMIT;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err shared_places_read(struct imap_session *s, struct shared_places *p, const struct shared_owner *o)
{
	const size_t first = p->count;
	enum err e = add_mailboxes(s, p, o);

	arena_reset(&s->run.batch);
	imap_places_close(s);
	shared_places_settle(p, first);
	return e;
}

bool shared_places_more(struct imap_session *s, struct shared_places *p, enum err *e_out)
{
	*e_out = ERR_OK;
	if (p->owner_at == p->owner_count)
		return false;
	*e_out = shared_places_read(s, p, &p->owners[p->owner_at++]);
	return !*e_out;
}
