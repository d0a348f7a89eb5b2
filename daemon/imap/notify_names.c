/* imap/notify_names.c: see the header.
 *
 * All events need `l` and `r` (RFC 5465 5): a mailbox with `l` alone is \NoAccess. One that loses `l` is \NonExistent, too (5.4), and stays known as withdrawn,
 * so that its return can be told (5.9).
 */
#include "daemon/imap/notify_names.h"

#include <stdlib.h>

#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/notify_follow.h"
#include "daemon/imap/notify_tell.h"
#include "daemon/imap/reply_mailbox.h"

/* ---- looking ---- */

static bool is_followed(const struct imap_notify *n, uint64_t owner)
{
	for (const struct notify_account *a = n->accounts; a; a = a->next)
		if (a->owner == owner)
			return true;
	return false;
}

enum err notify_names_begin(struct imap_session *s, const struct imap_notify *n, struct notify_look *look)
{
	struct shared_places *p = &look->places;
	size_t kept = 0;
	enum err e;

	look->version = s->service->share_version(s->shares); /* first: what is granted after it is looked at again */
	e = shared_places_begin(s, &s->run.arena, p);
	for (size_t i = 0; !e && i < p->owner_count; i++)
		if (is_followed(n, p->owners[i].id))
			p->owners[kept++] = p->owners[i];
	p->owner_count = kept;
	return e;
}

/* ---- what has changed ---- */

static int by_id(const struct notify_name *x, uint64_t owner, uint64_t id)
{
	if (x->owner != owner)
		return x->owner < owner ? -1 : 1;
	return (x->id > id) - (x->id < id);
}

static int places_by_id(const void *a, const void *b)
{
	const struct imap_place *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->mailbox.id > y->mailbox.id) - (x->mailbox.id < y->mailbox.id);
}

/* What is gone first, and what is only a parent last. */
static int changes_by_name(const void *a, const void *b)
{
	const struct notify_name_change *x = a, *y = b;
	const int order = span_compare(x->mailbox.name, y->mailbox.name);

	if (order || x->is_parent != y->is_parent)
		return order ? order : x->is_parent - y->is_parent;
	return x->mailbox.exists - y->mailbox.exists;
}

/* "Shared/<owner>/<name>": the name in the owner's account. */
static struct span own_name(struct span full)
{
	struct span rest = full;
	size_t at;

	for (unsigned level = 0; level < 2 && span_find_char(rest, '/', &at); level++)
		rest = span_skip(rest, at + 1);
	return rest;
}

/* Is it still there, though not for us? Where nothing is granted any more nobody can say. */
static bool is_withdrawn(struct imap_session *s, const struct notify_name *known)
{
	struct imap_place p = { .owner = known->owner };
	struct mailbox_info m;
	enum err e = imap_place_open(s, &p);

	if (!e)
		e = s->service->find(p.store, own_name(known->name), &s->run.arena, &m) == ERR_OK && m.id == known->id ? ERR_OK : ERR_STATE;
	imap_places_close(s);
	return e != ERR_STATE;
}

struct comparing {
	struct imap_session *s;
	struct notify_names *fresh;
	struct notify_name_change *changes;
	size_t count;
};

static void keep(struct comparing *c, const struct notify_name *n)
{
	struct notify_name *to = &c->fresh->all[c->fresh->count++];

	*to = *n;
	to->name = arena_copy(&c->fresh->arena, n->name);
}

static void add_change(struct comparing *c, struct notify_name_change change)
{
	c->changes[c->count++] = change;
}

static void gone(struct comparing *c, const struct notify_name *known)
{
	struct notify_name kept = *known;
	bool withdrawn;

	if (known->access == NAME_WITHDRAWN) {
		keep(c, known);
		return;
	}
	withdrawn = is_withdrawn(c->s, known);
	add_change(c, (struct notify_name_change){ .mailbox = { .name = arena_copy(&c->s->run.arena, known->name) }, .no_access = withdrawn, .is_told = withdrawn });
	if (!withdrawn)
		return;
	kept.access = NAME_WITHDRAWN;
	keep(c, &kept);
}

/* `known` null: it was not. */
static void there(struct comparing *c, const struct notify_name *known, const struct imap_place *p, bool is_first)
{
	const struct notify_name now = { p->owner, p->mailbox.id, p->mailbox.name, p->rights & RIGHT_READ ? NAME_OPEN : NAME_SHUT };
	struct notify_name_change change = { .mailbox = p->mailbox, .no_access = now.access == NAME_SHUT };

	keep(c, &now);
	change.is_told = known ? known->access != now.access : change.no_access;
	if (known && known->access != NAME_WITHDRAWN && !span_equals(known->name, now.name))
		change.old_name = arena_copy(&c->s->run.arena, known->name);
	if (change.is_told || change.old_name.len || (!known && !is_first))
		add_change(c, change);
}

static void compare(struct comparing *c, const struct notify_names *known, const struct imap_place *places, size_t count)
{
	size_t i = 0, k = 0;

	while (i < known->count || k < count) {
		int order = k == count ? -1 : 1;

		if (i < known->count && k < count)
			order = by_id(&known->all[i], places[k].owner, places[k].mailbox.id);
		if (order < 0)
			gone(c, &known->all[i]);
		else
			there(c, order == 0 ? &known->all[i] : NULL, &places[k], !known->known);
		i += order <= 0;
		k += order >= 0;
	}
}

static bool is_own(const struct imap_session *s, const struct notify_name_change *c)
{
	const struct notify_own *own = &s->notify->own;

	if (c->is_parent)
		return false;
	if (!c->mailbox.exists)
		return notify_own_has_name(own, JOURNAL_DELETED, c->mailbox.name);
	return notify_own_has_name(own, c->old_name.len ? JOURNAL_RENAMED : JOURNAL_CREATED, c->mailbox.name);
}

static bool has_below(const struct shared_places *p, struct span name)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct span other = p->all[i].mailbox.name;

		if (other.len > name.len && other.ptr[name.len] == '/' && span_starts(other, name))
			return true;
	}
	return false;
}

/* RFC 5465 5.4: of what is made or removed, be it by a grant, the parent is affected, too. */
static void add_parents(struct comparing *c, const struct shared_places *p)
{
	const size_t count = c->count;

	for (size_t i = 0; i < count; i++) {
		const struct notify_name_change *child = &c->changes[i];
		struct span name = child->mailbox.name;
		const struct imap_place *there;

		if (child->old_name.len || (child->mailbox.exists && child->is_told) || is_own(c->s, child))
			continue;
		while (name.len && name.ptr[--name.len] != '/')
			;
		there = shared_places_find(p, 0, p->count, name);
		if (there)
			add_change(c, (struct notify_name_change){ .mailbox = there->mailbox, .no_access = !(there->rights & RIGHT_READ), .is_parent = true });
		else
			add_change(c, (struct notify_name_change){ .mailbox = { .name = name, .has_children = child->mailbox.exists || has_below(p, name) }, .is_parent = true });
	}
}

enum err notify_names_end(struct imap_session *s, struct imap_notify *n, struct notify_look *look, struct notify_name_change **out, size_t *count_out)
{
	const struct shared_places *p = &look->places;
	struct notify_names fresh = { .version = look->version, .known = true };
	struct imap_place *places = arena_array(&s->run.arena, p->count + 1, sizeof *places); /* by id */
	const size_t most = n->names.count + p->count + 1;
	struct comparing c = { .s = s, .fresh = &fresh, .changes = arena_array(&s->run.arena, 2 * most, sizeof **out) };

	arena_init(&fresh.arena, IMAP_NOTIFY_MEMORY_MAX);
	arena_charge(&fresh.arena, s->run.arena.budget);
	fresh.all = arena_array(&fresh.arena, most, sizeof *fresh.all);
	if (places && p->count) {
		memcpy(places, p->all, p->count * sizeof *places);
		qsort(places, p->count, sizeof *places, places_by_id);
	}
	if (places && c.changes && fresh.all)
		compare(&c, &n->names, places, p->count);
	if (!places || !c.changes || fresh.arena.failed || s->run.arena.failed) {
		arena_clear(&fresh.arena);
		return ERR_LIMIT;
	}
	add_parents(&c, p);
	if (c.count)
		qsort(c.changes, c.count, sizeof *c.changes, changes_by_name);
	notify_names_forget(&n->names);
	n->names = fresh;
	*out = c.changes;
	*count_out = c.count;
	return ERR_OK;
}

void notify_names_forget(struct notify_names *names)
{
	if (names->known)
		arena_clear(&names->arena);
	*names = (struct notify_names){ .known = false };
}

/* ---- telling ---- */

static unsigned events_of(struct imap_session *s, const struct notify_name_change *c)
{
	unsigned events = imap_notify_events(s->notify, c->mailbox.name, false, imap_is_subscribed(s, c->mailbox.name));

	if (c->old_name.len)
		events |= imap_notify_events(s->notify, c->old_name, false, imap_is_subscribed(s, c->old_name));
	return events;
}

/* RFC 5465 5.4: what stands below a mailbox has been renamed with it. */
static bool goes_without_saying(struct imap_session *s, const struct notify_name_change *changes, size_t count, const struct notify_name_change *c)
{
	const struct span name = c->mailbox.name;

	for (size_t behind = 1; c->old_name.len && behind < name.len && behind < c->old_name.len; behind++) {
		const size_t at = name.len - behind;
		const struct notify_name_change key = { .mailbox = { .name = span_take(name, at), .exists = true } }, *above;

		if (name.ptr[at] != '/' || !span_equals(span_skip(name, at), span_skip(c->old_name, c->old_name.len - behind)))
			continue;
		above = bsearch(&key, changes, count, sizeof key, changes_by_name);
		if (above && span_equals(above->old_name, span_take(c->old_name, c->old_name.len - behind)) && (events_of(s, above) & NOTIFY_NAME))
			return true;
	}
	return false;
}

void notify_names_tell(struct imap_session *s, const struct notify_name_change *changes, size_t count, size_t at, struct out *out)
{
	struct notify_name_change c = changes[at];
	const struct status_values values = { .mailbox = &c.mailbox };
	const unsigned events = events_of(s, &c);

	if (c.is_parent && at && span_equals(changes[at - 1].mailbox.name, c.mailbox.name)) /* told */
		return;
	if (!events || is_own(s, &c) || goes_without_saying(s, changes, count, &c))
		return;
	c.mailbox.subscribed = imap_is_subscribed(s, c.mailbox.name);
	if (c.is_told || (events & NOTIFY_NAME))
		imap_list_change(s, &c.mailbox, c.old_name.len ? c.old_name : c.mailbox.name, c.no_access, out);
	if (c.mailbox.exists && !c.no_access && !c.is_parent && (events & NOTIFY_FLAGS)) /* another UIDVALIDITY under this name (RFC 5465 5.1) */
		reply_status(s, out, &values, imap_notify_items(s, events, true));
}
