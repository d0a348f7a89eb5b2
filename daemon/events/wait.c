/* events/wait.c: conditions on the system's monotonic clock, whatever clock the rest sees. */
#include "daemon/events/wait.h"

#include <time.h>

enum err events_wait_init(pthread_cond_t *c)
{
	pthread_condattr_t monotonic;
	bool made;

	if (pthread_condattr_init(&monotonic) != 0)
		return ERR_TEMP;
	made = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 && pthread_cond_init(c, &monotonic) == 0;
	(void)pthread_condattr_destroy(&monotonic);
	return made ? ERR_OK : ERR_TEMP;
}

int64_t events_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool events_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms)
{
	struct timespec until;

	if (ms < 0) {
		(void)pthread_cond_wait(c, lock);
		return true;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(c, lock, &until) == 0;
}
