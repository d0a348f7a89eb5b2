/* Where a domain's mail goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "daemon/directory/directory.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/route.h"
#include "tests/unit/relay/fake_dns.h"

static struct net_addr own;
static struct relay relay;
static struct arena arena;
static struct route route;
static struct failure why;

static int setup(void **state)
{
	(void)state;
	fake_dns_clear();
	assert_int_equal(net_ip_parse(SPAN("192.0.2.1"), &own), ERR_OK);
	relay.config = (struct relay_config){ .port = 25, .own = &own, .own_count = 1 };
	arena_init(&arena, 1024u * 1024u);
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static bool find(const char *domain)
{
	struct relay_job job = { .domain = span_str(domain), .helo = SPAN("us.example.org"), .arena = &arena };

	return route_find(&relay, &job, &route, &why);
}

static void assert_target(size_t i, const char *host, const char *addr)
{
	struct net_addr_text text = net_addr_text(&route.targets[i].addr);

	assert_true(i < route.count);
	assert_string_equal(route.targets[i].host, host);
	assert_string_equal(text.text, addr);
}

static void assert_none(const char *domain, enum relay_outcome outcome, const char *status)
{
	assert_false(find(domain));
	assert_int_equal(why.outcome, outcome);
	assert_string_equal(why.status, status);
	assert_false(why.remote);
}

static void mx_hosts_come_by_preference_with_both_families(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "20 b.example");
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("a.example", DNS_A, "192.0.2.10");
	fake_dns_add("a.example", DNS_AAAA, "2001:db8::10");
	fake_dns_add("b.example", DNS_A, "192.0.2.20");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 3);
	assert_target(0, "a.example", "[2001:db8::10]:25");
	assert_target(1, "a.example", "192.0.2.10:25");
	assert_target(2, "b.example", "192.0.2.20:25");
}

static void names_without_an_address_do_not_hide_the_host_behind_them(void **state)
{
	static const char *const dead[] = { "1 a.example", "2 b.example", "3 c.example", "4 d.example", "5 e.example" };

	(void)state;
	for (size_t i = 0; i < sizeof(dead) / sizeof(dead[0]); i++)
		fake_dns_add("many.example", DNS_MX, dead[i]);
	fake_dns_add("many.example", DNS_MX, "9 alive.example");
	fake_dns_add("alive.example", DNS_A, "192.0.2.30");
	assert_true(find("many.example"));
	assert_int_equal(route.count, 1);
	assert_target(0, "alive.example", "192.0.2.30:25");
}

static void a_stop_asks_nothing_more(void **state)
{
	unsigned asked;

	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("d.example", DNS_MX, "20 b.example");
	fake_dns_add("a.example", DNS_A, "192.0.2.10");
	asked = fake_dns_asked();
	relay.cancelled = true;
	assert_none("d.example", RELAY_RETRY, "4.4.3");
	relay.cancelled = false;
	assert_int_equal(fake_dns_asked() - asked, 1);
}

static void equal_preferences_take_turns(void **state)
{
	bool first_a = false, first_b = false;

	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("d.example", DNS_MX, "10 b.example");
	fake_dns_add("a.example", DNS_A, "192.0.2.10");
	fake_dns_add("b.example", DNS_A, "192.0.2.20");
	for (int i = 0; i < 200 && !(first_a && first_b); i++) {
		assert_true(find("d.example"));
		first_a = first_a || route.targets[0].host[0] == 'a';
		first_b = first_b || route.targets[0].host[0] == 'b';
	}
	assert_true(first_a && first_b);
}

static void without_mx_the_domain_is_the_host(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_A, "192.0.2.30");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
	assert_target(0, "d.example", "192.0.2.30:25");
}

static void null_mx_takes_no_mail(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "0 ");
	fake_dns_add("d.example", DNS_A, "192.0.2.30");
	assert_none("d.example", RELAY_FAILED, "5.1.10");
}

static void missing_names_and_failures_are_told_apart(void **state)
{
	(void)state;
	assert_none("nowhere.example", RELAY_FAILED, "5.1.2");
	fake_dns_add("t.example", DNS_MX, "temp");
	assert_none("t.example", RELAY_RETRY, "4.4.3");
	fake_dns_add("h.example", DNS_MX, "10 gone.example");
	assert_none("h.example", RELAY_FAILED, "5.4.4");
	fake_dns_add("i.example", DNS_MX, "10 slow.example");
	fake_dns_add("slow.example", DNS_A, "temp");
	assert_none("i.example", RELAY_RETRY, "4.4.3");
	fake_dns_add("j.example", DNS_TXT, "x");
	assert_none("j.example", RELAY_FAILED, "5.4.4");
}

static void our_own_and_loopback_addresses_are_a_loop(void **state)
{
	static const char *const addresses[] = { "192.0.2.1", "127.0.0.1", "127.9.9.9", "0.0.0.0" };

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		fake_dns_clear();
		fake_dns_add("d.example", DNS_MX, "10 us.example");
		fake_dns_add("us.example", DNS_A, addresses[i]);
		assert_none("d.example", RELAY_FAILED, "5.4.6");
	}
	fake_dns_add("six.example", DNS_AAAA, "::1");
	assert_none("six.example", RELAY_FAILED, "5.4.6");
	assert_none("[127.0.0.1]", RELAY_FAILED, "5.4.6");
	assert_none("[IPv6:::1]", RELAY_FAILED, "5.4.6");
}

/* Behind a NAT none of our addresses is the one in the DNS. */
static void our_own_name_is_a_loop_whatever_its_address(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 US.example.org");
	fake_dns_add("us.example.org", DNS_A, "198.51.100.7");
	assert_none("d.example", RELAY_FAILED, "5.4.6");
	fake_dns_add("d.example", DNS_MX, "5 first.example");
	fake_dns_add("first.example", DNS_A, "192.0.2.10");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
	assert_target(0, "first.example", "192.0.2.10:25");
}

static void hosts_behind_us_are_dropped_those_before_stay(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 first.example");
	fake_dns_add("d.example", DNS_MX, "20 us.example");
	fake_dns_add("d.example", DNS_MX, "20 peer.example");
	fake_dns_add("d.example", DNS_MX, "30 last.example");
	fake_dns_add("first.example", DNS_A, "192.0.2.10");
	fake_dns_add("us.example", DNS_A, "192.0.2.1");
	fake_dns_add("peer.example", DNS_A, "192.0.2.20");
	fake_dns_add("last.example", DNS_A, "192.0.2.30");
	for (int i = 0; i < 20; i++) {
		assert_true(find("d.example"));
		assert_int_equal(route.count, 1);
		assert_target(0, "first.example", "192.0.2.10:25");
	}
}

static void literals_go_to_their_address(void **state)
{
	(void)state;
	assert_true(find("[192.0.2.40]"));
	assert_int_equal(route.count, 1);
	assert_target(0, "[192.0.2.40]", "192.0.2.40:25");
	assert_true(find("[IPv6:2001:db8::40]"));
	assert_target(0, "[IPv6:2001:db8::40]", "[2001:db8::40]:25");
	assert_none("[what]", RELAY_FAILED, "5.1.2");
}

static void many_hosts_and_addresses_are_cut(void **state)
{
	static const char *const mx[] = { "1 a.example", "2 b.example", "3 c.example", "4 d.example", "5 e.example", "6 f.example", "7 g.example" };
	static char address[5][16];

	(void)state;
	for (size_t i = 0; i < sizeof(mx) / sizeof(mx[0]); i++) {
		fake_dns_add("d.example", DNS_MX, mx[i]);
		for (int k = 50; k < 55; k++) {
			snprintf(address[k - 50], sizeof(address[0]), "192.0.2.%d", k);
			fake_dns_add(mx[i] + 2, DNS_A, address[k - 50]);
		}
	}
	assert_true(find("d.example"));
	assert_int_equal(route.count, 2 * RELAY_MAX_HOSTS);
	assert_string_equal(route.targets[route.count - 1].host, "e.example");
}

static void a_relay_host_is_taken_as_it_is_named(void **state)
{
	struct relay_host via = { .host = SPAN("127.0.0.1"), .port = 2525 };
	struct relay_job job = { .domain = SPAN("d.example"), .via = &via, .arena = &arena };

	(void)state;
	assert_true(route_find(&relay, &job, &route, &why));
	assert_target(0, "127.0.0.1", "127.0.0.1:2525");
	via.host = SPAN("smart.example");
	fake_dns_add("smart.example", DNS_MX, "1 other.example");
	fake_dns_add("smart.example", DNS_A, "192.0.2.1");
	assert_true(route_find(&relay, &job, &route, &why));
	assert_target(0, "smart.example", "192.0.2.1:2525");
	via.host = SPAN("gone.example");
	assert_false(route_find(&relay, &job, &route, &why));
	assert_int_equal(why.outcome, RELAY_RETRY);
	assert_string_equal(why.status, "4.4.4");
}

static void an_address_in_the_place_of_a_host_is_no_host(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 192.0.2.10");
	fake_dns_add("192.0.2.10", DNS_A, "192.0.2.10");
	assert_none("d.example", RELAY_RETRY, "4.4.3");
	fake_dns_add("d.example", DNS_MX, "20 b.example");
	fake_dns_add("b.example", DNS_A, "192.0.2.20");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
	assert_target(0, "b.example", "192.0.2.20:25");
}

static void a_host_of_six_alone_will_do(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("a.example", DNS_AAAA, "2001:db8::10");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
	assert_target(0, "a.example", "[2001:db8::10]:25");
}

/* The best of them all, wherever it stands, for a few questions. */
static void a_thousand_mx_are_sorted_and_few_are_asked_about(void **state)
{
	static char text[1000][40];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text[i], sizeof(text[i]), "%d h%d.example", 2000 - i, i);
		fake_dns_add("d.example", DNS_MX, text[i]);
	}
	fake_dns_add("h999.example", DNS_A, "192.0.2.99");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
	assert_target(0, "h999.example", "192.0.2.99:25");
	assert_true(fake_dns_asked() < 30);
}

static void one_address_of_a_host_is_tried_once(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("d.example", DNS_MX, "20 a.example");
	fake_dns_add("a.example", DNS_A, "192.0.2.10");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
}

static void a_host_whose_addresses_are_not_known_now_may_take_the_mail_later(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("d.example", DNS_MX, "20 b.example");
	fake_dns_add("a.example", DNS_A, "temp");
	fake_dns_add("b.example", DNS_A, "192.0.2.20");
	assert_true(find("d.example"));
	assert_int_equal(route.count, 1);
	assert_true(route.put_off);
	assert_string_equal(route.why_put_off.status, "4.4.3");
}

static void bogus_answers_are_tried_again(void **state)
{
	(void)state;
	fake_dns_add("m.example", DNS_MX, "bogus");
	assert_none("m.example", RELAY_RETRY, "4.7.5");
	fake_dns_add("d.example", DNS_MX, "10 a.example");
	fake_dns_add("a.example", DNS_A, "bogus");
	assert_none("d.example", RELAY_RETRY, "4.7.5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(mx_hosts_come_by_preference_with_both_families, setup, done),
		cmocka_unit_test_setup_teardown(names_without_an_address_do_not_hide_the_host_behind_them, setup, done),
		cmocka_unit_test_setup_teardown(a_stop_asks_nothing_more, setup, done),
		cmocka_unit_test_setup_teardown(equal_preferences_take_turns, setup, done),
		cmocka_unit_test_setup_teardown(without_mx_the_domain_is_the_host, setup, done),
		cmocka_unit_test_setup_teardown(null_mx_takes_no_mail, setup, done),
		cmocka_unit_test_setup_teardown(missing_names_and_failures_are_told_apart, setup, done),
		cmocka_unit_test_setup_teardown(our_own_and_loopback_addresses_are_a_loop, setup, done),
		cmocka_unit_test_setup_teardown(our_own_name_is_a_loop_whatever_its_address, setup, done),
		cmocka_unit_test_setup_teardown(hosts_behind_us_are_dropped_those_before_stay, setup, done),
		cmocka_unit_test_setup_teardown(literals_go_to_their_address, setup, done),
		cmocka_unit_test_setup_teardown(many_hosts_and_addresses_are_cut, setup, done),
		cmocka_unit_test_setup_teardown(a_relay_host_is_taken_as_it_is_named, setup, done),
		cmocka_unit_test_setup_teardown(an_address_in_the_place_of_a_host_is_no_host, setup, done),
		cmocka_unit_test_setup_teardown(a_host_of_six_alone_will_do, setup, done),
		cmocka_unit_test_setup_teardown(a_thousand_mx_are_sorted_and_few_are_asked_about, setup, done),
		cmocka_unit_test_setup_teardown(one_address_of_a_host_is_tried_once, setup, done),
		cmocka_unit_test_setup_teardown(a_host_whose_addresses_are_not_known_now_may_take_the_mail_later, setup, done),
		cmocka_unit_test_setup_teardown(bogus_answers_are_tried_again, setup, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
