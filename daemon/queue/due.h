/* queue/due.h: the heap of times: waiting parts and lanes that are held, the earliest first. With queue.lock held. */
#ifndef POSTROOM_QUEUE_DUE_H
#define POSTROOM_QUEUE_DUE_H

#include "daemon/queue/state.h"

/* Room for so many more timers than before, so that due_add cannot fail. */
enum err due_reserve(struct queue *q, size_t more) MUST_CHECK;
void due_unreserve(struct queue *q, size_t fewer);
void due_add(struct queue *q, struct timer *t, int64_t at_ms);
void due_remove(struct queue *q, struct timer *t); /* harmless when it is not in */
struct timer *due_first(const struct queue *q);    /* null: none */

#endif
