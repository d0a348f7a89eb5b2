/* Waiting on a condition: a time that is over, and being woken before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/base/wait.h"

struct door {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
};

static void *open_it(void *arg)
{
	struct door *d = arg;

	pthread_mutex_lock(&d->lock);
	d->open = true;
	pthread_cond_signal(&d->changed);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static void a_time_that_is_over_ends_the_wait(void **state)
{
	struct door d = { .lock = PTHREAD_MUTEX_INITIALIZER };
	int64_t began_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(wait_init(&d.changed), ERR_OK);
	pthread_mutex_lock(&d.lock);
	while (wait_for(&d.changed, &d.lock, 1050))
		;
	assert_true(clock_mono_ms() - began_ms >= 1050);
	assert_false(wait_for(&d.changed, &d.lock, 0));
	pthread_mutex_unlock(&d.lock);
	pthread_cond_destroy(&d.changed);
}

static void who_is_woken_goes_on_at_once(void **state)
{
	static const int64_t timeouts_ms[] = { 60000, -1 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct door d = { .lock = PTHREAD_MUTEX_INITIALIZER };
		pthread_t thread;

		assert_int_equal(wait_init(&d.changed), ERR_OK);
		pthread_mutex_lock(&d.lock);
		assert_int_equal(pthread_create(&thread, NULL, open_it, &d), 0);
		while (!d.open)
			assert_true(wait_for(&d.changed, &d.lock, timeouts_ms[i]));
		pthread_mutex_unlock(&d.lock);
		pthread_join(thread, NULL);
		pthread_cond_destroy(&d.changed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_that_is_over_ends_the_wait),
		cmocka_unit_test(who_is_woken_goes_on_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
