/* store/journal.h: what happens in all mailboxes of an account, for sessions that watch more than the one they have selected.
 *
 * A ring in memory of the last changes, kept while somebody follows it: a change costs its writer a few stores under a lock. Who follows has
 * a mark, and reads from there when woken (a store_watch with mailbox_id 0).
 */
#ifndef POSTROOM_STORE_JOURNAL_H
#define POSTROOM_STORE_JOURNAL_H

#include "daemon/store/mailbox.h"

enum {
	CHANGE_NEW = 1,
	CHANGE_EXPUNGED = 2,
	CHANGE_FLAGS = 4,
};

enum journal_event {
	JOURNAL_CREATED,
	JOURNAL_RENAMED, /* with all that is below it; but what INBOX becomes is a new mailbox, and INBOX stays */
	JOURNAL_DELETED,
	JOURNAL_SUBSCRIBED,
	JOURNAL_UNSUBSCRIBED,
};

struct journal_mark {
	uint64_t change, name; /* how many of each were seen */
	uint64_t viewer;       /* 0: the owner */
	uint64_t modseq;       /* of the account, when they were read */
};

struct journal_news {
	struct journal_name {
		enum journal_event event;
		struct span name, old_name;
	} * names; /* in their order */
	size_t name_count;
	bool names_lost; /* more happened than is kept; `names` is empty */
	struct journal_change {
		struct mailbox_info mailbox; /* as it is now; without has_children */
		unsigned what;               /* CHANGE_; all of them where more happened than is kept */
	} * changes;                         /* each mailbox once; not those that are deleted */
	size_t change_count;
};

/* From now on. `viewer`: as of view_open(): what others alone have seen is no news, and the counts are for him. */
enum err journal_follow(struct mailstore *m, uint64_t viewer, struct journal_mark *out) MUST_CHECK;
void journal_leave(struct mailstore *m);
/* What has happened since the mark, which moves; a change that has just been committed may be shown twice. In the arena. With nothing new it is a look at two counters. */
enum err journal_read(struct mailstore *m, struct journal_mark *mark, struct arena *a, struct journal_news *out) MUST_CHECK;

#endif
