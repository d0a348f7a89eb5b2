/* What TLS each host of a route must show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/directory/directory.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/route.h"
#include "tests/unit/relay/fake_dns.h"

#define DIGEST "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define GOOD "3 1 1 " DIGEST

static struct relay relay;
static struct arena arena;
static struct relay_job job;
static struct route route;
static struct failure why;

static int setup(void **state)
{
	(void)state;
	fake_dns_clear();
	relay.config = (struct relay_config){ .port = 25 };
	arena_init(&arena, 1024u * 1024u);
	job = (struct relay_job){ .domain = SPAN("d.example"), .helo = SPAN("us.example.org"), .arena = &arena };
	return 0;
}

static int done(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

/* d.example with one host, signed all the way, whose TLSA record is `tlsa` (null: none). */
static void add_domain(const char *tlsa)
{
	fake_dns_add("d.example", DNS_MX, "10 mx.example");
	fake_dns_add("mx.example", DNS_A, "192.0.2.10");
	if (tlsa)
		fake_dns_add("_25._tcp.mx.example", DNS_TLSA, tlsa);
	fake_dns_sign("d.example");
	fake_dns_sign("mx.example");
	fake_dns_sign("_25._tcp.mx.example");
}

static const struct tls_plan *find(void)
{
	if (!route_find(&relay, &job, &route, &why))
		fail_msg("%s", why.text);
	return route.targets[0].plan;
}

static void assert_plan(enum tls_policy_kind kind, enum tls_demand demand)
{
	const struct tls_plan *plan = find();

	assert_int_equal(plan->kind, kind);
	assert_int_equal(plan->demand, demand);
}

static void signed_records_are_demanded(void **state)
{
	const struct tls_plan *plan;

	(void)state;
	add_domain(GOOD);
	assert_plan(POLICY_DANE, DEMAND_DANE);
	plan = find();
	assert_true(plan->mx_secure);
	assert_int_equal(plan->tlsa_count, 1);
	assert_int_equal(plan->tlsa[0].usage, 3);
	assert_int_equal(plan->tlsa[0].data.len, 32);
	assert_string_equal(plan->names[0], "mx.example");
	assert_string_equal(plan->names[1], "d.example");
	assert_int_equal(plan->name_count, 2);
	assert_true(span_equals(plan->policy, SPAN(GOOD)));
	assert_true(span_equals(plan->policy_mx, SPAN("mx.example")));
}

static void the_port_of_the_relay_is_in_the_name(void **state)
{
	(void)state;
	relay.config.port = 2525;
	add_domain(NULL);
	fake_dns_add("_2525._tcp.mx.example", DNS_TLSA, GOOD);
	fake_dns_sign("_2525._tcp.mx.example");
	assert_plan(POLICY_DANE, DEMAND_DANE);
}

static void without_records_it_is_chance(void **state)
{
	(void)state;
	add_domain(NULL);
	assert_plan(POLICY_NONE, DEMAND_NOTHING);
	assert_true(route.targets[0].plan->mx_secure);
}

/* What is not signed all the way is not DANE: nobody could tell the records from an attacker's. */
static void each_step_to_the_records_has_to_be_signed(void **state)
{
	static const char *const steps[] = { "d.example", "mx.example", "_25._tcp.mx.example" };

	(void)state;
	for (size_t unsigned_one = 0; unsigned_one < 3; unsigned_one++) {
		fake_dns_clear();
		fake_dns_add("d.example", DNS_MX, "10 mx.example");
		fake_dns_add("mx.example", DNS_A, "192.0.2.10");
		fake_dns_add("_25._tcp.mx.example", DNS_TLSA, GOOD);
		for (size_t i = 0; i < 3; i++)
			if (i != unsigned_one)
				fake_dns_sign(steps[i]);
		assert_plan(POLICY_NONE, DEMAND_NOTHING);
	}
}

/* A failure of the look-up where addresses are not signed means nothing: servers are known that do not answer to TLSA (RFC 7672 2.2.1). */
static void records_are_only_asked_for_where_addresses_are_signed(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 mx.example");
	fake_dns_add("mx.example", DNS_A, "192.0.2.10");
	fake_dns_add("_25._tcp.mx.example", DNS_TLSA, "temp");
	fake_dns_sign("d.example");
	assert_plan(POLICY_NONE, DEMAND_NOTHING);
	assert_false(route.put_off);
}

static void a_host_whose_records_are_bogus_or_unknown_is_put_off_never_plain(void **state)
{
	static const char *const answers[] = { "bogus", "temp" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fake_dns_clear();
		add_domain(answers[i]);
		assert_false(route_find(&relay, &job, &route, &why));
		assert_int_equal(why.outcome, RELAY_RETRY);
		assert_string_equal(why.status, "4.7.5");
	}
}

static void the_next_host_is_tried_when_one_is_put_off(void **state)
{
	(void)state;
	add_domain("bogus");
	fake_dns_add("d.example", DNS_MX, "20 second.example");
	fake_dns_add("second.example", DNS_A, "192.0.2.20");
	fake_dns_sign("second.example");
	assert_plan(POLICY_NONE, DEMAND_NOTHING);
	assert_int_equal(route.count, 1);
	assert_string_equal(route.targets[0].host, "second.example");
	assert_true(route.put_off);
	assert_string_equal(route.why_put_off.status, "4.7.5");
}

/* RFC 7672 2.2: TLS is a must then, and who it is can't be told. */
static void records_that_can_not_be_used_demand_encryption(void **state)
{
	static const char *const records[] = { "0 1 1 " DIGEST, "1 0 1 " DIGEST, "3 1 1 0001", "3 2 1 " DIGEST, "3 1 9 " DIGEST };

	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		fake_dns_clear();
		add_domain(records[i]);
		assert_plan(POLICY_DANE, DEMAND_ENCRYPTED);
	}
	fake_dns_add("_25._tcp.mx.example", DNS_TLSA, GOOD);
	assert_plan(POLICY_DANE, DEMAND_DANE);
	assert_int_equal(route.targets[0].plan->tlsa_count, 1);
}

/* RFC 7672 2.2.2. */
static void the_name_behind_the_alias_is_asked_first_then_the_host(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 mx.example");
	fake_dns_add("mx.example", DNS_CNAME, "real.example");
	fake_dns_add("real.example", DNS_A, "192.0.2.10");
	fake_dns_add("_25._tcp.mx.example", DNS_TLSA, "2 0 1 " DIGEST);
	fake_dns_sign("d.example");
	fake_dns_sign("mx.example");
	fake_dns_sign("real.example");
	fake_dns_sign("_25._tcp.mx.example");
	fake_dns_sign("_25._tcp.real.example");
	assert_plan(POLICY_DANE, DEMAND_DANE);
	assert_string_equal(route.targets[0].plan->names[0], "mx.example");
	fake_dns_add("_25._tcp.real.example", DNS_TLSA, GOOD);
	assert_plan(POLICY_DANE, DEMAND_DANE);
	assert_string_equal(route.targets[0].plan->names[0], "real.example");
	assert_int_equal(route.targets[0].plan->tlsa[0].usage, 3);
	fake_dns_add("_25._tcp.real.example", DNS_TLSA, "bogus");
	assert_false(route_find(&relay, &job, &route, &why));
	assert_string_equal(why.status, "4.7.5");
}

static void an_alias_out_of_the_signed_zone_leaves_the_hosts_own_records(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_MX, "10 mx.example");
	fake_dns_add("mx.example", DNS_CNAME, "elsewhere.example");
	fake_dns_add("elsewhere.example", DNS_A, "192.0.2.10");
	fake_dns_add("_25._tcp.mx.example", DNS_TLSA, GOOD);
	fake_dns_add("_25._tcp.elsewhere.example", DNS_TLSA, GOOD);
	fake_dns_sign("d.example");
	fake_dns_sign("mx.example");
	fake_dns_sign("_25._tcp.mx.example");
	assert_plan(POLICY_DANE, DEMAND_DANE);
	assert_string_equal(route.targets[0].plan->names[0], "mx.example");
}

static void a_domain_without_mx_has_its_own_records(void **state)
{
	(void)state;
	fake_dns_add("d.example", DNS_A, "192.0.2.10");
	fake_dns_add("_25._tcp.d.example", DNS_TLSA, GOOD);
	fake_dns_sign("d.example");
	fake_dns_sign("_25._tcp.d.example");
	assert_plan(POLICY_DANE, DEMAND_DANE);
	assert_int_equal(route.targets[0].plan->name_count, 1);
}

static void a_rule_goes_before_what_the_domain_says(void **state)
{
	static const struct {
		enum tls_rule_mode mode;
		enum tls_demand demand;
	} modes[] = { { TLS_RULE_NONE, DEMAND_PLAIN }, { TLS_RULE_MAY, DEMAND_NOTHING }, { TLS_RULE_ENCRYPT, DEMAND_ENCRYPTED }, { TLS_RULE_VERIFY, DEMAND_VERIFIED } };
	static const struct span names[] = { SPAN("mail.example"), SPAN(".example") };
	struct tls_rule rule = { .names = names, .name_count = 2 };

	(void)state;
	add_domain("bogus");
	job.rule = &rule;
	for (size_t i = 0; i < 4; i++) {
		rule.mode = modes[i].mode;
		assert_plan(POLICY_RULE, modes[i].demand);
	}
	assert_int_equal(route.targets[0].plan->name_count, 2);
	assert_string_equal(route.targets[0].plan->names[1], ".example");
}

static void a_relay_host_has_its_own_policy(void **state)
{
	static const struct {
		enum relay_tls tls;
		enum tls_demand demand;
	} modes[] = { { RELAY_TLS_NONE, DEMAND_PLAIN }, { RELAY_TLS_OPPORTUNISTIC, DEMAND_NOTHING }, { RELAY_TLS_ENCRYPTED, DEMAND_ENCRYPTED }, { RELAY_TLS_REQUIRED, DEMAND_VERIFIED } };
	struct relay_host via = { .host = SPAN("mx.example"), .port = 587 };

	(void)state;
	add_domain("bogus");
	job.via = &via;
	for (size_t i = 0; i < 4; i++) {
		via.tls = modes[i].tls;
		assert_plan(POLICY_RELAY_HOST, modes[i].demand);
	}
}

static void require_tls_raises_what_is_demanded(void **state)
{
	struct relay_host via = { .host = SPAN("mx.example"), .port = 587, .tls = RELAY_TLS_OPPORTUNISTIC };

	(void)state;
	add_domain(NULL);
	job.require_tls = job.tls_optional = true;
	assert_plan(POLICY_NONE, DEMAND_VERIFIED);
	assert_true(route.targets[0].plan->mx_secure);
	fake_dns_add("_25._tcp.mx.example", DNS_TLSA, GOOD);
	assert_plan(POLICY_DANE, DEMAND_DANE);
	job.via = &via;
	assert_plan(POLICY_RELAY_HOST, DEMAND_VERIFIED);
}

/* RFC 8689 section 5. */
static void a_message_that_may_go_without_tls_asks_for_no_policy(void **state)
{
	struct tls_rule rule = { .mode = TLS_RULE_ENCRYPT };

	(void)state;
	add_domain("bogus");
	job.tls_optional = true;
	assert_plan(POLICY_NONE, DEMAND_NOTHING);
	job.rule = &rule;
	assert_plan(POLICY_RULE, DEMAND_ENCRYPTED);
}

static void a_literal_is_chance(void **state)
{
	(void)state;
	job.domain = SPAN("[192.0.2.40]");
	assert_plan(POLICY_NONE, DEMAND_NOTHING);
	assert_int_equal(fake_dns_asked(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(signed_records_are_demanded, setup, done),
		cmocka_unit_test_setup_teardown(the_port_of_the_relay_is_in_the_name, setup, done),
		cmocka_unit_test_setup_teardown(without_records_it_is_chance, setup, done),
		cmocka_unit_test_setup_teardown(each_step_to_the_records_has_to_be_signed, setup, done),
		cmocka_unit_test_setup_teardown(records_are_only_asked_for_where_addresses_are_signed, setup, done),
		cmocka_unit_test_setup_teardown(a_host_whose_records_are_bogus_or_unknown_is_put_off_never_plain, setup, done),
		cmocka_unit_test_setup_teardown(the_next_host_is_tried_when_one_is_put_off, setup, done),
		cmocka_unit_test_setup_teardown(records_that_can_not_be_used_demand_encryption, setup, done),
		cmocka_unit_test_setup_teardown(the_name_behind_the_alias_is_asked_first_then_the_host, setup, done),
		cmocka_unit_test_setup_teardown(an_alias_out_of_the_signed_zone_leaves_the_hosts_own_records, setup, done),
		cmocka_unit_test_setup_teardown(a_domain_without_mx_has_its_own_records, setup, done),
		cmocka_unit_test_setup_teardown(a_rule_goes_before_what_the_domain_says, setup, done),
		cmocka_unit_test_setup_teardown(a_relay_host_has_its_own_policy, setup, done),
		cmocka_unit_test_setup_teardown(require_tls_raises_what_is_demanded, setup, done),
		cmocka_unit_test_setup_teardown(a_message_that_may_go_without_tls_asks_for_no_policy, setup, done),
		cmocka_unit_test_setup_teardown(a_literal_is_chance, setup, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
