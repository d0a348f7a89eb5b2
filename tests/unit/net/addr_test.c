/* net/addr.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include "daemon/net/addr.h"

static struct net_addr ip(const char *text)
{
	struct net_addr a;

	assert_int_equal(net_ip_parse(span_str(text), &a), ERR_OK);
	return a;
}

static void addresses_with_ports_are_read_and_written(void **state)
{
	static const char *const good[] = { "192.0.2.1:25", "[2001:db8::1]:465", "127.0.0.1:0", "[::]:65535" };
	static const char *const bad[] = { "", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:25 ", "192.0.2.256:25",
					   "2001:db8::1:25", "[2001:db8::1]", "[192.0.2.1]:25", "[::1:25", "[]:25", "localhost:25", "192.0.2.1:-1" };
	struct net_addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(net_addr_parse(span_str(good[i]), &a), ERR_OK);
		assert_string_equal(net_addr_text(&a).text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(net_addr_parse(span_str(bad[i]), &a), ERR_SYNTAX);
	assert_int_equal(net_ip_parse(SPAN("192.0.2.1\0"), &a), ERR_SYNTAX);
	assert_int_equal(net_ip_parse(SPAN("fe80::1%eth0"), &a), ERR_SYNTAX);
}

static void mapped_addresses_are_folded(void **state)
{
	struct net_addr a = ip("::ffff:192.0.2.7"), b = ip("192.0.2.7");
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons(99) };

	(void)state;
	assert_int_equal(a.family, NET_IPV4);
	assert_true(net_ip_equals(&a, &b));
	assert_memory_equal(a.ip, b.ip, 16);
	sa.sin6_addr.s6_addr[10] = sa.sin6_addr.s6_addr[11] = 0xff;
	sa.sin6_addr.s6_addr[12] = 10;
	a = net_addr_from_sockaddr((struct sockaddr *)&sa);
	assert_string_equal(net_addr_text(&a).text, "10.0.0.0:99");
}

static void literals_are_written_as_smtp_wants(void **state)
{
	struct net_addr a = ip("192.0.2.1"), b = ip("2001:db8::1"), u = { .family = NET_UNIX };

	(void)state;
	assert_string_equal(net_literal_text(&a).text, "[192.0.2.1]");
	assert_string_equal(net_literal_text(&b).text, "[IPv6:2001:db8::1]");
	assert_string_equal(net_ip_text(&b).text, "2001:db8::1");
	assert_string_equal(net_addr_text(&u).text, "unix");
	u = net_addr_of_uid(1000);
	assert_string_equal(net_ip_text(&u).text, "uid 1000");
	assert_int_equal(net_addr_uid(&u), 1000);
}

static void networks_hold_their_addresses(void **state)
{
	static const struct {
		const char *network, *address;
		bool in;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "10.128.0.0/9", "10.200.1.1", true },
		{ "10.128.0.0/9", "10.127.1.1", false },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "192.0.2.9", "192.0.2.9", true },
		{ "192.0.2.9", "192.0.2.8", false },
		{ "::ffff:192.0.2.0/120", "192.0.2.77", true },
	};
	static const char *const bad[] = { "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "/24", "::1/0", "::/129", "192.0.2.0/24/1", "::ffff:1.2.3.0/24" };
	struct net_cidr c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_addr a = ip(cases[i].address);

		assert_int_equal(net_cidr_parse(span_str(cases[i].network), &c), ERR_OK);
		assert_int_equal(net_cidrs_have(&c, 1, &a), cases[i].in);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(net_cidr_parse(span_str(bad[i]), &c), ERR_SYNTAX);
}

static void loopback_is_known_in_both_families(void **state)
{
	struct net_addr a = ip("127.8.8.8"), b = ip("::1"), c = ip("128.0.0.1");

	(void)state;
	assert_true(net_is_loopback(&a));
	assert_true(net_is_loopback(&b));
	assert_false(net_is_loopback(&c));
}

static void sockaddrs_go_both_ways(void **state)
{
	struct net_addr a, b;
	struct sockaddr_storage sa;

	(void)state;
	assert_int_equal(net_addr_parse(SPAN("[2001:db8::5]:25"), &a), ERR_OK);
	assert_int_equal(net_addr_to_sockaddr(&a, &sa), sizeof(struct sockaddr_in6));
	b = net_addr_from_sockaddr((struct sockaddr *)&sa);
	assert_memory_equal(&a, &b, sizeof(a));
	a.family = NET_NONE;
	assert_int_equal(net_addr_to_sockaddr(&a, &sa), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_with_ports_are_read_and_written),
		cmocka_unit_test(mapped_addresses_are_folded),
		cmocka_unit_test(literals_are_written_as_smtp_wants),
		cmocka_unit_test(networks_hold_their_addresses),
		cmocka_unit_test(loopback_is_known_in_both_families),
		cmocka_unit_test(sockaddrs_go_both_ways),
	};

	return cmocka_run_group_tests_name("net/addr", tests, NULL, NULL);
}
