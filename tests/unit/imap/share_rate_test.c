/* How often grants may be changed (imap/share_rate.h): a burst, then one by one, each account for itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/imap/share_rate.h"

static void a_burst_is_followed_by_a_steady_trickle(void **state)
{
	const int64_t now_ms = 1000;

	(void)state;
	for (int i = 0; i < SHARE_RATE_BURST; i++)
		assert_true(share_rate_take(1, now_ms));
	assert_false(share_rate_take(1, now_ms));
	assert_false(share_rate_take(1, now_ms + SHARE_RATE_MS - 1));
	assert_true(share_rate_take(1, now_ms + SHARE_RATE_MS));
	assert_false(share_rate_take(1, now_ms + SHARE_RATE_MS));
	assert_true(share_rate_take(2, now_ms)); /* another account's */
}

static void what_is_not_used_comes_back_up_to_the_burst(void **state)
{
	int64_t now_ms = 1000;

	(void)state;
	for (int i = 0; i < SHARE_RATE_BURST; i++)
		assert_true(share_rate_take(3, now_ms));
	now_ms += 10ll * SHARE_RATE_BURST * SHARE_RATE_MS;
	for (int i = 0; i < SHARE_RATE_BURST; i++)
		assert_true(share_rate_take(3, now_ms));
	assert_false(share_rate_take(3, now_ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_is_followed_by_a_steady_trickle),
		cmocka_unit_test(what_is_not_used_comes_back_up_to_the_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
