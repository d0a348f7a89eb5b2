/* events/wait.h: waiting on a condition for a time on the monotonic clock; of this room alone. */
#ifndef POSTROOM_EVENTS_WAIT_H
#define POSTROOM_EVENTS_WAIT_H

#include <pthread.h>

#include "daemon/base/span.h"

enum err events_wait_init(pthread_cond_t *c) MUST_CHECK;
int64_t events_now_ms(void); /* monotonic; the system's, whatever clock a test has put in */
/* False: the time is over. ms < 0: no deadline. */
bool events_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms);

#endif
