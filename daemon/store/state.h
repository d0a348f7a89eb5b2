/* store/state.h: what is known in memory of a mailbox while its account is open: how far it has been committed, the newest uid
 * map, which UIDs had their flags changed lately, and what is \Recent. For the files of store/ only. */
#ifndef POSTROOM_STORE_STATE_H
#define POSTROOM_STORE_STATE_H

#include <stdatomic.h>

#include "daemon/store/mailstore.h"
#include "daemon/store/uidmap.h"
#include "daemon/store/view.h"

#define STATE_CHANGES 48

struct mailbox_state {
	uint64_t id;
	struct mailbox_state *next;
	_Atomic uint64_t modseq; /* the highest that is committed and was announced */
	atomic_bool gone;        /* the mailbox was deleted, or made another (store/renew.h) */

	/* Under the account's lock. */
	unsigned holders;
	uint64_t recent_from; /* UIDs from here have been shown to nobody as recent */
	struct uidmap *map;   /* may be null; the mailbox at (map_modseq, map_uid_next) */
	uint64_t map_modseq, map_uid_next;
	/* UIDs whose flags changed, with the modseq: complete above changes_floor. */
	struct state_change {
		uint64_t modseq, audience;
		uint32_t first, last;
	} changes[STATE_CHANGES];
	unsigned change_count, change_at;
	uint64_t changes_floor;
	struct state_seen {
		uint64_t viewer;        /* 0: the owner */
		uint32_t below;         /* messages with a lower UID have \Seen */
		uint64_t unseen_modseq; /* of the last change that took \Seen from a message */
		struct state_seen *next;
	} seen; /* the owner's, and of each who had a view since the account was opened */
};

/* Made when missing, and held until state_release(). It lives as long as the account is open, or, when its mailbox is deleted, until
 * nobody holds it. Null without memory. `recent_from` is for a new one. */
struct mailbox_state *state_get(struct mailstore *m, uint64_t mailbox_id, uint64_t recent_from);
void state_release(struct mailstore *m, struct mailbox_state **state);
void state_free_all(struct mailstore *m);
/* To be called before this viewer's \Seen is read or changed. False: no memory. */
bool state_add_viewer(struct mailstore *m, struct mailbox_state *state, uint64_t viewer);
/* What is known of his \Seen in this mailbox may be wrong from now on. */
void state_forget_viewer(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer);

/* After a commit. */
void state_announce(struct mailbox_state *state, uint64_t modseq);
/* The same for a mailbox that no view need be open on. */
void state_announce_at(struct mailstore *m, uint64_t mailbox_id, uint64_t recent_from, uint64_t modseq);
void state_gone(struct mailstore *m, uint64_t mailbox_id);

/* Before the commit of a change of flags, in its transaction: a reader that sees the change then finds it here. `audience`: whose \Seen alone it is (the
 * account's id, the owner's too); 0: it is everybody's. */
void state_note_change(struct mailstore *m, struct mailbox_state *state, uint64_t modseq, uint64_t audience, uint32_t first, uint32_t last);
/* The ranges changed after `since` that this account is told of, but for those of modseqs in `own`: at most STATE_CHANGES. False: too long ago to know. */
bool state_changes(struct mailstore *m, struct mailbox_state *state, uint64_t since, uint64_t audience, const uint64_t *own, size_t own_count,
		   struct uid_range *out, size_t *count_out);

/* The same for a change that takes \Seen from messages, of which `first` is the lowest. */
void state_note_unseen(struct mailstore *m, struct mailbox_state *state, uint64_t viewer, uint64_t modseq, uint32_t first);
/* No message below this UID is without \Seen. */
uint32_t state_seen_below(struct mailstore *m, struct mailbox_state *state, uint64_t viewer);
/* As a snapshot at `modseq` has shown. */
void state_set_seen_below(struct mailstore *m, struct mailbox_state *state, uint64_t viewer, uint64_t modseq, uint32_t uid);

/* The map, held for the caller, if it is at least as new as `modseq`; else the newest there is, to build on (or null). */
struct uidmap *state_map(struct mailstore *m, struct mailbox_state *state, uint64_t *modseq_out, uint64_t *uid_next_out);
void state_set_map(struct mailstore *m, struct mailbox_state *state, struct uidmap *map, uint64_t modseq, uint64_t uid_next);

/* UIDs in from..uid_next-1 that are recent; `take`: they are nobody else's after this. False: none. */
bool state_take_recent(struct mailstore *m, struct mailbox_state *state, uint64_t from, uint64_t uid_next, bool take, struct uid_range *out);
/* UIDs from there on are still recent. False: nothing has come since the account was opened. */
bool state_recent_from(struct mailstore *m, uint64_t mailbox_id, uint64_t *from_out);

#endif
