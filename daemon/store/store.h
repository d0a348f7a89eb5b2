/* store/store.h: accounts' mailboxes: opening, an LRU of open ones, and notices of change.
 *
 * accounts/<id>/mail.db, files/. Everything of an account is reached through a `struct mailstore` handle, which is shared by
 * all sessions and deliveries of the account and safe from any thread: writes go through its group commit, reads through a few
 * reading handles. All calls may block on the local disk, and on nothing else.
 */
#ifndef POSTROOM_STORE_STORE_H
#define POSTROOM_STORE_STORE_H

#include "daemon/base/arena.h"

struct checkpointer;
struct store;
struct mailstore; /* one account, open, counted */

struct store_config {
	const char *accounts_dir;
	struct checkpointer *checkpointer; /* may be null */
	unsigned max_open;                 /* idle accounts kept open beyond those in use */
	bool search_index;                 /* a thread that keeps search.db of each account up with its mail */
};
enum err store_new(const struct store_config *config, struct store **out, struct note *why) MUST_CHECK;
void store_free(struct store **s);

/* Made at the first delivery or login: INBOX, Drafts, Sent, Junk, Trash, Archive. */
enum err store_open(struct store *s, uint64_t account_id, struct mailstore **out, struct note *why) MUST_CHECK;
/* ERR_NOT_FOUND: the account has no mailbox yet, and gets none by this. */
enum err store_open_known(struct store *s, uint64_t account_id, struct mailstore **out, struct note *why) MUST_CHECK;
void store_close(struct mailstore **m);

/* How much is in all mailboxes of an account, each message counted where it stands. An account that has no mailbox yet has nothing, and gets none by this. */
enum err store_usage(struct store *s, uint64_t account_id, uint64_t *bytes_out, uint64_t *messages_out) MUST_CHECK;

/* Erases the folder of a removed account. ERR_STATE while sessions hold it (kick them first). */
enum err store_erase(struct store *s, uint64_t account_id, struct note *why) MUST_CHECK;

/* The highest number of an account that has a folder; 0: none has. */
enum err store_last_account(const char *accounts_dir, uint64_t *out) MUST_CHECK;

/* Gives back memory (cached pages, idle reading handles) of accounts that have been quiet for 20 s, and says of how many. To be called now and then. */
unsigned store_tend(struct store *s);

/* Of the thread that indexes. */
struct store_search_stats {
	uint64_t waiting; /* accounts with mail that search.db does not have yet */
	uint64_t visits;  /* to accounts */
	bool is_stuck;    /* the last visit failed: a full disk, a damaged file */
};
void store_search_stats(struct store *s, struct store_search_stats *out);

/* Called after each committed change of a mailbox; must only queue a wake-up: the list's lock is held, so after
 * store_watch_remove() no call comes. One subscriber list per open account. */
struct store_watch {
	uint64_t mailbox_id; /* 0: any */
	void (*changed)(void *arg);
	void *arg;
	struct store_watch *next, **link; /* of the store */
};
void store_watch_add(struct mailstore *m, struct store_watch *w);
void store_watch_remove(struct mailstore *m, struct store_watch *w);

#endif
