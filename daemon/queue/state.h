/* queue/state.h: what the queue holds in memory; of this room alone.
 *
 * A message is an entry. Its recipients, sorted by where they go, form parts: one part is what one attempt carries (an account,
 * or the recipients behind one next hop). Parts stand in a lane, one lane a destination:
 *
 *   WAITING --due--> READY --taken--> ACTIVE --finished--> DONE
 *      ^                                |
 *      +------------- retry ------------+
 *
 * Everything here is guarded by queue.lock, except what never changes after the entry was built, and `content` of an active part's entry.
 */
#ifndef POSTROOM_QUEUE_STATE_H
#define POSTROOM_QUEUE_STATE_H

#include <pthread.h>

#include "daemon/queue/queue.h"
#include "db/group.h"

struct content;
struct lane;
struct entry;

/* Stored numbers. */
enum rcpt_kind {
	RCPT_LOCAL = 0,
	RCPT_REMOTE = 1,
	RCPT_UNKNOWN = 2,   /* ours, nobody there: fails with 5.1.1 */
	RCPT_SUSPENDED = 3, /* 5.2.1 */
	RCPT_LOOP = 4,      /* aliases that lead nowhere but to each other, or too deep: 5.4.6 */
};

struct rcpt {
	struct span address, original; /* in the entry's block */
	uint64_t account_id;
	enum rcpt_kind kind;
	enum recipient_state state;
	bool dirty; /* state and words are newer than the row */
	bool tried; /* in this round of its part's attempts: one attempt carries so many recipients only */
	unsigned attempts;
	int64_t last_ms; /* unix */
	char *reply;     /* of the last attempt in this run; malloc */
	char status[12]; /* of the last attempt */
};

enum part_state { PART_WAITING,
		  PART_READY,
		  PART_ACTIVE,
		  PART_DONE };

enum timer_kind { TIMER_PART,
		  TIMER_LANE };
struct timer {
	int64_t at_ms; /* monotonic */
	size_t slot;   /* in the heap, from 1; 0: not in it */
	enum timer_kind kind;
};

struct part {
	struct timer timer;
	struct entry *entry;
	struct lane *lane;
	struct part *next, *previous; /* of the lane's ready parts */
	uint32_t first, count;        /* recipients */
	unsigned attempts;
	enum part_state state;
};

enum lane_list { LIST_NONE,
		 LIST_LOCAL,
		 LIST_REMOTE,
		 LIST_FAILING,
		 LIST_COUNT };

struct lane {
	struct timer timer; /* held until then */
	struct lane *hash_next;
	struct lane *next, *previous; /* of the list it stands in */
	enum lane_list list;
	struct part *head, *tail; /* ready parts */
	size_t references;        /* parts that are not done */
	unsigned active, limit;
	unsigned failures; /* in a row */
	size_t batch_max;  /* local: parts in one transaction */
	bool local;
	uint64_t account_id; /* local; 0: recipients that can only fail */
	uint64_t hash;
	size_t key_len;
	char key[]; /* remote: the next hop */
};

struct entry {
	struct queue_id id;
	struct entry *hash_next;
	struct entry *next, *previous; /* order of acceptance */
	struct entry *dirty_next;
	struct content *content; /* fresh; null: read it back */
	struct accept *dsns;     /* sealed, to be stored with the failure they tell of */
	int64_t accepted_ms, expires_mono_ms;
	uint64_t size;
	struct span reverse_path; /* in the block */
	const char *body_file;    /* in the block; null: inline */
	bool smtputf8, body_8bit;
	bool linked, dirty, finished;
	bool removing; /* the operator's removal is being stored */
	uint32_t open; /* recipients that are not finished */
	uint32_t busy; /* parts that are ready or active */
	uint32_t rcpt_count, part_count;
	struct rcpt *rcpts;
	struct part *parts;
};

struct lane_chain {
	struct lane *head, *tail;
	size_t count;
};

#define RELAY_THREADS_MAX 64
#define RELAY_FAILING_MAX (RELAY_THREADS_MAX / 2)
#define DELIVERY_THREADS 4
#define FRESH_MAX_BYTES (64u * 1024u * 1024u)
#define DAY_MS 86400000LL

enum relay_slot { SLOT_FREE,
		  SLOT_RUNNING,
		  SLOT_ENDED /* to be joined */ };

struct flush;
struct doubtful_body;
struct rules;
struct suppression_list;

struct queue {
	struct queue_config config;
	int bodies_fd;
	struct db_group *group;
	pthread_mutex_t reader_lock; /* guards reader */
	struct db *reader;
	struct rules *rules; /* each has a lock of its own */
	struct suppression_list *suppressions;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t local_work, remote_work, tick, settled;
	bool started, stopping;

	struct entry **buckets;
	size_t bucket_count, entry_count;
	struct entry *first, *last;
	struct lane **lane_buckets;
	size_t lane_bucket_count, lane_count;
	struct timer **heap; /* [1..heap_len], the earliest first */
	size_t heap_len, heap_cap, heap_reserved;
	struct lane_chain lists[LIST_COUNT];

	struct entry *dirty_first, *dirty_last;
	size_t dirty_count;
	bool flush_running, flush_urgent;
	int64_t flush_due_ms; /* monotonic; 0: nothing is dirty */
	unsigned flush_failures;
	struct entry *finished; /* durably gone, to be cleaned up */
	size_t finished_count;
	struct doubtful_body *doubtful; /* files of commits that failed */

	uint64_t waiting, active, fresh_bytes, open_messages;

	pthread_t scheduler, delivery[DELIVERY_THREADS];
	unsigned delivery_count;
	bool scheduler_runs;
	pthread_t relay[RELAY_THREADS_MAX];
	enum relay_slot relay_slots[RELAY_THREADS_MAX];
	unsigned relay_count, relay_idle, relay_failing, relay_turn;
};

#endif
