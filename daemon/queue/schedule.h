/* queue/schedule.h: the thread that starts work when it is due, and does none itself. */
#ifndef POSTROOM_QUEUE_SCHEDULE_H
#define POSTROOM_QUEUE_SCHEDULE_H

#include "daemon/queue/state.h"

enum err schedule_start(struct queue *q) MUST_CHECK;
/* Looks at the clock now; a test that has moved a fake one says so. Without queue.lock. */
void schedule_poke(struct queue *q);

#endif
