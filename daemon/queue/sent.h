/* queue/sent.h: what one message counts against its account: prepared when it is sealed, held against the limits and written in its own commit
 * (internal to the room).
 */
#ifndef POSTROOM_QUEUE_SENT_H
#define POSTROOM_QUEUE_SENT_H

#include "daemon/queue/state.h"

struct sent;

/* For so many recipients outside that the envelope names. ERR_TEMP: no memory. */
enum err sent_new(struct queue *q, uint64_t account_id, size_t count, struct sent **out) MUST_CHECK;
void sent_add(struct sent *s, struct span recipient); /* "local@domain" */
void sent_free(struct sent **s);
/* In the transaction of the message; null is allowed. ERR_LIMIT: over a limit by now; ERR_DENIED: stopped by now. */
enum err sent_write(struct sent *s, struct db *db) MUST_CHECK;
/* What became of that transaction, once the message is in the queue. Takes *s; null is allowed. */
void sent_written(struct sent **s, enum err result);
/* A recipient of a message that was counted, and accepted then (unix), has failed for good. Also with queue.lock held. */
void sent_failed(struct queue *q, uint64_t account_id, int64_t accepted_ms);
/* Is that address what the sender named, and not where an alias or a forward of ours leads, which is not its doing? `original`: as in the envelope;
 * empty: the same. */
bool sent_was_named(struct span address, struct span original);
/* As recipients are told apart. */
int64_t sent_key(const struct queue *q, struct span recipient);

#endif
