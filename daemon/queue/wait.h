/* queue/wait.h: condition variables with a deadline on the monotonic clock. */
#ifndef POSTROOM_QUEUE_WAIT_H
#define POSTROOM_QUEUE_WAIT_H

#include <pthread.h>
#include <stdint.h>

#include "daemon/base/err.h"

#include <stdbool.h>

enum err wait_init(pthread_cond_t *c) MUST_CHECK;
/* False when the time was over. */
bool wait_for(pthread_cond_t *c, pthread_mutex_t *lock, int64_t timeout_ms);

#endif
