/* base/wait.h: condition variables with a deadline that a stepped wall clock does not touch. */
#ifndef POSTROOM_BASE_WAIT_H
#define POSTROOM_BASE_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/err.h"

/* Made so, a condition is waited for with wait_for() alone, or without a deadline. */
enum err wait_init(pthread_cond_t *c) MUST_CHECK;
/* False: the time is over. timeout_ms < 0: no deadline. True may be a wake-up for nothing. */
bool wait_for(pthread_cond_t *c, pthread_mutex_t *lock, int64_t timeout_ms);

#endif
