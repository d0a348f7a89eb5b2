/* base/wait.c: the kernel's monotonic clock and not base/clock.h: a test's fake clock does not wake anybody. */
#include "daemon/base/wait.h"

#include <time.h>

enum err wait_init(pthread_cond_t *c)
{
	pthread_condattr_t monotonic;
	bool made;

	if (pthread_condattr_init(&monotonic) != 0)
		return ERR_TEMP;
	made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 && pthread_cond_init(c, &monotonic) == 0;
	(void)pthread_condattr_destroy(&monotonic);
	return made ? ERR_OK : ERR_TEMP;
}

bool wait_for(pthread_cond_t *c, pthread_mutex_t *lock, int64_t timeout_ms)
{
	struct timespec until;

	if (timeout_ms < 0)
		return pthread_cond_wait(c, lock) == 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(timeout_ms / 1000);
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(c, lock, &until) == 0;
}
