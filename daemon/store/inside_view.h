/* store/inside_view.h: what a view is made of, for view.c and change.c; and the list of changed messages that both build. */
#ifndef POSTROOM_STORE_INSIDE_VIEW_H
#define POSTROOM_STORE_INSIDE_VIEW_H

#include "daemon/store/state.h"

struct view {
	struct mailstore *m;
	struct mailbox_state *state;
	uint64_t viewer;  /* 0: the owner */
	uint64_t allowed; /* flags that STORE may change */
	struct uidmap *map;
	uint64_t modseq, uid_next; /* of the last sync */
	uint64_t told;             /* modseq of the last sync that left nothing untold */
	bool is_behind;            /* holds UIDs that are expunged */
	bool is_readonly;          /* takes no \Recent */
	struct uid_range *recent;  /* ascending */
	size_t recent_count, recent_cap;
	uint64_t *own; /* modseqs */
	size_t own_count, own_cap;
};

/* The highest UID that a row of this view may have; 0: none. */
static inline uint32_t view_last_known(const struct view *v)
{
	return (uint32_t)(v->uid_next - 1);
}

/* Is it the modseq of a change that this view made since the last sync? */
bool view_is_own(const struct view *v, uint64_t modseq);

/* Messages of `map` whose flags changed, for the client. */
struct changed_list {
	const struct uidmap *map; /* what the client knows, or is about to */
	struct arena *arena;
	struct view_flags_changed *rows;
	size_t count, cap;
	bool failed;
};
/* Adds one if it is in the map. False: no room (latched). */
bool changed_list_add(struct changed_list *c, uint32_t uid, uint64_t flags, uint64_t modseq);

#endif
