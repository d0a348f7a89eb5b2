/* imap/notify_names.c: see the header. */
#include "daemon/imap/notify_names.h"

#include <stdlib.h>

#include "daemon/imap/limits.h"
#include "daemon/imap/place.h"

static int by_id(const void *a, const void *b)
{
	const struct notify_name *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static int places_by_id(const void *a, const void *b)
{
	const struct imap_place *x = a, *y = b;

	if (x->owner != y->owner)
		return x->owner < y->owner ? -1 : 1;
	return (x->mailbox.id > y->mailbox.id) - (x->mailbox.id < y->mailbox.id);
}

static enum err keep(struct imap_session *s, const struct imap_place *places, size_t count, struct notify_names *out)
{
	arena_init(&out->arena, IMAP_NOTIFY_MEMORY_MAX);
	arena_charge(&out->arena, s->run.arena.budget);
	out->all = arena_array(&out->arena, count + 1, sizeof *out->all);
	for (size_t i = 0; out->all && i < count; i++)
		out->all[i] = (struct notify_name){ places[i].owner, places[i].mailbox.id, arena_copy(&out->arena, places[i].mailbox.name) };
	if (out->arena.failed) {
		arena_clear(&out->arena);
		return ERR_LIMIT;
	}
	out->count = count;
	out->known = true;
	return ERR_OK;
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

	if (imap_place_open(s, &p))
		return true;
	return s->service->find(p.store, own_name(known->name), &s->run.arena, &m) == ERR_OK && m.id == known->id;
}

static struct notify_name_change gone(struct imap_session *s, const struct notify_name *known)
{
	return (struct notify_name_change){ .mailbox = { .name = arena_copy(&s->run.arena, known->name) }, .no_access = is_withdrawn(s, known) };
}

static struct notify_name_change there(const struct imap_place *p)
{
	struct notify_name_change c = { .mailbox = p->mailbox };

	c.mailbox.use = USE_NONE;
	return c;
}

/* Both by owner and id. */
static size_t compare(struct imap_session *s, const struct notify_names *known, const struct imap_place *places, size_t count, struct notify_name_change *out)
{
	size_t i = 0, k = 0, n = 0;

	while (i < known->count || k < count) {
		const struct notify_name now = k < count ? (struct notify_name){ places[k].owner, places[k].mailbox.id, places[k].mailbox.name } : (struct notify_name){ UINT64_MAX, UINT64_MAX, SPAN("") };
		const int order = i < known->count ? by_id(&known->all[i], &now) : 1;

		if (order < 0) {
			out[n++] = gone(s, &known->all[i++]);
			continue;
		}
		if (order > 0 || !span_equals(known->all[i].name, now.name)) {
			out[n] = there(&places[k]);
			if (order == 0)
				out[n].old_name = arena_copy(&s->run.arena, known->all[i].name);
			n++;
		}
		i += order == 0;
		k++;
	}
	return n;
}

enum err notify_names_look(struct imap_session *s, struct notify_names *names, struct notify_name_change **out, size_t *count_out)
{
	struct notify_names fresh = { .version = s->service->share_version(s->shares) }; /* first: what is granted after it is looked at again */
	struct imap_place *places;
	size_t count;
	enum err e = imap_places_shared(s, &s->run.arena, &places, &count);

	*count_out = 0;
	if (e)
		return e;
	if (count)
		qsort(places, count, sizeof *places, places_by_id);
	e = keep(s, places, count, &fresh);
	if (e)
		return e;
	*out = names->known ? arena_array(&s->run.arena, names->count + count + 1, sizeof **out) : NULL;
	if (names->known && !*out) {
		arena_clear(&fresh.arena);
		return ERR_LIMIT;
	}
	if (names->known)
		*count_out = compare(s, names, places, count, *out);
	notify_names_forget(names);
	*names = fresh;
	return ERR_OK;
}

void notify_names_forget(struct notify_names *names)
{
	if (names->known)
		arena_clear(&names->arena);
	*names = (struct notify_names){ .known = false };
}
