/* How TLS went: counted, written, listed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/tls_report.h"

#define DAY_MS 86400000LL
#define TODAY 20000

static char folder[64], path[100];
static struct relay *relay;
static struct arena arena;
static struct tls_summary *rows;
static struct tls_failure *details;
static size_t count;

static void open_relay(void)
{
	const struct relay_config config = { .path = path };

	assert_int_equal(relay_new(&config, &relay, NULL), ERR_OK);
}

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/postroom-report-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/relay.db", folder);
	clock_set_source(&clock_fake);
	clock_fake_set_real_ms(TODAY * DAY_MS);
	arena_init(&arena, 4u * 1024u * 1024u);
	open_relay();
	return 0;
}

static int end(void **state)
{
	char command[100];

	(void)state;
	relay_free(&relay);
	arena_clear(&arena);
	clock_set_source(NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void note(const char *domain, const char *type, const char *result)
{
	struct tls_note n = { .domain = span_str(domain), .policy_type = type, .policy = SPAN("3 1 1 00"), .mx = SPAN("mx.example"), .success = !result, .result_type = result, .mx_host = "mx.example", .reason = result ? SPAN("words") : SPAN("") };

	assert_int_equal(net_ip_parse(SPAN("192.0.2.1"), &n.sending), ERR_OK);
	assert_int_equal(net_ip_parse(SPAN("2001:db8::1"), &n.mx_addr), ERR_OK);
	tls_report_note(relay, &n);
}

static void list(const char *domain, int64_t after_day, const char *after, size_t limit)
{
	assert_int_equal(tls_summaries(relay, span_str(domain), after_day, span_str(after), limit, &arena, &rows, &count), ERR_OK);
}

static void assert_row(size_t i, int64_t day, const char *domain, uint64_t successes, uint64_t failures)
{
	assert_true(i < count);
	assert_int_equal(rows[i].day, day);
	assert_true(span_equals(rows[i].domain, span_str(domain)));
	assert_int_equal(rows[i].successes, successes);
	assert_int_equal(rows[i].failures, failures);
}

static void sessions_are_counted_a_day_domain_and_policy(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		note("a.example", "tlsa", NULL);
	note("a.example", "tlsa", "validation-failure");
	note("b.example", "no-policy-found", NULL);
	list("", 0, "", 10);
	assert_int_equal(count, 2);
	assert_row(0, TODAY, "a.example", 3, 1);
	assert_true(span_equals(rows[0].policy_type, SPAN("tlsa")));
	assert_true(span_equals(rows[0].policy, SPAN("3 1 1 00")));
	assert_true(span_equals(rows[0].mx, SPAN("mx.example")));
	assert_row(1, TODAY, "b.example", 1, 0);
	/* What comes later is added. */
	note("a.example", "tlsa", NULL);
	list("a.example", 0, "", 10);
	assert_int_equal(count, 1);
	assert_row(0, TODAY, "a.example", 4, 1);
}

static void failures_come_with_their_details_the_most_frequent_first(void **state)
{
	(void)state;
	note("a.example", "sts", "certificate-expired");
	note("a.example", "sts", "certificate-host-mismatch");
	note("a.example", "sts", "certificate-host-mismatch");
	note("b.example", "sts", "certificate-expired");
	assert_int_equal(tls_failures(relay, TODAY, SPAN("a.example"), &arena, &details, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_true(span_equals(details[0].result_type, SPAN("certificate-host-mismatch")));
	assert_int_equal(details[0].count, 2);
	assert_true(span_equals(details[0].policy_type, SPAN("sts")));
	assert_true(span_equals(details[0].sending_ip, SPAN("192.0.2.1")));
	assert_true(span_equals(details[0].mx_ip, SPAN("2001:db8::1")));
	assert_true(span_equals(details[0].mx_host, SPAN("mx.example")));
	assert_true(span_equals(details[0].reason, SPAN("words")));
	assert_int_equal(details[1].count, 1);
}

static void lists_go_on_where_they_ended(void **state)
{
	(void)state;
	for (int day = 0; day < 3; day++) {
		note("a.example", "tlsa", NULL);
		note("b.example", "tlsa", NULL);
		note("b.example", "sts", NULL);
		note("c.example", "tlsa", NULL);
		clock_fake_advance_ms(DAY_MS);
	}
	list("", 0, "", 2);
	assert_int_equal(count, 3); /* the policies of one domain stay together */
	assert_row(0, TODAY + 2, "a.example", 1, 0);
	assert_row(2, TODAY + 2, "b.example", 1, 0);
	list("", TODAY + 2, "b.example", 2);
	assert_int_equal(count, 2);
	assert_row(0, TODAY + 2, "c.example", 1, 0);
	assert_row(1, TODAY + 1, "a.example", 1, 0);
	list("", TODAY, "c.example", 2);
	assert_int_equal(count, 0);
	list("c.example", 0, "", 2);
	assert_int_equal(count, 2);
	list("c.example", TODAY + 1, "c.example", 2);
	assert_int_equal(count, 1);
	assert_row(0, TODAY, "c.example", 1, 0);
	list("", 0, "", 0);
	assert_int_equal(count, 0);
}

static void counts_are_there_after_a_restart(void **state)
{
	(void)state;
	note("a.example", "tlsa", NULL);
	relay_free(&relay);
	open_relay();
	list("", 0, "", 10);
	assert_row(0, TODAY, "a.example", 1, 0);
}

static void what_is_too_old_goes(void **state)
{
	(void)state;
	note("a.example", "tlsa", "validation-failure");
	list("", 0, "", 10);
	assert_int_equal(count, 1);
	clock_fake_advance_ms(TLS_REPORT_DAYS * DAY_MS);
	tls_report_turn(relay->report);
	list("", 0, "", 10);
	assert_int_equal(count, 1);
	clock_fake_advance_ms(DAY_MS);
	tls_report_turn(relay->report);
	list("", 0, "", 10);
	assert_int_equal(count, 0);
	assert_int_equal(tls_failures(relay, TODAY, SPAN("a.example"), &arena, &details, &count), ERR_OK);
	assert_int_equal(count, 0);
}

/* More kinds than there is memory for: those that fit are whole. */
static void memory_has_its_end(void **state)
{
	char domain[32];
	uint64_t total = 0;
	size_t all;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		note(domain, "tlsa", NULL);
	}
	list("", 0, "", 100000);
	all = count;
	for (size_t i = 0; i < all; i++)
		total += rows[i].successes;
	assert_int_equal(total, all);
	assert_true(all > 1000 && all < 20000);
}

static void without_a_file_nothing_is_kept_and_nothing_fails(void **state)
{
	const struct relay_config config = { .path = NULL };

	(void)state;
	relay_free(&relay);
	assert_int_equal(relay_new(&config, &relay, NULL), ERR_OK);
	note("a.example", "tlsa", NULL);
	list("", 0, "", 10);
	assert_int_equal(count, 0);
}

static void a_file_that_cannot_be_opened_stops_no_mail(void **state)
{
	const struct relay_config config = { .path = folder };

	(void)state;
	relay_free(&relay);
	assert_int_equal(relay_new(&config, &relay, NULL), ERR_OK);
	note("a.example", "tlsa", NULL);
	list("", 0, "", 10);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sessions_are_counted_a_day_domain_and_policy, begin, end),
		cmocka_unit_test_setup_teardown(failures_come_with_their_details_the_most_frequent_first, begin, end),
		cmocka_unit_test_setup_teardown(lists_go_on_where_they_ended, begin, end),
		cmocka_unit_test_setup_teardown(counts_are_there_after_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(what_is_too_old_goes, begin, end),
		cmocka_unit_test_setup_teardown(memory_has_its_end, begin, end),
		cmocka_unit_test_setup_teardown(without_a_file_nothing_is_kept_and_nothing_fails, begin, end),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_opened_stops_no_mail, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
