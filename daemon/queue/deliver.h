/* queue/deliver.h: the local delivery threads. */
#ifndef POSTROOM_QUEUE_DELIVER_H
#define POSTROOM_QUEUE_DELIVER_H

#include "daemon/queue/state.h"

/* One thread more; it ends when the queue is stopping. */
enum err deliver_start(struct queue *q, pthread_t *out) MUST_CHECK;

#endif
