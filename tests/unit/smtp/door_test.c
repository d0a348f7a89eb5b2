/* What stands between strangers and the session: who guesses names, and whether there is room on the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/smtp/harvest.h"
#include "daemon/smtp/room.h"

static struct net_addr address(uint32_t n)
{
	return (struct net_addr){ .family = NET_IPV4, .ip = { 203, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n } };
}

static void guesses_of_an_address_add_up_and_fade(void **state)
{
	const int64_t half_ms = HARVEST_HALF_MINUTES * 60000LL;
	struct net_addr a = address(1), b = address(2);
	struct harvest *h;

	(void)state;
	assert_int_equal(harvest_new(&h), ERR_OK);
	for (unsigned i = 1; i <= 40; i++)
		assert_int_equal(harvest_add(h, &a, 1000), i);
	assert_int_equal(harvest_add(h, &b, 1000), 1);
	assert_int_equal(harvest_add(h, &a, 1000 + half_ms - 1), 41);
	assert_int_equal(harvest_add(h, &a, 1000 + 2 * half_ms), 21);
	assert_int_equal(harvest_add(h, &a, 1000 + 100 * half_ms), 1);
	harvest_free(&h);
	assert_null(h);
}

static void neighbours_in_a_small_ipv6_network_are_one(void **state)
{
	struct net_addr a = { .family = NET_IPV6, .ip = { 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 9 } }, near = a, far = a;
	struct harvest *h;

	(void)state;
	near.ip[15] = 77;
	far.ip[7] = 2;
	assert_int_equal(harvest_new(&h), ERR_OK);
	assert_int_equal(harvest_add(h, &a, 0), 1);
	assert_int_equal(harvest_add(h, &near, 0), 2);
	assert_int_equal(harvest_add(h, &far, 0), 1);
	harvest_free(&h);
}

static void who_guesses_most_is_not_pushed_out_by_many(void **state)
{
	struct net_addr worst = address(0);
	struct harvest *h;
	unsigned count = 0;

	(void)state;
	assert_int_equal(harvest_new(&h), ERR_OK);
	for (int i = 0; i < 50; i++)
		count = harvest_add(h, &worst, 0);
	for (uint32_t n = 1; n < 20 * HARVEST_ADDRESSES_MAX; n++) {
		struct net_addr other = address(n);

		assert_true(harvest_add(h, &other, 0) >= 1);
	}
	assert_int_equal(harvest_add(h, &worst, 0), count + 1);
	harvest_free(&h);
}

static void room_is_looked_for_once_a_second(void **state)
{
	struct room r = { 0 };

	(void)state;
	assert_true(room_is_there(&r, "/", 1, 5000));
	/* Seen a moment ago. */
	assert_true(room_is_there(&r, "/", UINT64_MAX, 5999));
	assert_false(room_is_there(&r, "/", UINT64_MAX, 6000));
	assert_false(room_is_there(&r, "/", 1, 6999));
	assert_true(room_is_there(&r, "/", 1, 7000));
	/* What can't be looked at is found when it is written to. */
	assert_true(room_is_there(&r, "/no/such/folder", UINT64_MAX, 9000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guesses_of_an_address_add_up_and_fade),
		cmocka_unit_test(neighbours_in_a_small_ipv6_network_are_one),
		cmocka_unit_test(who_guesses_most_is_not_pushed_out_by_many),
		cmocka_unit_test(room_is_looked_for_once_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
