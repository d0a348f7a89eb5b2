/* queue/sending_state.h: what is held in memory of accounts that send outside; of the files of sending alone.
 *
 * An account is in memory once it was asked for (sender_lock) and until it has not sent for a day, or a day is over: then it is read again, and its own
 * past with it. Everything is guarded by sending.lock, which is inside every other lock, and nothing is called back with it held.
 */
#ifndef POSTROOM_QUEUE_SENDING_STATE_H
#define POSTROOM_QUEUE_SENDING_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/crypto/digest.h"
#include "daemon/queue/breaker.h"
#include "daemon/queue/sending.h"
#include "db/db.h"

#define HOUR_MS 3600000LL
#define SENDING_HOURS 25 /* the one that runs, and those that a day reaches into */
#define SENDING_PAST_HOURS (28 * 24)
#define SENDING_BUCKETS 1024u
#define SENDING_DETAIL_MAX (4 * SENDING_WORDS_MAX + 1)
#define KNOWN_HOURS (180 * 24)
#define KNOWN_MAX 200000u /* of one account */

/* Of the messages that were accepted in an hour: a failure is of the hour of its message, whenever it comes, or old failures would stand beside few recipients. */
struct sent_count {
	uint32_t recipients, first_time, failed;
	uint32_t unwritten; /* of `failed`: not in the database */
};

struct sender {
	struct sender *next;
	uint64_t account_id;
	bool loaded; /* what follows is all there is; else only what is unwritten is known */
	int64_t loaded_hour;
	int64_t used_ms;                       /* monotonic: when it was last asked for */
	int64_t hour;                          /* the newest of the ring */
	struct sent_count ring[SENDING_HOURS]; /* by hour % SENDING_HOURS */
	uint64_t peak_hour, peak_new_day;      /* the most in an hour, and first-time recipients in a day, of the four weeks before */
	uint64_t pending, pending_new;         /* in a transaction that is not committed yet */
	uint64_t unwritten;                    /* of the ring */
	bool stopped;
	bool news;           /* stopped by the breaker: to be written down, and its mail to be held */
	bool more;           /* stopped, and mail came in that was on its way already: to be held, too */
	bool busy;           /* somebody is stopping or releasing it */
	int64_t released_ms; /* unix: failures of mail of before are not held against it */
	int64_t since_ms;
	const char *reason;
	char detail[SENDING_DETAIL_MAX];
};

struct sending {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct sender *buckets[SENDING_BUCKETS];
	uint32_t changes[SENDING_BUCKETS]; /* of a bucket: commits that were counted; who reads meanwhile reads again */
	bool runs;
	atomic_bool quit;
	bool news, unwritten;                        /* of some sender */
	int64_t news_at_ms, write_at_ms, trim_at_ms; /* monotonic */
	pthread_t thread;
	uint8_t key[SHA256_BYTES];
	pthread_mutex_t load_lock;   /* guards nothing: an account is not read while what it lacks is on its way to the database. Outside the others */
	pthread_mutex_t reader_lock; /* guards reader */
	struct db *reader;
};

#endif
