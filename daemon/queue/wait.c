/* queue/wait.c: waiting that a stepped wall clock does not touch. */
#include "daemon/queue/wait.h"

#include <time.h>

enum err wait_init(pthread_cond_t *c)
{
	pthread_condattr_t attributes;
	int failed;

	if (pthread_condattr_init(&attributes) != 0)
		return ERR_TEMP;
	failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!failed)
		failed = pthread_cond_init(c, &attributes);
	pthread_condattr_destroy(&attributes);
	return failed ? ERR_TEMP : ERR_OK;
}

bool wait_for(pthread_cond_t *c, pthread_mutex_t *lock, int64_t timeout_ms)
{
	struct timespec until;

	/* The kernel's clock and not base/clock.h: a test's fake clock does not wake anybody. */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(c, lock, &until) == 0;
}
