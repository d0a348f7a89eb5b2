/* store/inside_view.h: what a view is made of, for view.c and change.c; and the list of changed messages that both build. */
#ifndef POSTROOM_STORE_INSIDE_VIEW_H
#define POSTROOM_STORE_INSIDE_VIEW_H

#include "daemon/store/state.h"
#include "db/mail_message.h"

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

/* How many messages of the set the view holds. */
size_t view_count_of(const struct view *v, const struct uid_set *set);

/* Whose private changes it is told of. */
static inline uint64_t view_audience(const struct view *v)
{
	return v->viewer ? v->viewer : v->m->account_id;
}

/* Message rows as the viewer has them: his \Seen in `flags`, and the modseq of that, if he has any, in seen_modseq. `since` 0: all; else those that
 * have either modseq above it. */
enum err view_scan(const struct view *v, struct db *db, struct uid_range range, uint64_t since, enum db_message_level level,
		   bool (*each)(void *arg, const struct db_message_row *row), void *arg) MUST_CHECK;

static inline uint64_t view_row_modseq(const struct db_message_row *row)
{
	return row->seen_modseq > row->message.modseq ? row->seen_modseq : row->message.modseq;
}

/* Was the row changed by others since the last sync? */
bool view_is_news(const struct view *v, const struct db_message_row *row);

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
