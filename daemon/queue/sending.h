/* queue/sending.h: what an account may send outside, and the breaker that stops one whose password was stolen.
 *
 * Counted are recipients outside of messages that were accepted from a logged-in account (SMTP, API), and those to whom its own forwards send what it
 * writes to itself; not those behind an alias or somebody else's forward, which are not its doing. Peers on loopback or in a trusted network are
 * neither counted nor limited: a shop's server or a newsletter program sends from there, a stolen password does not. Counts are in memory and written
 * to queue.db in the commit of the message that they count, so that a restart does not forget them.
 */
#ifndef POSTROOM_QUEUE_SENDING_H
#define POSTROOM_QUEUE_SENDING_H

#include "daemon/queue/queue.h"

enum sending_verdict {
	SENDING_OK,
	SENDING_HOUR, /* over the limit of the hour: again when it is over */
	SENDING_DAY,
	SENDING_NEW,     /* too many written to for the first time in a day */
	SENDING_STOPPED, /* the breaker has stopped it */
};

/* What the caller keeps between the checks of one message, so that each recipient is looked up once. Zeroed: nothing yet. */
struct sending_tally {
	size_t count, fresh; /* recipients looked up, and of them written to for the first time */
	bool last_fresh;
};
/* May this account have these `count` recipients outside ("local@domain") now? 0: may it send at all? *again_ms_out: unix, when it may; 0: unknown.
 * The limits are held again when the message is committed: several sessions at once do not get more than one after the other. */
enum sending_verdict sending_check(struct queue *q, uint64_t account_id, const struct span *recipients, size_t count, struct sending_tally *tally, int64_t *again_ms_out);

/* One account's state for administrators. */
struct sending_state {
	uint64_t account_id;
	uint64_t hour, day, new_day;              /* recipients so far, in the last 60 minutes and 24 hours */
	uint64_t failed_day;                      /* of them for good */
	int64_t limit_hour, limit_day, limit_new; /* what holds for it; 0: no limit */
	bool stopped;
	struct span reason, detail; /* of stopped: "rate", "bounces", "new_recipients"; words with the numbers */
	int64_t since_ms;
	uint64_t held; /* messages of it in the queue that are held for that */
};
enum err sending_find(struct queue *q, uint64_t account_id, struct arena *a, struct sending_state *out) MUST_CHECK;
/* Accounts that sent in the last 24 hours or are stopped, by id, behind `after`. */
enum err sending_list(struct queue *q, uint64_t after, size_t limit, bool stopped_only, struct arena *a, struct sending_state **out, size_t *count_out) MUST_CHECK;
/* It may send again: what was held goes out (`purge` false), or is gone without a DSN (true). Counts begin anew. ERR_STATE: it is not stopped. */
enum err sending_release(struct queue *q, uint64_t account_id, bool purge, uint64_t *messages_out, struct note *why) MUST_CHECK;
#define SENDING_WORDS_MAX 200 /* characters of `detail` */
/* Stops it by hand. ERR_EXISTS: it is stopped already. */
enum err sending_stop(struct queue *q, uint64_t account_id, struct span detail, struct note *why) MUST_CHECK;
/* The account is gone: forget all. What was held of its mail stays so, for the queue's own verbs. Accounts that the directory does not have any more are
 * forgotten within the hour without this call; their numbers do not come again. */
void sending_forget(struct queue *q, uint64_t account_id);

#endif
