/* store/mailstore.h: one open account, for the files of store/ only. */
#ifndef POSTROOM_STORE_MAILSTORE_H
#define POSTROOM_STORE_MAILSTORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/store/message.h"
#include "daemon/store/store.h"
#include "db/group.h"

#define MAILSTORE_IDLE_READERS 2
#define MAILSTORE_STATE_BUCKETS 16
#define MAILSTORE_INBOX SPAN("INBOX")

struct mailbox_state;
struct search_indexer;
struct journal;
struct annotation_ring;

struct mailstore {
	struct store *store;
	struct checkpointer *checkpointer; /* may be null */
	uint64_t account_id;
	char *dir, *files_dir, *db_path, *search_path;
	struct db_group *group; /* owns the writing handle */
	uint64_t inbox_id;
	int64_t open_ms;                /* unix: what stands in files/ since before is nobody's work under way */
	int64_t open_mono_ms;           /* the same moment, of a clock that nobody sets */
	size_t open_strays;             /* files that the sweep of the opening removed */
	uint64_t open_modseq;           /* of the account when it was opened, or renewed: what came later went through this process */
	_Atomic int64_t used_ms;        /* monotonic: the last write or read */
	struct search_indexer *indexer; /* of the store; may be null */
	uint64_t search_origin;         /* what search.db must say it was made from, and how: INBOX's UIDVALIDITY, MESSAGE_TEXT_VERSION */
	uint64_t open_content;          /* the last id given when the account was opened */
	atomic_bool search_believed;    /* search.db was found to know no later id, or was emptied */
	uint64_t search_counted;        /* of the indexer's thread: contents in the index when those still there were last counted */
	atomic_bool search_waits;       /* for the indexer */
	atomic_bool is_unwanted;        /* somebody wants to erase it: who looks through it leaves */

	pthread_mutex_t lock; /* guards what follows; held for moments, nothing is called with it held but state.c and libc */
	struct db *readers[MAILSTORE_IDLE_READERS];
	unsigned reader_count;
	struct mailbox_state *states[MAILSTORE_STATE_BUCKETS];
	char *keywords[FLAG_KEYWORDS_MAX]; /* by bit; null: not taken */
	unsigned keyword_count;
	uint8_t (*ledger_done)[16]; /* to be deleted by the next delivery */
	size_t ledger_count, ledger_cap;
	bool ledger_reviewed;
	struct db *search_reader; /* an idle one */
	unsigned search_readers;  /* in use */
	bool search_damaged;
	bool has_strays; /* a failed commit left names in files/ */

	pthread_mutex_t watch_lock; /* guards the list, the journal and the annotations that changed */
	struct store_watch *watches;
	struct journal *journal;           /* null: nobody follows it */
	struct annotation_ring *annotated; /* what annotation_set() changed; null: nothing yet */

	/* Of the store, under its lock. */
	unsigned references;
	bool is_idle; /* in the store's list of idle ones */
	struct mailstore *newer, *older;
};

/* `sweep`: removes names in files/ that no row knows. */
enum err mailstore_new(struct store *s, struct checkpointer *checkpointer, const char *accounts_dir, uint64_t account_id, bool sweep,
		       struct mailstore **out, struct note *why) MUST_CHECK;
void mailstore_free(struct mailstore **mailstore);

/* A reading handle for the calling thread. */
enum err mailstore_reader_take(struct mailstore *m, struct db **out) MUST_CHECK;
void mailstore_reader_give(struct mailstore *m, struct db **db);
/* Commits run(): see db_group_run(). */
enum err mailstore_write(struct mailstore *m, enum err (*run)(struct db *db, void *arg), void *arg, size_t weight_bytes) MUST_CHECK;
/* Gives back what is kept for speed: idle reading handles and cached pages. */
void mailstore_shrink(struct mailstore *m);

#endif
