/* How much a uid may hand in over submit.sock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/smtp/local.h"

static void a_burst_and_then_so_many_a_minute(void **state)
{
	struct local_rates *r;
	int64_t now = 1000000;
	unsigned taken = 0;

	(void)state;
	assert_int_equal(local_rates_new(&r), ERR_OK);
	while (local_rates_take(r, 1000, now))
		taken++;
	assert_int_equal(taken, SMTP_LOCAL_BURST);
	assert_true(local_rates_take(r, 1001, now)); /* another one is not held back */
	now += 60000;
	for (taken = 0; local_rates_take(r, 1000, now);)
		taken++;
	assert_int_equal(taken, SMTP_LOCAL_PER_MINUTE);
	now += 86400000;
	for (taken = 0; local_rates_take(r, 1000, now);)
		taken++;
	assert_int_equal(taken, SMTP_LOCAL_BURST); /* what is not used does not heap up */
	local_rates_free(&r);
	assert_null(r);
}

static void the_busiest_are_remembered(void **state)
{
	struct local_rates *r;

	(void)state;
	assert_int_equal(local_rates_new(&r), ERR_OK);
	while (local_rates_take(r, 7, 5000))
		;
	for (uint32_t uid = 10000; uid < 12000; uid++)
		assert_true(local_rates_take(r, uid, 5000));
	assert_false(local_rates_take(r, 7, 5000));
	local_rates_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_so_many_a_minute),
		cmocka_unit_test(the_busiest_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
