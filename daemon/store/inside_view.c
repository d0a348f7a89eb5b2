/* store/inside_view.c: what view.c and change.c share: a view's own changes, the list of changed messages. */
#include "daemon/store/inside_view.h"

bool view_is_own(const struct view *v, uint64_t modseq)
{
	for (size_t i = 0; i < v->own_count; i++) {
		if (v->own[i] == modseq)
			return true;
	}
	return false;
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
