/* MTA-STS: its texts, and how policies are had and kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/route.h"
#include "daemon/relay/sts.h"
#include "tests/unit/relay/fake_dns.h"
#include "tests/unit/relay/fake_fetch.h"

#define HOUR_MS 3600000LL
#define TEXT "version: STSv1\r\nmode: enforce\r\nmx: mx.d.example\r\nmx: *.mail.example\r\nmax_age: 604800\r\n"

/* ---- the texts ---- */

static void assert_record(const char *text, enum err want, const char *id)
{
	struct span found = SPAN("");
	enum err e = sts_parse_record(span_str(text), &found);

	if (e != want)
		fail_msg("%s: %s", text, err_name(e));
	if (id)
		assert_true(span_equals(found, span_str(id)));
}

static void records_are_read_as_they_must_be_written(void **state)
{
	(void)state;
	assert_record("v=STSv1; id=20160831085700Z;", ERR_OK, "20160831085700Z");
	assert_record("v=STSv1;id=a", ERR_OK, "a");
	assert_record("v=STSv1 ; id=a ; x-y.z=1:2", ERR_OK, "a");
	assert_record("v=STSv1; id=12345678901234567890123456789012;", ERR_OK, NULL);
	assert_record("v=spf1 -all", ERR_NOT_FOUND, NULL);
	assert_record("", ERR_NOT_FOUND, NULL);
	assert_record("v=STSv1", ERR_NOT_FOUND, NULL);
	assert_record("v=stsv1; id=a", ERR_NOT_FOUND, NULL);
	assert_record("v=STSv10; id=a", ERR_NOT_FOUND, NULL);
	assert_record("id=a; v=STSv1;", ERR_NOT_FOUND, NULL);
	assert_record("v=STSv1;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=a b;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=a-b;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; ID=a;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=123456789012345678901234567890123;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=a; id=b;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1;; id=a;", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=a; -x=1", ERR_SYNTAX, NULL);
	assert_record("v=STSv1; id=a; x", ERR_SYNTAX, NULL);
}

static enum err parse(const char *text, struct sts_parsed *out)
{
	enum err e = sts_parse_policy(span_str(text), out, NULL);

	if (e != ERR_OK)
		buf_clear(&out->mx);
	return e;
}

static void policies_are_read_as_they_must_be_written(void **state)
{
	static const char *const good[] = {
		TEXT,
		"version: STSv1\nmode: testing\nmx: a.example\nmax_age: 0",
		"mode:enforce\nmax_age:31557600\nmx:A.EXAMPLE\nversion:STSv1\n",
		"version: STSv1\nmode: none\nmax_age: 86400\n",
		"version: STSv1 \nmode: enforce\t\nmx: a.example \nmax_age: 1\nnew_key: x: y\n\n",
		"version: STSv1\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 1\nmax_age: x\nversion: STSv2\n",
	};
	struct sts_parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (parse(good[i], &p) != ERR_OK)
			fail_msg("%s", good[i]);
		buf_clear(&p.mx);
	}
	assert_int_equal(parse(TEXT, &p), ERR_OK);
	assert_int_equal(p.mode, STS_ENFORCE);
	assert_int_equal(p.max_age_s, 604800);
	assert_true(span_equals(buf_span(&p.mx), SPAN("mx.d.example\n*.mail.example")));
	buf_clear(&p.mx);
	assert_int_equal(parse(good[2], &p), ERR_OK);
	assert_true(span_equals(buf_span(&p.mx), SPAN("a.example")));
	buf_clear(&p.mx);
	assert_int_equal(parse(good[5], &p), ERR_OK);
	assert_int_equal(p.mode, STS_ENFORCE);
	buf_clear(&p.mx);
}

#define POLICY(mx, age) "version: STSv1\nmode: enforce\nmx: " mx "\nmax_age: " age "\n"

static void what_is_no_policy_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"<html>hello</html>",
		"version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n",
		"mode: enforce\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\n",
		"version: STSv1\nmode: enforce\nmax_age: 1\n",
		"version: STSv1\nmode: testing\nmax_age: 1\n",
		"version: STSv1\nmode: ENFORCE\nmx: a.example\nmax_age: 1\n",
		"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\nno colon\n",
		POLICY("*", "1"),
		POLICY("*.", "1"),
		POLICY("*.*.example", "1"),
		POLICY("a.*.example", "1"),
		POLICY("*a.example", "1"),
		POLICY(".example", "1"),
		POLICY("a..example", "1"),
		POLICY("a.example.", "1"),
		POLICY("-a.example", "1"),
		POLICY("a-.example", "1"),
		POLICY("a b", "1"),
		POLICY("", "1"),
		POLICY("192.0.2.1:25", "1"),
		POLICY("a.example", "31557601"),
		POLICY("a.example", "18446744073709551617"),
		POLICY("a.example", "-1"),
		POLICY("a.example", "1.5"),
		POLICY("a.example", ""),
	};
	struct sts_parsed p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &p) == ERR_OK)
			fail_msg("%s", bad[i]);
}

static void a_policy_has_its_limits(void **state)
{
	struct sts_parsed p;
	struct buf text;

	(void)state;
	buf_init(&text, 200000);
	buf_add_str(&text, TEXT);
	for (int i = 0; i < STS_PATTERNS_MAX; i++)
		buf_addf(&text, "mx: mx%d.example\n", i);
	assert_int_equal(sts_parse_policy(buf_span(&text), &p, NULL), ERR_LIMIT);
	buf_clear(&p.mx);
	buf_reset(&text);
	buf_add_str(&text, TEXT);
	while (text.len <= STS_POLICY_MAX)
		buf_add_str(&text, "unknown: 0123456789012345678901234567890123456789\n");
	assert_int_equal(sts_parse_policy(buf_span(&text), &p, NULL), ERR_LIMIT);
	buf_clear(&p.mx);
	buf_clear(&text);
}

static void a_star_stands_for_one_label(void **state)
{
	const struct span patterns = SPAN("mx.d.example\n*.mail.example");

	(void)state;
	assert_true(sts_matches(patterns, SPAN("mx.d.example")));
	assert_true(sts_matches(patterns, SPAN("MX.D.Example")));
	assert_true(sts_matches(patterns, SPAN("a.mail.example")));
	assert_false(sts_matches(patterns, SPAN("a.b.mail.example")));
	assert_false(sts_matches(patterns, SPAN("mail.example")));
	assert_false(sts_matches(patterns, SPAN(".mail.example")));
	assert_false(sts_matches(patterns, SPAN("amail.example")));
	assert_false(sts_matches(patterns, SPAN("d.example")));
	assert_false(sts_matches(SPAN(""), SPAN("d.example")));
}

/* ---- how they are had ---- */

static char folder[64], path[100];
static struct net_addr own;
static struct relay_config config;
static struct ledger *ledger;
static struct sts *sts;
static struct arena arena;
static struct sts_policy policy;
static struct sts_trouble trouble;
static unsigned before; /* requests of earlier tests */

static void turn(void *arg)
{
	(void)arg;
	if (sts)
		sts_turn(sts);
}

static void open_sts(void)
{
	const struct ledger_config c = { .path = path, .turn = turn };

	assert_int_equal(ledger_open(&c, &ledger), ERR_OK);
	assert_int_equal(sts_new(&config, ledger, &sts), ERR_OK);
	assert_int_equal(ledger_start(ledger, NULL), ERR_OK);
}

static void close_sts(void)
{
	sts_cancel(sts);
	fake_fetch_settle();
	ledger_close(&ledger);
	sts_free(&sts);
}

static void give(const char *body)
{
	fake_fetch_give(&(struct fake_page){ .status = 200, .type = "text/plain; charset=utf-8", .body = body });
}

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/postroom-sts-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/relay.db", folder);
	fake_dns_clear();
	assert_int_equal(net_ip_parse(SPAN("192.0.2.1"), &own), ERR_OK);
	config = (struct relay_config){ .fetcher = (struct fetcher *)&own, .sts_port = 443, .own = &own, .own_count = 1 };
	clock_set_source(&clock_fake);
	clock_fake_set_real_ms(1700000000000);
	arena_init(&arena, 1024u * 1024u);
	give(TEXT);
	before = fake_fetch_count();
	open_sts();
	return 0;
}

static int end(void **state)
{
	char command[100];

	(void)state;
	fake_fetch_hold(false);
	close_sts();
	arena_clear(&arena);
	clock_set_source(NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void announce(const char *record)
{
	fake_dns_clear();
	fake_dns_add("_mta-sts.d.example", DNS_TXT, record);
}

static bool find(void)
{
	return sts_find(sts, SPAN("d.example"), &arena, &policy, &trouble);
}

static unsigned requests(void)
{
	return fake_fetch_count() - before;
}

static void pass_ms(int64_t ms)
{
	clock_fake_advance_ms(ms);
}

static void a_domain_without_the_record_is_never_asked(void **state)
{
	(void)state;
	assert_false(find());
	announce("v=spf1 -all");
	assert_false(find());
	announce("v=STSv1; id=");
	assert_false(find());
	announce("v=STSv1; id=1");
	fake_dns_add("_mta-sts.d.example", DNS_TXT, "v=STSv1; id=2");
	assert_false(find());
	announce("temp");
	assert_false(find());
	assert_int_equal(requests(), 0);
	assert_null(trouble.result_type);
}

static void a_policy_is_fetched_once_and_kept(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	fake_dns_add("_mta-sts.d.example", DNS_TXT, "something else");
	for (int i = 0; i < 3; i++) {
		assert_true(find());
		assert_int_equal(policy.mode, STS_ENFORCE);
		assert_true(span_equals(policy.mx, SPAN("mx.d.example\n*.mail.example")));
	}
	assert_int_equal(requests(), 1);
	assert_string_equal(fake_fetch_url(), "https://mta-sts.d.example/.well-known/mta-sts.txt");
	assert_true(span_equals(policy.text, SPAN("version: STSv1\nmode: enforce\nmax_age: 604800")));
}

static void the_machine_itself_is_no_policy_host(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	assert_false(fake_fetch_may_connect("127.0.0.1"));
	assert_false(fake_fetch_may_connect("::1"));
	assert_false(fake_fetch_may_connect("192.0.2.1"));
	assert_true(fake_fetch_may_connect("192.0.2.80"));
}

static void a_new_id_brings_the_new_policy(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	announce("v=STSv1; id=2");
	give("version: STSv1\nmode: testing\nmx: new.example\nmax_age: 1000\n");
	assert_true(find());
	assert_int_equal(policy.mode, STS_TESTING);
	assert_true(find());
	assert_int_equal(requests(), 2);
}

static void mode_none_asks_for_nothing(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	announce("v=STSv1; id=2");
	give("version: STSv1\nmode: none\nmax_age: 1000\n");
	assert_false(find());
	assert_null(trouble.result_type);
}

static void a_policy_that_vanished_holds_until_it_expires(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	fake_dns_clear();
	pass_ms(604800 * 1000LL - 1);
	assert_true(find());
	pass_ms(1);
	assert_false(find());
	assert_int_equal(requests(), 1);
}

static void assert_trouble(const struct fake_page *page, const char *result_type)
{
	fake_fetch_give(page);
	assert_false(find());
	assert_string_equal(trouble.result_type, result_type);
	assert_true(trouble.reason[0]);
	pass_ms(STS_AGAIN_MS);
}

static void each_failure_has_its_name(void **state)
{
	static char huge[STS_POLICY_MAX + 1];

	(void)state;
	memset(huge, 'x', sizeof(huge));
	memcpy(huge, TEXT, strlen(TEXT));
	announce("v=STSv1; id=1");
	assert_trouble(&(struct fake_page){ .err = ERR_TEMP }, "sts-policy-fetch-error");
	assert_trouble(&(struct fake_page){ .err = ERR_DENIED }, "sts-policy-fetch-error");
	assert_trouble(&(struct fake_page){ .err = ERR_TEMP, .untrusted = true }, "sts-webpki-invalid");
	assert_trouble(&(struct fake_page){ .status = 404, .type = "text/plain", .body = TEXT }, "sts-policy-fetch-error");
	assert_trouble(&(struct fake_page){ .status = 301, .type = "text/plain", .body = TEXT }, "sts-policy-fetch-error");
	assert_trouble(&(struct fake_page){ .status = 200, .type = "text/html", .body = TEXT }, "sts-policy-invalid");
	assert_trouble(&(struct fake_page){ .status = 200, .type = NULL, .body = TEXT }, "sts-policy-invalid");
	assert_trouble(&(struct fake_page){ .status = 200, .type = "text/plain", .body = "hello" }, "sts-policy-invalid");
	assert_trouble(&(struct fake_page){ .status = 200, .type = "text/plain", .body = huge, .body_len = sizeof(huge) }, "sts-policy-invalid");
	give(TEXT);
	assert_true(find());
	assert_null(trouble.result_type);
}

static void a_fetch_that_failed_is_not_repeated_at_once(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	fake_fetch_give(&(struct fake_page){ .err = ERR_TEMP });
	assert_false(find());
	give(TEXT);
	assert_false(find());
	assert_string_equal(trouble.result_type, "sts-policy-fetch-error");
	pass_ms(STS_AGAIN_MS - 1);
	assert_false(find());
	assert_int_equal(requests(), 1);
	pass_ms(1);
	assert_true(find());
	assert_int_equal(requests(), 2);
}

static void what_was_held_goes_on_when_the_next_can_not_be_had(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	announce("v=STSv1; id=2");
	fake_fetch_give(&(struct fake_page){ .status = 500 });
	assert_true(find());
	assert_int_equal(policy.mode, STS_ENFORCE);
	assert_string_equal(trouble.result_type, "sts-policy-fetch-error");
}

static void once_a_day_it_is_fetched_anew_and_nobody_waits(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	pass_ms(STS_REFRESH_MS);
	fake_fetch_hold(true);
	assert_true(find());
	assert_true(find());
	assert_int_equal(requests(), 2);
	fake_fetch_hold(false);
	fake_fetch_settle();
	/* Its time begins anew. */
	pass_ms(604800 * 1000LL - 1);
	fake_dns_clear();
	assert_true(find());
}

static void what_ends_within_a_day_is_fetched_before(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	sts_turn(sts);
	assert_int_equal(requests(), 1);
	pass_ms(604800 * 1000LL - HOUR_MS);
	sts_turn(sts);
	fake_fetch_settle();
	assert_int_equal(requests(), 2);
	/* One whose record is gone ends. */
	fake_dns_clear();
	pass_ms(604800 * 1000LL - HOUR_MS);
	sts_turn(sts);
	assert_int_equal(requests(), 2);
	pass_ms(HOUR_MS);
	assert_false(find());
}

static void *find_too(void *arg)
{
	struct arena a;
	struct sts_policy p;
	struct sts_trouble t;

	arena_init(&a, 65536);
	*(bool *)arg = sts_find(sts, SPAN("D.Example"), &a, &p, &t);
	arena_clear(&a);
	return NULL;
}

static void all_who_need_it_wait_for_one_fetch(void **state)
{
	pthread_t threads[4];
	bool found[4];

	(void)state;
	announce("v=STSv1; id=1");
	fake_fetch_hold(true);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, find_too, &found[i]), 0);
	while (requests() == 0)
		;
	fake_fetch_hold(false);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(found[i]);
	}
	assert_int_equal(requests(), 1);
}

static void the_end_wakes_who_waits(void **state)
{
	pthread_t thread;
	bool found = true;

	(void)state;
	announce("v=STSv1; id=1");
	fake_fetch_hold(true);
	assert_int_equal(pthread_create(&thread, NULL, find_too, &found), 0);
	while (requests() == 0)
		;
	sts_cancel(sts);
	pthread_join(thread, NULL);
	assert_false(found);
}

static void policies_are_there_after_a_restart(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find());
	close_sts();
	open_sts();
	assert_true(find());
	assert_int_equal(policy.mode, STS_ENFORCE);
	assert_true(sts_matches(policy.mx, SPAN("x.mail.example")));
	assert_int_equal(requests(), 1);
	pass_ms(604800 * 1000LL);
	close_sts();
	fake_dns_clear();
	open_sts();
	assert_false(find());
}

static void a_policy_that_ends_at_once_holds_for_who_waits(void **state)
{
	(void)state;
	give("version: STSv1\nmode: enforce\nmx: mx.d.example\nmax_age: 0\n");
	announce("v=STSv1; id=1");
	assert_true(find());
	assert_int_equal(policy.mode, STS_ENFORCE);
	clock_fake_advance_ms(STS_AGAIN_MS);
	fake_dns_clear();
	assert_false(find());
}

static void what_could_not_be_written_is_written_later(void **state)
{
	struct db *other = NULL;
	struct note why = { "" };

	(void)state;
	assert_int_equal(db_open(path, &db_schema_relay, DB_WRITE, &other, &why), ERR_OK);
	assert_int_equal(db_begin(other), ERR_OK);
	announce("v=STSv1; id=1");
	assert_true(find());
	sts_turn(sts);
	db_rollback(other);
	db_close(&other);
	sts_turn(sts);
	close_sts();
	fake_dns_clear();
	open_sts();
	assert_true(find());
}

static void a_damaged_file_is_put_aside_and_begun_anew(void **state)
{
	char aside[120];
	FILE *f;

	(void)state;
	close_sts();
	snprintf(aside, sizeof(aside), "%s-wal", path);
	unlink(aside);
	f = fopen(path, "w");
	for (int i = 0; i < 200; i++)
		fputs("this is no database, whatever it was", f);
	fclose(f);
	open_sts();
	announce("v=STSv1; id=1");
	assert_true(find());
	snprintf(aside, sizeof(aside), "%s.damaged", path);
	assert_int_equal(access(aside, F_OK), 0);
}

/* ---- what it means for hosts ---- */

static struct relay relay;
static struct relay_job job;
static struct route route;
static struct failure why;

static bool find_route(const char *host)
{
	static char mx[64];

	snprintf(mx, sizeof(mx), "10 %s", host);
	fake_dns_add("d.example", DNS_MX, mx);
	fake_dns_add(host, DNS_A, "192.0.2.10");
	relay.config = config;
	relay.config.port = 25;
	relay.sts = sts;
	job = (struct relay_job){ .domain = SPAN("d.example"), .arena = &arena };
	return route_find(&relay, &job, &route, &why);
}

static void a_host_of_an_enforced_policy_must_show_its_name(void **state)
{
	const struct tls_plan *plan;

	(void)state;
	announce("v=STSv1; id=1");
	assert_true(find_route("mx.d.example"));
	plan = route.targets[0].plan;
	assert_int_equal(plan->kind, POLICY_STS);
	assert_int_equal(plan->demand, DEMAND_VERIFIED);
	assert_true(plan->sts_enforced);
	assert_int_equal(plan->name_count, 0);
	assert_true(span_equals(plan->policy_mx, SPAN("mx.d.example\n*.mail.example")));
}

static void a_host_that_an_enforced_policy_does_not_name_gets_nothing(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	assert_false(find_route("evil.example"));
	assert_int_equal(why.outcome, RELAY_RETRY);
	assert_string_equal(why.status, "4.7.5");
}

static void testing_demands_nothing_and_tells(void **state)
{
	(void)state;
	give("version: STSv1\nmode: testing\nmx: mx.d.example\nmax_age: 1000\n");
	announce("v=STSv1; id=1");
	assert_true(find_route("mx.d.example"));
	assert_int_equal(route.targets[0].plan->demand, DEMAND_NOTHING);
	assert_true(route.targets[0].plan->sts_testing);
	assert_false(route.targets[0].plan->mx_unlisted);
	announce("v=STSv1; id=1");
	assert_true(find_route("other.example"));
	assert_int_equal(route.targets[0].plan->demand, DEMAND_NOTHING);
	assert_true(route.targets[0].plan->mx_unlisted);
	announce("v=STSv1; id=1");
	assert_true(find_route("mx.d.example"));
	job.require_tls = true;
	assert_true(route_find(&relay, &job, &route, &why));
	assert_int_equal(route.targets[0].plan->demand, DEMAND_VERIFIED);
	assert_false(route.targets[0].plan->sts_testing);
	assert_false(route.targets[0].plan->sts_enforced);
}

/* RFC 8461 section 2: DANE is not overruled, and where it is no policy is asked for. */
static void dane_goes_before_the_policy(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	fake_dns_add("_25._tcp.mx.d.example", DNS_TLSA, "3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	fake_dns_sign("d.example");
	fake_dns_sign("mx.d.example");
	fake_dns_sign("_25._tcp.mx.d.example");
	assert_true(find_route("mx.d.example"));
	assert_int_equal(route.targets[0].plan->kind, POLICY_DANE);
	assert_int_equal(requests(), 0);
}

static void records_of_no_use_leave_the_policy(void **state)
{
	(void)state;
	announce("v=STSv1; id=1");
	fake_dns_add("_25._tcp.mx.d.example", DNS_TLSA, "0 1 1 00");
	fake_dns_sign("d.example");
	fake_dns_sign("mx.d.example");
	fake_dns_sign("_25._tcp.mx.d.example");
	assert_true(find_route("mx.d.example"));
	assert_int_equal(route.targets[0].plan->kind, POLICY_STS);
	assert_int_equal(route.targets[0].plan->demand, DEMAND_VERIFIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_they_must_be_written),
		cmocka_unit_test(policies_are_read_as_they_must_be_written),
		cmocka_unit_test(what_is_no_policy_is_refused),
		cmocka_unit_test(a_policy_has_its_limits),
		cmocka_unit_test(a_star_stands_for_one_label),
		cmocka_unit_test_setup_teardown(a_domain_without_the_record_is_never_asked, begin, end),
		cmocka_unit_test_setup_teardown(a_policy_is_fetched_once_and_kept, begin, end),
		cmocka_unit_test_setup_teardown(the_machine_itself_is_no_policy_host, begin, end),
		cmocka_unit_test_setup_teardown(a_new_id_brings_the_new_policy, begin, end),
		cmocka_unit_test_setup_teardown(mode_none_asks_for_nothing, begin, end),
		cmocka_unit_test_setup_teardown(a_policy_that_vanished_holds_until_it_expires, begin, end),
		cmocka_unit_test_setup_teardown(each_failure_has_its_name, begin, end),
		cmocka_unit_test_setup_teardown(a_fetch_that_failed_is_not_repeated_at_once, begin, end),
		cmocka_unit_test_setup_teardown(what_was_held_goes_on_when_the_next_can_not_be_had, begin, end),
		cmocka_unit_test_setup_teardown(once_a_day_it_is_fetched_anew_and_nobody_waits, begin, end),
		cmocka_unit_test_setup_teardown(what_ends_within_a_day_is_fetched_before, begin, end),
		cmocka_unit_test_setup_teardown(all_who_need_it_wait_for_one_fetch, begin, end),
		cmocka_unit_test_setup_teardown(the_end_wakes_who_waits, begin, end),
		cmocka_unit_test_setup_teardown(policies_are_there_after_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(a_policy_that_ends_at_once_holds_for_who_waits, begin, end),
		cmocka_unit_test_setup_teardown(what_could_not_be_written_is_written_later, begin, end),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_put_aside_and_begun_anew, begin, end),
		cmocka_unit_test_setup_teardown(a_host_of_an_enforced_policy_must_show_its_name, begin, end),
		cmocka_unit_test_setup_teardown(a_host_that_an_enforced_policy_does_not_name_gets_nothing, begin, end),
		cmocka_unit_test_setup_teardown(testing_demands_nothing_and_tells, begin, end),
		cmocka_unit_test_setup_teardown(dane_goes_before_the_policy, begin, end),
		cmocka_unit_test_setup_teardown(records_of_no_use_leave_the_policy, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
