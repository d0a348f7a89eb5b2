/* queue/lifetime.h: until when a message is tried, and from when. Its entry is held, its detail in memory. */
#ifndef POSTROOM_QUEUE_LIFETIME_H
#define POSTROOM_QUEUE_LIFETIME_H

#include "daemon/queue/state.h"

/* Given up at `expires_ms` (unix) from now on. Written before memory says so; without queue.lock. */
enum err lifetime_set(struct queue *q, struct entry *e, int64_t expires_ms) MUST_CHECK;
/* What was held could not be tried: released, it gets a day at least. As above. */
enum err lifetime_after_hold(struct queue *q, struct entry *e) MUST_CHECK;
/* Monotonic: nothing is sent sooner (FUTURERELEASE), however it is steered; 0: it may go now. With queue.lock held. */
int64_t lifetime_begin_ms(const struct entry *e);

#endif
