/* queue/flush.h: what became of recipients, written to queue.db in batches that share commits. */
#ifndef POSTROOM_QUEUE_FLUSH_H
#define POSTROOM_QUEUE_FLUSH_H

#include "daemon/queue/state.h"

#define FLUSH_DELAY_MS 200 /* a local delivery, which the ledger protects, waits so long for company */

/* With queue.lock held: this entry has news. `urgent`: nothing else knows them (a remote took the message, a DSN). */
void flush_mark(struct queue *q, struct entry *e, bool urgent);
/* With queue.lock held: the batch to be submitted after unlocking, null when there is none or one is on its way. */
struct flush *flush_take(struct queue *q, bool now);
void flush_submit(struct flush *f); /* null is allowed */
/* Both; from a thread that is about to commit anyway. */
void flush_along(struct queue *q);
/* Monotonic time of the next flush that nobody else starts; 0: none. With queue.lock held. */
int64_t flush_next_ms(const struct queue *q);

/* Entries that are durably gone: their files, their ledger rows, their memory. Without queue.lock. */
void flush_clean(struct queue *q, struct entry *finished);

#endif
