/* Probes: all steps of a delivery, and nothing is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/directory/directory.h"
#include "daemon/net/tls.h"
#include "daemon/relay/probe.h"
#include "tests/unit/relay/fake_dns.h"
#include "tests/unit/relay/fake_server.h"

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SCRIPTS(...) ((const char *const *const[]){ __VA_ARGS__, NULL })
#define EHLO "> 220 fake", "< EHLO mail.example.org", "> 250 fake"

static struct tls_client *client;
static struct relay *relay;
static struct relay_host via;
static struct relay_recipient recipient;
static struct relay_job job;
static struct arena arena;
static struct probe probe;

static int begin(void **state)
{
	struct relay_config config = { .tls = client, .port = 25 };

	(void)state;
	fake_dns_clear();
	assert_int_equal(relay_new(&config, &relay, NULL), ERR_OK);
	arena_init(&arena, 1024u * 1024u);
	via = (struct relay_host){ .host = SPAN("127.0.0.1"), .tls = RELAY_TLS_OPPORTUNISTIC };
	recipient = (struct relay_recipient){ .address = SPAN("a@d.example") };
	job = (struct relay_job){ .domain = SPAN("d.example"), .via = &via, .helo = SPAN("mail.example.org"), .reverse_path = SPAN("me@example.org"), .recipients = &recipient, .recipient_count = 1, .arena = &arena };
	return 0;
}

static int end(void **state)
{
	(void)state;
	relay_free(&relay);
	arena_clear(&arena);
	return 0;
}

static void run(const char *const *const *scripts)
{
	struct fake_server *s = fake_server_start("127.0.0.1", 0, scripts, NULL);
	struct buf data, wrong;

	via.port = fake_server_addr(s).port;
	relay_probe(relay, &job, &probe);
	relay_free(&relay); /* what was left to be ended with QUIT has been */
	fake_server_end(&s, &data, &wrong);
	if (wrong.len > 0)
		fail_msg("%s", buf_cstr(&wrong));
	assert_int_equal(data.len, 0);
	buf_clear(&data);
	buf_clear(&wrong);
}

static const struct probe_step *step(const char *name)
{
	for (size_t i = 0; i < probe.count; i++)
		if (strcmp(probe.steps[i].step, name) == 0)
			return &probe.steps[i];
	fail_msg("no step %s", name);
	return NULL;
}

static bool has(struct span s, const char *text)
{
	size_t at;

	return span_find(s, span_str(text), &at);
}

static void a_recipient_that_is_taken_is_deliverable_and_nothing_is_sent(void **state)
{
	(void)state;
	run(SCRIPTS(SCRIPT(EHLO, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 2.1.5 fine", "< QUIT", "> 221 bye")));
	assert_true(probe.deliverable);
	assert_int_equal(step("rcpt")->result, PROBE_OK);
	assert_true(has(step("rcpt")->reply, "2.1.5 fine"));
	assert_true(has(step("rcpt")->host, "127.0.0.1"));
	assert_true(has(step("tls_policy")->words, "relay host"));
	assert_int_equal(step("result")->result, PROBE_OK);
	assert_string_equal(probe.steps[0].step, "route");
	assert_string_equal(probe.steps[probe.count - 1].step, "result");
}

static void a_refused_recipient_comes_with_the_servers_words(void **state)
{
	(void)state;
	run(SCRIPTS(SCRIPT(EHLO, "< MAIL", "> 250 ok", "< RCPT", "> 550 5.1.1 who?", "< QUIT", "> 221 bye")));
	assert_false(probe.deliverable);
	assert_int_equal(step("rcpt")->result, PROBE_FAILED);
	assert_true(has(step("result")->words, "come back"));
	assert_true(has(step("result")->reply, "550 5.1.1 who?"));
}

static void a_busy_server_would_be_tried_again(void **state)
{
	(void)state;
	run(SCRIPTS(SCRIPT("> 421 4.3.2 busy")));
	assert_false(probe.deliverable);
	assert_int_equal(step("greeting")->result, PROBE_FAILED);
	assert_true(has(step("result")->words, "tried again"));
}

static void where_there_is_no_route_it_stops_and_says_why(void **state)
{
	(void)state;
	job.via = NULL;
	fake_dns_add("d.example", DNS_MX, "0 ");
	relay_probe(relay, &job, &probe);
	assert_false(probe.deliverable);
	assert_int_equal(step("route")->result, PROBE_FAILED);
	assert_true(has(step("route")->words, "null MX"));
	assert_true(has(step("result")->words, "come back"));
}

static void a_host_that_is_put_off_is_told_of(void **state)
{
	(void)state;
	job.via = NULL;
	fake_dns_add("d.example", DNS_MX, "10 mx.example");
	fake_dns_add("mx.example", DNS_A, "192.0.2.10");
	fake_dns_add("_25._tcp.mx.example", DNS_TLSA, "bogus");
	fake_dns_sign("d.example");
	fake_dns_sign("mx.example");
	relay_probe(relay, &job, &probe);
	assert_false(probe.deliverable);
	assert_true(has(step("route")->words, "DNSSEC"));
	assert_true(has(step("result")->words, "tried again"));
}

static int begin_all(void **state)
{
	(void)state;
	return tls_client_new(NULL, &client, NULL) == ERR_OK ? 0 : -1;
}

static int end_all(void **state)
{
	(void)state;
	tls_client_free(&client);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_recipient_that_is_taken_is_deliverable_and_nothing_is_sent, begin, end),
		cmocka_unit_test_setup_teardown(a_refused_recipient_comes_with_the_servers_words, begin, end),
		cmocka_unit_test_setup_teardown(a_busy_server_would_be_tried_again, begin, end),
		cmocka_unit_test_setup_teardown(where_there_is_no_route_it_stops_and_says_why, begin, end),
		cmocka_unit_test_setup_teardown(a_host_that_is_put_off_is_told_of, begin, end),
	};

	return cmocka_run_group_tests(tests, begin_all, end_all);
}
