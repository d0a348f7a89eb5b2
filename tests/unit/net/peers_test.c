/* net/peers.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/net/peers.h"

static struct net_addr ip(const char *text)
{
	struct net_addr a;

	assert_int_equal(net_ip_parse(span_str(text), &a), ERR_OK);
	return a;
}

static void one_customer_of_ipv6_is_one_peer(void **state)
{
	struct net_addr a = ip("2001:db8:1:2::1"), b = ip("2001:db8:1:2:ffff::9"), other = ip("2001:db8:1:3::1"), four = ip("192.0.2.1");
	struct peers p;

	(void)state;
	assert_int_equal(peers_init(&p, 10), ERR_OK);
	assert_true(peers_enter(&p, &a, 2));
	assert_true(peers_enter(&p, &b, 2));
	assert_false(peers_enter(&p, &a, 2));
	assert_true(peers_enter(&p, &other, 2));
	assert_true(peers_enter(&p, &four, 1));
	assert_false(peers_enter(&p, &four, 1));
	peers_leave(&p, &b);
	assert_true(peers_enter(&p, &a, 2));
	peers_clear(&p);
}

static void counts_stay_right_when_thousands_come_and_go(void **state)
{
	struct peers p;
	struct net_addr a = ip("10.0.0.0");

	(void)state;
	assert_int_equal(peers_init(&p, 5000), ERR_OK);
	for (unsigned i = 0; i < 5000; i++) {
		a.ip[2] = (uint8_t)(i >> 8);
		a.ip[3] = (uint8_t)i;
		assert_true(peers_enter(&p, &a, 1));
	}
	/* Every third leaves; those who stay are still counted, those who left may come back. */
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 5000; i++) {
			a.ip[2] = (uint8_t)(i >> 8);
			a.ip[3] = (uint8_t)i;
			if (round == 0 && i % 3 == 0)
				peers_leave(&p, &a);
			else
				assert_int_equal(peers_enter(&p, &a, 1), round == 1 && i % 3 == 0);
		}
	peers_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_customer_of_ipv6_is_one_peer),
		cmocka_unit_test(counts_stay_right_when_thousands_come_and_go),
	};

	return cmocka_run_group_tests_name("net/peers", tests, NULL, NULL);
}
