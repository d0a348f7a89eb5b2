/* queue/state.h: what the queue holds in memory; of this room alone.
 *
 * A message is an entry. Its recipients, sorted by where they go, form parts: one part is what one attempt carries (an account,
 * or the recipients behind one next hop). Parts stand in a lane, one lane a destination:
 *
 *   WAITING --due--> READY --taken--> ACTIVE --finished--> DONE
 *      ^  ^            |                |
 *      |  +--- held ---+-- all held --> HELD --released--> READY
 *      +------------- retry ------------+
 *
 * (1) A part is DONE when none of its recipients is open, HELD when all that are open are held. Held and waiting recipients may share a
 *     part: an attempt takes those that are not held.
 * (2) entry, part and lane are the small memory that is always there: when what is due, and how destinations are. Addresses and all other
 *     words are in `detail`, which is read from queue.db when somebody works on the entry (detail.h) and dropped when nobody does and all of
 *     it is written. A message that waits for its next attempt has none.
 * (3) `open` of an entry and of its parts, and the queue's counts, are changed by part_change() and the part_ functions of lane.h alone.
 *
 * Everything here is guarded by queue.lock, except what never changes after the entry was built, and, in the detail of an entry that is held
 * (detail.h), what never changes after the detail was made; the state of a recipient is changed by the owner of its active part alone.
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
	RCPT_UNKNOWN = 2,    /* ours, nobody there: fails with 5.1.1 */
	RCPT_SUSPENDED = 3,  /* 5.2.1 */
	RCPT_LOOP = 4,       /* aliases that lead nowhere but to each other, or too deep: 5.4.6 */
	RCPT_SUPPRESSED = 5, /* failed for good lately: fails with the status and reply of then, which stand in the row from the start */
	RCPT_REFUSED = 6,    /* of a domain that refuses mail: 5.2.1 */
	RCPT_EXPANDED = 7,   /* an alias of many whose sender wants to hear of success: nothing to deliver, a notice to make */
};

struct rcpt {
	struct span address, original; /* in the detail's block, as all spans here */
	struct span orcpt;             /* as given; may be empty */
	struct span route;             /* "host:port" of an operator; empty: none */
	struct span reverse_path;      /* of a forwarded copy (SRS); ptr null: the message's */
	struct span reply;             /* of the last attempt */
	char *own_reply, *own_route;   /* malloc: what is newer than the block */
	uint64_t account_id;
	enum rcpt_kind kind;
	enum recipient_state state; /* WAITING: open, whether its part is active or held; DELIVERED, FAILED */
	enum queue_hold hold;       /* of an open one */
	bool dirty;                 /* state and words are newer than the row */
	bool tried;                 /* in this round of its part's attempts: one attempt carries so many recipients only */
	unsigned notify;            /* NOTIFY_ */
	unsigned attempts;
	int64_t last_ms, told_ms; /* unix; told: of a delay, 0: not */
	char status[12];          /* of the last attempt */
};

/* What is known of a message beyond its schedule. One block. */
struct detail {
	struct span reverse_path, envid;
	const char *body_file; /* null: inline */
	enum queue_source source;
	enum dsn_return ret;
	unsigned deliver_by;                           /* BY_ */
	int64_t expires_ms, release_ms, deliver_by_ms; /* unix; 0: none. When it expires may have been changed since: the entry knows */
	size_t bytes;
	struct rcpt rcpts[];
};

enum part_state { PART_WAITING,
		  PART_READY,
		  PART_ACTIVE,
		  PART_HELD,
		  PART_DONE };

enum timer_kind { TIMER_PART,
		  TIMER_LANE,
		  TIMER_PAUSE };
struct timer {
	int64_t at_ms; /* monotonic */
	size_t slot;   /* in the heap, from 1; 0: not in it */
	enum timer_kind kind;
};

struct part {
	struct timer timer; /* the earlier of `due_ms` and `chore_ms` */
	struct entry *entry;
	struct lane *lane;            /* null: done */
	struct part *sibling;         /* of the entry */
	struct part *next, *previous; /* of the lane's ready parts, or of the chores */
	int64_t due_ms;               /* monotonic: the next attempt */
	int64_t chore_ms;             /* monotonic: when the sender is to be told, or it is given up, without an attempt; 0: never */
	uint32_t first, count;        /* recipients */
	uint32_t open, held;          /* of them; held ones are open, too */
	unsigned attempts;
	enum part_state state;
	bool forced; /* an operator wants it tried, whatever its lane says */
};

enum lane_list { LIST_NONE,
		 LIST_LOCAL,
		 LIST_REMOTE,
		 LIST_FAILING, /* the last attempt failed, or took long */
		 LIST_COUNT };

struct ready {
	struct part *head, *tail;
};

/* -9 to 9 without 0: RFC 6710. */
#define LANE_RANKS 18

struct lane {
	struct timer timer; /* held back until then */
	struct lane *hash_next;
	struct lane *next, *previous; /* of the list it stands in */
	enum lane_list list;
	struct ready normal, forced;
	struct ready *ranks; /* LANE_RANKS of them, the most urgent first; null: no message of a priority was ever here */
	size_t ready_count;
	size_t references; /* parts that are not done */
	unsigned active, limit;
	unsigned failures;  /* in a row */
	unsigned batch_max; /* local: parts in one transaction */
	bool local, paused;
	bool slow;           /* the last attempt took long */
	uint64_t account_id; /* local; 0: recipients that can only fail */
	uint64_t hash;
	char *last_error; /* malloc; null: none in this run */
	uint32_t key_len;
	char key[]; /* remote: the next hop */
};

struct entry {
	struct queue_id id;
	struct entry *hash_next;
	struct entry *next, *previous; /* order of acceptance */
	struct entry *dirty_next;
	struct detail *detail;           /* null: to be read back */
	struct content *content;         /* fresh; null: read it back */
	struct accept *dsns;             /* sealed notices, to be stored with what they tell of */
	struct part *parts;              /* by `sibling`, in order of recipients */
	int64_t accepted_ms;             /* unix */
	int64_t begun_mono_ms;           /* accepted, or released (FUTURERELEASE): from when delays count */
	_Atomic int64_t expires_mono_ms; /* changed by operators at any time */
	int64_t deliver_by_mono_ms;      /* 0: none */
	uint64_t account_id;             /* of the sender, 0: nobody logged in */
	uint64_t size;
	uint32_t rcpt_count;
	uint32_t open;  /* recipients that are not finished */
	uint32_t busy;  /* parts that are ready or active */
	uint32_t holds; /* of the detail: it stays, and the entry with it */
	int16_t priority;
	bool smtputf8, body_8bit, body_binary, require_tls, has_file;
	bool counted; /* its failures count against its account (sent.h) */
	bool linked, dirty, writing, finished;
};

struct lane_chain {
	struct lane *head, *tail;
	size_t count;
};

/* Attempts at once; those that already take long do not count among RELAY_BRISK_MAX (remote.c). */
#define RELAY_THREADS_MAX 128
#define RELAY_BRISK_MAX 64
#define RELAY_FAILING_MAX (RELAY_BRISK_MAX / 2)
#define DELIVERY_THREADS 4
#define FRESH_MAX_BYTES (64u * 1024u * 1024u)
#define DAY_MS 86400000LL
#define RELEASE_MAX_MS (31 * DAY_MS) /* how far ahead FUTURERELEASE reaches, on the monotonic clock; SMTP offers no more */

enum relay_slot { SLOT_FREE,
		  SLOT_RUNNING,
		  SLOT_ENDED /* to be joined */ };

struct flush;
struct pause;
struct rules;
struct sending;
struct suppression_list;
struct doubtful_body;

struct queue {
	struct queue_config config;
	int bodies_fd;
	struct db_group *group;
	pthread_mutex_t reader_lock; /* guards reader */
	struct db *reader;
	struct rules *rules;                   /* rules.h, with a lock of its own */
	struct suppression_list *suppressions; /* suppression.h, as well */
	struct sending *sending;               /* sending.h, as well */

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

	uint64_t waiting, active, held; /* recipients */
	uint64_t fresh_bytes, open_messages;
	struct part *chores, *chores_last; /* active ones that wait for a delivery thread (chore.h) */
	bool chore_running;
	struct pause **pauses; /* sorted by name */
	size_t pause_count, pause_cap, pauses_coming;

	pthread_t scheduler, delivery[DELIVERY_THREADS];
	unsigned delivery_count;
	bool scheduler_runs;
	pthread_t relay[RELAY_THREADS_MAX];
	enum relay_slot relay_slots[RELAY_THREADS_MAX];
	struct lane *relay_lanes[RELAY_THREADS_MAX]; /* of its attempt; null: none */
	int64_t relay_since_ms[RELAY_THREADS_MAX];   /* monotonic */
	bool relay_watched;                          /* the scheduler waits for one to become slow */
	bool relay_woken;                            /* an idle one was called, and has not looked yet: it calls the next */
	unsigned relay_count, relay_idle, relay_failing, relay_turn;
	unsigned relay_top; /* slots above it were never used */
};

#endif
