/* store/inside_view.c: what the files of views share: rows as the viewer has them, a view's own changes, the list of changed messages. */
#include "daemon/store/inside_view.h"

#include "db/mail_seen.h"

struct overlay {
	struct db_seen_walk walk;
	bool (*each)(void *arg, const struct db_message_row *row);
	void *arg;
};

static bool show_to_viewer(void *arg, const struct db_message_row *row)
{
	struct overlay *o = arg;
	struct db_message_row his = *row;
	const bool is_seen = db_seen_walk_to(&o->walk, row->message.uid, &his.seen_modseq);

	his.message.flags = (row->message.flags & ~(uint64_t)FLAG_SEEN) | (is_seen ? FLAG_SEEN : 0);
	return !o->walk.result && o->each(o->arg, &his);
}

enum err view_scan(const struct view *v, struct db *db, struct uid_range range, uint64_t since, enum db_message_level level,
		   bool (*each)(void *arg, const struct db_message_row *row), void *arg)
{
	const uint64_t id = v->state->id;
	struct overlay o = { .each = each, .arg = arg };
	enum err e, walked;

	if (!v->viewer)
		return since ? db_message_scan_changed(db, id, range.first, range.last, since, 0, level, each, arg)
			     : db_message_scan(db, id, range.first, range.last, level, each, arg);
	db_seen_walk_begin(db, id, v->viewer, range.first, range.last, &o.walk);
	e = since ? db_message_scan_changed(db, id, range.first, range.last, since, v->viewer, level, show_to_viewer, &o)
		  : db_message_scan(db, id, range.first, range.last, level, show_to_viewer, &o);
	walked = db_seen_walk_end(&o.walk);
	return e ? e : walked;
}

size_t view_count_of(const struct view *v, const struct uid_set *set)
{
	size_t messages = 0;

	for (size_t i = 0; i < set->count && set->ranges[i].first <= view_last_known(v); i++) {
		uint32_t last = set->ranges[i].last;
		uint32_t behind = last < view_last_known(v) ? uidmap_first_from(v->map, last + 1) : v->map->messages + 1;

		messages += behind - uidmap_first_from(v->map, set->ranges[i].first);
	}
	return messages;
}

/* Is it the modseq of a change that this view made since the last sync? */
static bool is_own(const struct view *v, uint64_t modseq)
{
	for (size_t i = 0; i < v->own_count; i++) {
		if (v->own[i] == modseq)
			return true;
	}
	return false;
}

static bool is_news(const struct view *v, uint64_t modseq)
{
	return modseq > v->modseq && !is_own(v, modseq);
}

bool view_is_news(const struct view *v, const struct db_message_row *row)
{
	return is_news(v, row->message.modseq) || is_news(v, row->seen_modseq);
}

/* Grows by doubling within the arena, which is of the command and short-lived. */
bool changed_list_add(struct changed_list *c, uint32_t uid, uint64_t flags, uint64_t modseq)
{
	uint32_t sequence;

	if (!uidmap_find(c->map, uid, &sequence))
		return true;
	if (c->count == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct view_flags_changed *rows = arena_array(c->arena, cap, sizeof(*rows));

		c->failed = !rows;
		if (!rows)
			return false;
		if (c->count)
			memcpy(rows, c->rows, c->count * sizeof(*rows));
		c->rows = rows;
		c->cap = cap;
	}
	c->rows[c->count++] = (struct view_flags_changed){ sequence, uid, flags, modseq };
	return true;
}
