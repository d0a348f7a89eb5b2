/* net/wheel.h, on the fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/timerfd.h>

#include "daemon/base/clock.h"
#include "daemon/net/wheel.h"

static struct wheel wheel;

static int start(void **state)
{
	(void)state;
	clock_set_source(&clock_fake);
	return wheel_init(&wheel, NULL) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	wheel_clear(&wheel);
	clock_set_source(NULL);
	return 0;
}

static bool timer_is_on(void)
{
	struct itimerspec left;

	assert_int_equal(timerfd_gettime(wheel.timer_fd, &left), 0);
	return left.it_value.tv_sec != 0 || left.it_value.tv_nsec != 0;
}

static size_t due_after_ms(int64_t ms, struct wheel_due due[8])
{
	size_t count;

	clock_fake_advance_ms(ms);
	count = wheel_take_due(&wheel, due, 8);
	if (count > 0) {
		struct wheel_due rest[8];

		assert_int_equal(wheel_take_due(&wheel, rest, 8), 0);
	}
	return count;
}

static void entries_fire_once_not_early_and_the_timer_goes_off(void **state)
{
	struct wheel_entry a = { .key = 1, .kind = WHEEL_CONN }, b = { .key = 2, .kind = WHEEL_ANSWER };
	struct wheel_due due[8];

	(void)state;
	assert_false(timer_is_on());
	wheel_set(&wheel, &a, clock_mono_ms() + 1500);
	wheel_set(&wheel, &b, clock_mono_ms() + 3000);
	assert_true(timer_is_on());
	assert_int_equal(due_after_ms(1400, due), 0);
	assert_int_equal(due_after_ms(1100, due), 1);
	assert_int_equal(due[0].key, 1);
	assert_int_equal(due_after_ms(1000, due), 1);
	assert_ptr_equal(due[0].entry, &b);
	assert_int_equal(due_after_ms(1000, due), 0);
	assert_false(timer_is_on());
}

static void moving_and_cancelling_leave_no_trace(void **state)
{
	struct wheel_entry a = { .key = 1 }, b = { .key = 2 };
	struct wheel_due due[8];

	(void)state;
	wheel_set(&wheel, &a, clock_mono_ms() + 2000);
	wheel_set(&wheel, &b, clock_mono_ms() + 2000);
	wheel_set(&wheel, &a, clock_mono_ms() + 5000);
	wheel_cancel(&wheel, &b);
	wheel_cancel(&wheel, &b);
	assert_int_equal(due_after_ms(3500, due), 0);
	assert_int_equal(due_after_ms(2000, due), 1);
	assert_int_equal(due[0].key, 1);
}

static void what_is_beyond_the_wheel_comes_early_and_the_past_at_once(void **state)
{
	struct wheel_entry far = { .key = 7 }, past = { .key = 8 };
	struct wheel_due due[8];

	(void)state;
	wheel_set(&wheel, &far, clock_mono_ms() + 3600 * 1000);
	wheel_set(&wheel, &past, clock_mono_ms() - 5000);
	assert_int_equal(due_after_ms(1000, due), 1);
	assert_int_equal(due[0].key, 8);
	assert_int_equal(due_after_ms((WHEEL_BUCKETS + 1) * 1000, due), 1);
	assert_int_equal(due[0].key, 7);
}

static void more_than_fits_is_taken_in_steps(void **state)
{
	struct wheel_entry many[20] = { { .key = 0 } };
	struct wheel_due due[8];
	size_t all = 0, count;

	(void)state;
	for (size_t i = 0; i < 20; i++)
		wheel_set(&wheel, &many[i], clock_mono_ms() + 1000 + (int64_t)i * 100);
	many[3].kind = WHEEL_ANSWER;
	assert_ptr_equal(wheel_take_any(&wheel, WHEEL_ANSWER), &many[3]);
	assert_null(wheel_take_any(&wheel, WHEEL_ANSWER));
	clock_fake_advance_ms(10000);
	while ((count = wheel_take_due(&wheel, due, 8)) > 0)
		all += count;
	assert_int_equal(all, 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(entries_fire_once_not_early_and_the_timer_goes_off, start, stop),
		cmocka_unit_test_setup_teardown(moving_and_cancelling_leave_no_trace, start, stop),
		cmocka_unit_test_setup_teardown(what_is_beyond_the_wheel_comes_early_and_the_past_at_once, start, stop),
		cmocka_unit_test_setup_teardown(more_than_fits_is_taken_in_steps, start, stop),
	};

	return cmocka_run_group_tests_name("net/wheel", tests, NULL, NULL);
}
