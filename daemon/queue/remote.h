/* queue/remote.h: the relay threads: started on demand, each one attempt at a time. */
#ifndef POSTROOM_QUEUE_REMOTE_H
#define POSTROOM_QUEUE_REMOTE_H

#include "daemon/queue/state.h"

/* A lane has remote work: wakes an idle thread or starts one. With queue.lock held. */
void remote_wake(struct queue *q);
/* Monotonic: when the attempts that keep others from starting are looked at again; 0: none do. With queue.lock held. */
int64_t remote_next_ms(struct queue *q, int64_t now_ms);
/* Waits for running attempts until the deadline, then cancels them. Without queue.lock; the queue is stopping. */
void remote_stop(struct queue *q, int64_t deadline_ms);

#endif
