/* queue/chore.h: what has to be done about a part at a certain time although nobody attempts it: its sender is told of the delay, or it is given up. */
#ifndef POSTROOM_QUEUE_CHORE_H
#define POSTROOM_QUEUE_CHORE_H

#include "daemon/queue/state.h"

/* When the next chore is due, monotonic, behind after_ms. notice_ms: after how long the sender is told of a delay; 0: he is not (any more).
 * `by_is_open`: what BY asks for is not done yet. */
int64_t chore_due(const struct entry *e, int64_t notice_ms, bool by_is_open, int64_t after_ms);

/* The part's chore is due: a delivery thread will see to it. With queue.lock held. */
void chore_push(struct queue *q, struct part *p);
/* One chore, if there is one and no other thread is at it. With queue.lock held at both ends. */
bool chore_work(struct queue *q);

#endif
