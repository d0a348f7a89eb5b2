/* When an account is stopped, and when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/queue/breaker.h"

/* The general limits of a fresh installation. */
#define DEFAULTS .limit_hour = 1000, .limit_new = 1000

static const char *judge(const struct breaker_facts *f)
{
	char detail[200] = "";
	const char *reason = breaker_judge(f, detail, sizeof detail);

	assert_int_equal(reason != NULL, detail[0] != '\0');
	return reason ? reason : "";
}
#define JUDGE(...) judge(&(struct breaker_facts){ __VA_ARGS__ })

static void people_and_newsletters_are_left_alone(void **state)
{
	(void)state;
	assert_string_equal(JUDGE(DEFAULTS, .hour = 0), "");
	/* A busy office day. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 60, .hour_new = 20, .day = 300, .day_new = 90, .failed = 3, .failed_of = 60, .peak_hour = 80, .peak_new_day = 60), "");
	/* The first newsletter to 500 customers, of an account that has sent nothing like it, with some dead addresses. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 540, .hour_new = 510, .day = 560, .day_new = 515, .failed = 25, .failed_of = 540, .peak_hour = 12, .peak_new_day = 9), "");
	/* The monthly one to 900. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 900, .hour_new = 60, .day = 950, .day_new = 70, .failed = 20, .failed_of = 900, .peak_hour = 850, .peak_new_day = 700), "");
	/* The same list, grown by much. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 950, .hour_new = 600, .day = 960, .day_new = 610, .failed = 10, .failed_of = 950, .peak_hour = 300, .peak_new_day = 250), "");
	/* Few recipients that all fail: a typing error, a partner whose server is gone. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 20, .hour_new = 20, .day = 20, .day_new = 20, .failed = 20, .failed_of = 20), "");
}

static void a_rush_of_strangers_is_a_stolen_account(void **state)
{
	(void)state;
	assert_string_equal(JUDGE(DEFAULTS, .hour = 600, .hour_new = 600, .day = 600, .day_new = 600, .peak_hour = 20), "rate");
	assert_string_equal(JUDGE(DEFAULTS, .hour = 599, .hour_new = 599, .day = 599, .day_new = 599, .peak_hour = 20), "");
	/* An account without a past is judged as one with a small one. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 600, .hour_new = 600, .day = 600, .day_new = 600), "rate");
	/* People who are known: a mailing to a team, many times. */
	assert_string_equal(JUDGE(DEFAULTS, .hour = 800, .hour_new = 10, .day = 800, .day_new = 10, .peak_hour = 20), "");
}

static void a_slow_thief_is_seen_by_the_day(void **state)
{
	(void)state;
	assert_string_equal(JUDGE(DEFAULTS, .hour = 100, .hour_new = 100, .day = 820, .day_new = 800, .peak_hour = 30, .peak_new_day = 40), "new_recipients");
	assert_string_equal(JUDGE(DEFAULTS, .hour = 100, .hour_new = 100, .day = 1000, .day_new = 800, .peak_hour = 30, .peak_new_day = 40), "");
	assert_string_equal(JUDGE(DEFAULTS, .hour = 100, .hour_new = 100, .day = 820, .day_new = 800, .peak_hour = 30, .peak_new_day = 200), "");
}

static void a_list_of_dead_addresses_is_seen_at_any_rate(void **state)
{
	(void)state;
	assert_string_equal(JUDGE(DEFAULTS, .hour = 100, .hour_new = 100, .day = 100, .day_new = 100, .failed = 30, .failed_of = 120), "bounces");
	assert_string_equal(JUDGE(DEFAULTS, .hour = 100, .hour_new = 100, .day = 100, .day_new = 100, .failed = 30, .failed_of = 121), "");
	assert_string_equal(JUDGE(DEFAULTS, .failed = 29, .failed_of = 29), "");
	assert_string_equal(JUDGE(DEFAULTS, .own_limits = true, .hour = 900, .failed = 300, .failed_of = 900), "bounces");
}

static void limits_of_its_own_leave_rate_and_strangers_to_them(void **state)
{
	(void)state;
	assert_string_equal(JUDGE(.limit_hour = 5000, .limit_new = 0, .own_limits = true, .hour = 4900, .hour_new = 4900, .day = 4900, .day_new = 4900), "");
}

static void a_general_limit_that_was_raised_raises_the_floor(void **state)
{
	(void)state;
	assert_string_equal(JUDGE(.limit_hour = 10000, .limit_new = 10000, .hour = 5999, .hour_new = 5999, .day = 5999, .day_new = 5999), "");
	assert_string_equal(JUDGE(.limit_hour = 10000, .limit_new = 10000, .hour = 6000, .hour_new = 6000, .day = 6000, .day_new = 6000), "rate");
	assert_string_equal(JUDGE(.limit_hour = 0, .limit_new = 0, .hour = 600, .hour_new = 600, .day = 600, .day_new = 600), "rate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_and_newsletters_are_left_alone),
		cmocka_unit_test(a_rush_of_strangers_is_a_stolen_account),
		cmocka_unit_test(a_slow_thief_is_seen_by_the_day),
		cmocka_unit_test(a_list_of_dead_addresses_is_seen_at_any_rate),
		cmocka_unit_test(limits_of_its_own_leave_rate_and_strangers_to_them),
		cmocka_unit_test(a_general_limit_that_was_raised_raises_the_floor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
