/* store/view.h: one session's picture of a selected mailbox: which UIDs it knows under which sequence numbers, and the modseq
 * up to which it has told the client everything.
 *
 * The uid map is shared copy-on-write between the sessions of an account that stand at the same point; a view of its own is small.
 * One thread at a time uses a view.
 */
#ifndef POSTROOM_STORE_VIEW_H
#define POSTROOM_STORE_VIEW_H

#include "daemon/store/mailbox.h"
#include "daemon/store/message.h"

struct view;

/* Sets of UIDs, ascending, not overlapping. */
struct uid_range {
	uint32_t first, last;
};
struct uid_set {
	struct uid_range *ranges;
	size_t count;
};

/* ERR_NOT_FOUND. Views at (mailbox, now). `viewer`: the account whose view it is; 0 or the owner's id: the owner. \Seen of another is his own: shown,
 * changed and told to him alone; all other flags are everybody's. */
enum err view_open(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out) MUST_CHECK;
/* EXAMINE: sees \Recent and leaves it to others. */
enum err view_open_readonly(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, struct view **out) MUST_CHECK;
void view_close(struct view **v); /* before store_close() */

/* The flags that may be changed through it (by the viewer's rights); all at first. STORE leaves the others as they are. */
void view_allow(struct view *v, uint64_t flags);

uint32_t view_count(const struct view *v);
uint32_t view_uid_of(const struct view *v, uint32_t sequence); /* sequence 1..count */
bool view_sequence_of(const struct view *v, uint32_t uid, uint32_t *sequence_out);
uint32_t view_last_uid(const struct view *v); /* 0 when empty */
/* First sequence whose uid >= uid; count + 1 when none. */
uint32_t view_first_from(const struct view *v, uint32_t uid);
/* RFC 3501 UNSEEN of SELECT: sequence of the first message without \Seen, 0: none. */
enum err view_first_unseen(struct view *v, uint32_t *sequence_out) MUST_CHECK;

/* \Recent: in memory; messages that arrived since the last SELECT by anyone are recent in this view (read-write ones take them). */
uint32_t view_recent_count(const struct view *v);
bool view_is_recent(const struct view *v, uint32_t uid);
/* What the next SELECT of a mailbox would find recent. */
enum err view_recent_waiting(struct mailstore *m, uint64_t mailbox_id, uint32_t *count_out) MUST_CHECK;

/* HIGHESTMODSEQ of what the client was told: nothing at or below it is news (RFC 7162 3.1.2.1). */
uint64_t view_modseq(const struct view *v);

/* Cheap: has anything been committed to the mailbox since the last sync? */
bool view_is_stale(const struct view *v);
/* Was the mailbox deleted? */
bool view_is_gone(const struct view *v);

/* Brings the view up to date, with or without expunges (RFC 9051 7.5.1: none during FETCH, STORE, SEARCH), and says what changed:
 * expunged sequence numbers in the order to be sent (each counts after the ones before it), then changed messages, then the new count. */
struct view_changes {
	uint32_t *expunged; /* sequence numbers, descending order of position so that each is valid when sent */
	size_t expunged_count;
	struct view_flags_changed {
		uint32_t sequence, uid;
		uint64_t flags, modseq;
	} * changed; /* messages that were known before and are still there; not those whose modseq equals one in `own` */
	size_t changed_count;
	struct uid_range *vanished; /* the expunged ones once more, as UIDs, ascending (RFC 7162 VANISHED) */
	size_t vanished_count;
	bool count_changed; /* send EXISTS (and RECENT) */
	bool gone;          /* the mailbox was deleted: BYE */
};
enum err view_sync(struct view *v, bool may_expunge, struct arena *a, struct view_changes *out) MUST_CHECK;

/* Reading messages in UID order, a batch at a time: no statement stays open between calls. The callback may stop by returning false.
 * Only UIDs in the set and in the view. Starts behind `after_uid`; *last_uid_out is the last one shown; *end_out: all were. */
enum err view_read(struct view *v, const struct uid_set *set, uint32_t after_uid, unsigned want,
		   bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out) MUST_CHECK;

/* The same for messages with a modseq above `since` (CHANGEDSINCE). */
enum err view_read_since(struct view *v, const struct uid_set *set, uint64_t since, uint32_t after_uid, unsigned want,
			 bool (*each)(void *arg, const struct message_row *row), void *arg, uint32_t *last_uid_out, bool *end_out) MUST_CHECK;

/* UIDs that have left the mailbox since that modseq, and are in `known` (null: any): ascending, merged, in the arena. Where the log does not reach back
 * so far: all UIDs of `known` below uidnext that are not there (RFC 7162 3.2.5.1). Not those that the view still holds. */
enum err view_vanished(struct view *v, uint64_t since, const struct uid_set *known, struct arena *a, struct uid_set *out) MUST_CHECK;

/* STORE. Commits once. What comes back is each message of the set that is still there, changed or not, with its flags as they are then,
 * in UID order (RFC 3501 6.4.6 wants a FETCH for each). */
enum flag_change { FLAGS_REPLACE,
		   FLAGS_ADD,
		   FLAGS_REMOVE };
enum err view_store(struct view *v, const struct uid_set *set, enum flag_change how, uint64_t flags, struct arena *a,
		    struct view_flags_changed **rows_out, size_t *count_out) MUST_CHECK;

/* The same for those whose modseq is not above `since` (UNCHANGEDSINCE, judged within the commit); with 0, and keywords alone to be set or taken away,
 * for those that have none of them. `modified`: all others of the set that
 * the view holds, in the arena; *gone_out: some of these are there no more (RFC 7162 3.1.3). */
enum err view_store_unchanged(struct view *v, const struct uid_set *set, uint64_t since, enum flag_change how, uint64_t flags, struct arena *a,
			      struct view_flags_changed **rows_out, size_t *count_out, struct uid_set *modified, bool *gone_out) MUST_CHECK;

/* Removes messages with \Deleted (in the set; null: all). They leave the view with the next view_sync(may_expunge). `count_out` may be null. */
enum err view_expunge(struct view *v, const struct uid_set *set, size_t *count_out) MUST_CHECK;

/* REPLACE (RFC 8508): files `message` and removes `uid` from this view's mailbox, whatever its flags, in one transaction. ERR_NOT_FOUND: no such target
 * (TRYCREATE); ERR_STATE: `uid` is there no more; ERR_LIMIT: over `room`, of which what is replaced is free. */
enum err view_replace(struct view *v, uint32_t uid, uint64_t target_mailbox_id, const struct new_message *message, const struct store_room *room,
		      struct append_result *out) MUST_CHECK;

/* COPY and MOVE within the account (else: share.h). `flags`: those that the copies may have, by the viewer's rights in the target (the owner: all of
 * UINT64_MAX); what others have seen stays seen for them. Pairs source uid, new uid in the order copied (UIDPLUS COPYUID). ERR_NOT_FOUND: no such target (TRYCREATE). All or nothing.
 * ERR_LIMIT: over `room` (of COPY; null: none). ERR_STATE: something of the set that the view holds is there no more. */
struct uid_pair {
	uint32_t from, to;
};
enum err view_copy(struct view *v, const struct uid_set *set, uint64_t target_mailbox_id, bool move, uint64_t flags, const struct store_room *room,
		   struct arena *a, uint32_t *uid_validity_out, struct uid_pair **out, size_t *count_out) MUST_CHECK;

#endif
