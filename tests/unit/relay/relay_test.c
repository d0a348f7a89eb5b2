/* One delivery attempt against servers that follow a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <pthread.h>

#include "daemon/base/clock.h"
#include "daemon/relay/limits.h"
#include "tests/unit/relay/attempt.h"
#include "tests/unit/relay/fake_dns.h"
#include "tests/unit/relay/fake_server.h"

static void a_message_is_delivered_dot_stuffed(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 2.6.0 kept", "< QUIT", "> 221 bye")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.6.0", "250 2.6.0 kept", true);
	assert_true(span_equals(attempt.recipients[0].host, SPAN("127.0.0.1")));
	assert_string_equal(attempt.job.tls_version, "");
}

static void a_pipelining_server_gets_the_envelope_in_one_piece(void **state)
{
	(void)state;
	attempt.job.recipient_count = 3;
	attempt.job.body_8bit = attempt.job.smtputf8 = true;
	attempt.message = SPAN("Subject: \xc3\xa4\r\n\r\nend without its line end");
	attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL FROM:<me@example.org> SIZE=29 BODY=8BITMIME SMTPUTF8", "< RCPT TO:<a@d.example>", "< RCPT TO:<b@d.example>", "< RCPT TO:<c@d.example>", "< DATA",
				    "> 250 ok", "> 250 ok", "> 550-5.1.1 no such", "> 550 user \x01\xff here", "> 451 later", "> 354 go", "data", "> 250 kept", "< QUIT", "> 221 bye")),
		     "Subject: \xc3\xa4\r\n\r\nend without its line end\r\n");
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_assert(1, RELAY_FAILED, "5.1.1", "550 5.1.1 no such / user ?? here", true);
	attempt_assert(2, RELAY_RETRY, "4.0.0", "451 later", true);
}

static void nobody_accepted_sends_no_message(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 550 5.1.1 no", "< QUIT", "> 221 bye")), "");
	attempt_assert(0, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT", "< DATA", "> 250 ok", "> 550 5.1.1 no", "> 554 no recipients", "< QUIT", "> 221 bye")), "");
	attempt_assert(0, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT", "< DATA", "> 250 ok", "> 550 5.1.1 no", "> 354 go on", "data", "> 250 an empty one for nobody", "< QUIT", "> 221 bye")), "");
	attempt_assert(0, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
}

static void refusals_keep_their_permanence(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 550 5.7.1 go away", "< QUIT", "> 221 bye")), "");
	attempt_assert(0, RELAY_FAILED, "5.7.1", "550 5.7.1 go away", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 450 greylisted")), "");
	attempt_assert(0, RELAY_RETRY, "4.0.0", "450 greylisted", true);
	attempt_once(SCRIPTS(SCRIPT("> 421 4.3.2 busy")), "");
	attempt_assert(0, RELAY_RETRY, "4.3.2", "421 4.3.2 busy", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 452 4.3.1 full", "< QUIT", "> 221 bye")), "");
	attempt_assert(0, RELAY_RETRY, "4.3.1", "452 4.3.1 full", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 554 5.6.0 spam", "< QUIT", "> 221 bye")), STUFFED);
	attempt_assert(0, RELAY_FAILED, "5.6.0", "554 5.6.0 spam", true);
}

static void what_is_no_smtp_is_tried_again(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT("> HTTP/1.1 400 Bad Request")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt_once(SCRIPTS(SCRIPT("> 250-x", "> 220 y")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt_once(SCRIPTS(SCRIPT("> 999 what")), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt_once(SCRIPTS(SCRIPT(">! 220")), "");
	attempt_assert(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void endless_replies_end(void **state)
{
	static char line[9000];
	static const char *many[RELAY_MAX_REPLY_LINES + 2];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "> 220 ", 6);
	attempt_once(SCRIPTS(SCRIPT(line)), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
	for (size_t i = 0; i <= RELAY_MAX_REPLY_LINES; i++)
		many[i] = "> 220-more";
	attempt_once(SCRIPTS(many), "");
	attempt_assert(0, RELAY_RETRY, "4.5.0", NULL, false);
}

static void helo_follows_a_refused_ehlo(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT("> 220 old", "< EHLO", "> 500 what", "< HELO mail.example.org", "> 250 hello", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void limits_of_the_server_are_known_before_sending(void **state)
{
	(void)state;
	attempt.job.size = 20000;
	attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.3.4", NULL, false);
	attempt.job.size = 31;
	attempt.job.smtputf8 = true;
	attempt.recipients[0].address = SPAN("\xc3\xa4@d.example");
	attempt.job.recipient_count = 2;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT TO:<b@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_FAILED, "5.6.7", NULL, false);
	attempt_assert(1, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt.job.recipient_count = 1;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.6.7", NULL, false);
	/* Asked for and not needed: an ASCII attempt.message goes out as it always did. */
	attempt.recipients[0].address = SPAN("a@d.example");
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void a_connection_lost_behind_the_dot_is_retried_and_goes_to_no_other_host(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data")), STUFFED);
	attempt_assert(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void bare_line_ends_never_leave(void **state)
{
	static const char *const bodies[] = { "a\n.\nb\r\n", "a\r\r\n", "a\rb\r\n", "a\r" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		attempt.message = span_str(bodies[i]);
		attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT", "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "wait")), "");
		attempt_assert(0, RELAY_FAILED, "5.6.0", NULL, false);
		attempt_once(SCRIPTS(SCRIPT(EHLO_CHUNKS, "< MAIL", "< RCPT", "> 250 ok", "> 250 ok", "wait")), "");
		attempt_assert(0, RELAY_FAILED, "5.6.0", NULL, false);
	}
}

#define LARGE (8u * 1024u * 1024u)

static void who_has_seen_enough_of_a_large_message_is_listened_to(void **state)
{
	char *text = malloc(LARGE);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LARGE; i++)
		text[i] = "line of it\r\n"[i % 12];
	attempt.message = span_make(text, LARGE - LARGE % 12);
	attempt.job.size = attempt.message.len;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", ">! 354 go\r\n552 5.3.4 enough\r\n")), "");
	attempt_assert(0, RELAY_FAILED, "5.3.4", "552 5.3.4 enough", true);
	free(text);
}

static void an_answer_out_of_its_turn_accepts_nobody(void **state)
{
	(void)state;
	attempt.job.recipient_count = 3;
	/* That to the second is missing. */
	attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT", "< RCPT", "< RCPT", "< DATA", "> 250 ok", "> 250 ok", "> 250 ok", "> 354 go", "wait")), "");
	for (size_t i = 0; i < 3; i++)
		attempt_assert(i, RELAY_RETRY, "4.5.0", NULL, false);
}

/* Two addresses of one name, the first by the scripts of `first` (null: nobody listens). */
static void serve_two(const char *const *const *first, const char *const *const *second, const char *content)
{
	struct fake_server *b = fake_server_start("127.0.0.2", 0, second, attempt.store), *a = NULL;
	struct buf data, wrong;

	attempt.via.host = SPAN("two.example");
	attempt.via.port = fake_server_addr(b).port;
	fake_dns_add("two.example", DNS_A, "127.0.0.1");
	fake_dns_add("two.example", DNS_A, "127.0.0.2");
	if (first)
		a = fake_server_start("127.0.0.1", attempt.via.port, first, attempt.store);
	relay_attempt(attempt.relay, &attempt.job);
	attempt_renew_relay();
	if (a) {
		fake_server_end(&a, &data, &wrong);
		assert_int_equal(wrong.len, 0);
		buf_clear(&data);
		buf_clear(&wrong);
	}
	fake_server_end(&b, &data, &wrong);
	if (wrong.len > 0)
		fail_msg("%s", buf_cstr(&wrong));
	assert_true(span_equals(buf_span(&data), span_str(content)));
	buf_clear(&data);
	buf_clear(&wrong);
}

static void attempt_two(const char *const *const *first, const char *const *const *second)
{
	serve_two(first, second, STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

#define TAKES_IT SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")

static void the_next_address_takes_over(void **state)
{
	(void)state;
	attempt_two(NULL, SCRIPTS(TAKES_IT));
}

static void the_next_address_takes_over_from_one_that_promises_no_time(void **state)
{
	(void)state;
	attempt.job.deliver_by_ms = clock_real_ms() + 3600000;
	attempt.job.deliver_by = 1;
	attempt_two(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), SCRIPTS(SCRIPT("> 220 x", "< EHLO", "> 250-x", "> 250 DELIVERBY", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")));
}

static void the_next_address_takes_over_from_a_busy_one(void **state)
{
	(void)state;
	attempt_two(SCRIPTS(SCRIPT("> 554 no mail here")), SCRIPTS(TAKES_IT));
}

static void one_hosts_refusal_is_not_for_good_while_another_is_only_busy(void **state)
{
	(void)state;
	serve_two(SCRIPTS(SCRIPT("> 421 4.3.2 busy")), SCRIPTS(SCRIPT("> 554 5.3.2 no mail here")), "");
	attempt_assert(0, RELAY_RETRY, "4.3.2", "421 4.3.2 busy", true);
	serve_two(SCRIPTS(SCRIPT("> 554 5.3.2 no mail here")), SCRIPTS(SCRIPT("> 421 4.3.2 busy")), "");
	attempt_assert(0, RELAY_RETRY, "4.3.2", "421 4.3.2 busy", true);
	serve_two(SCRIPTS(SCRIPT("> 554 5.3.2 no mail here")), SCRIPTS(SCRIPT("> 554 5.3.2 nor here")), "");
	attempt_assert(0, RELAY_FAILED, "5.3.2", "554 5.3.2 nor here", true);
	assert_true(span_equals(attempt.recipients[0].host, SPAN("two.example")));
}

/* A forwarding alias: the attempt.message came without SMTPUTF8, its new address needs it. */
static void an_internationalized_address_needs_smtputf8_whatever_the_message_said(void **state)
{
	(void)state;
	attempt.recipients[0].address = SPAN("\xc3\xbc@d.example");
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	attempt_assert(0, RELAY_FAILED, "5.6.7", NULL, false);
	attempt_once(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL FROM:<me@example.org> SIZE=29 SMTPUTF8", "< RCPT TO:<\xc3\xbc@d.example>", "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

/* Each answer comes within its own time, all of them together do not end. */
static void a_server_that_puts_off_a_recipient_is_alive_one_that_puts_off_all_mail_is_not(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 452 4.2.2 full", "< QUIT")), "");
	attempt_assert(0, RELAY_RETRY, "4.2.2", NULL, true);
	assert_true(attempt.job.answered);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 421 4.3.2 closing")), "");
	assert_false(attempt.job.answered);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 451 4.3.0 later", "< QUIT")), "");
	assert_false(attempt.job.answered);
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 452 4.3.1 full")), STUFFED);
	assert_false(attempt.job.answered);
}

static void a_server_that_is_slow_all_the_way_is_given_up(void **state)
{
	(void)state;
	attempt.job.recipient_count = 3;
	attempt_set_clock(&clock_fake);
	attempt_once(SCRIPTS(SCRIPT("late", "> 220 fake", "< EHLO", "late", "> 502 what", "< HELO", "late", "> 250 fake", "< MAIL", "late", "> 250 ok", "< RCPT", "late", "> 250 ok", "< RCPT", "late", "> 250 ok", "< RCPT", "late", "> 250 ok", "wait")), "");
	attempt_set_clock(NULL);
	attempt_assert(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void the_next_address_takes_over_in_the_middle_of_the_envelope(void **state)
{
	(void)state;
	attempt_two(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 421 closing")), SCRIPTS(TAKES_IT));
}

static void what_one_host_decided_the_next_is_not_asked(void **state)
{
	(void)state;
	attempt.job.recipient_count = 2;
	attempt.recipients[0].address = SPAN("a@d.example");
	attempt.recipients[1].address = SPAN("b@d.example");
	attempt_two(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT TO:<a@d.example>", "< RCPT TO:<b@d.example>", "< DATA", "> 250 ok", "> 250 ok", "> 550 5.1.1 no")), SCRIPTS(TAKES_IT));
	attempt_assert(1, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
}

static void offered_tls_is_used(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO mail.example.org", "> 250 fake", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_true(span_starts(span_str(attempt.job.tls_version), SPAN("TLSv1.")));
}

static void broken_tls_is_left_out_where_it_is_no_must(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "some", "> this is no handshake", "wait"), SCRIPT("> 220 fake", "< EHLO", "> 250-fake", "> 250 STARTTLS", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_string_equal(attempt.job.tls_version, "");
}

static void refused_tls_is_left_out_where_it_is_no_must(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 454 not now", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void required_tls_sends_nothing_without(void **state)
{
	size_t at;

	(void)state;
	attempt.via.tls = RELAY_TLS_REQUIRED;
	attempt_once(SCRIPTS(SCRIPT(EHLO_PLAIN)), "");
	attempt_assert(0, RELAY_RETRY, "4.7.4", NULL, false);
	/* The certificate is nobody's. */
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "try tls")), "");
	attempt_assert(0, RELAY_RETRY, "4.7.5", NULL, false);
	assert_true(span_find(attempt.recipients[0].reply, SPAN("certificate"), &at));
}

static void words_behind_starttls_are_not_believed(void **state)
{
	(void)state;
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, ">! 220 go\r\n250 injected\r\n", "wait")), "");
	attempt_assert(0, RELAY_RETRY, "4.7.0", NULL, false);
}

static void the_password_goes_over_verified_tls_only(void **state)
{
	(void)state;
	attempt.via.user = SPAN("u");
	attempt.via.password = SPAN("p");
	attempt_once(SCRIPTS(SCRIPT("> 220 fake", "< EHLO", "> 250-fake", "> 250 AUTH PLAIN LOGIN")), "");
	attempt_assert(0, RELAY_RETRY, "4.7.0", NULL, false);
	/* The certificate is nobody's. */
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO", "> 250-fake", "> 250 AUTH PLAIN", "< QUIT")), "");
	attempt_assert(0, RELAY_RETRY, "4.7.0", NULL, false);
	attempt.via.tls = RELAY_TLS_ENCRYPTED;
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO", "> 250-fake", "> 250 AUTH LOGIN PLAIN", "< AUTH PLAIN AHUAcA==", "> 235 2.7.0 ok", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_once(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO", "> 250-fake", "> 250 AUTH LOGIN", "< AUTH LOGIN", "> 334 VXNlcm5hbWU6", "< dQ==", "> 334 UGFzc3dvcmQ6", "< cA==", "> 535 5.7.8 wrong")), "");
	attempt_assert(0, RELAY_RETRY, "4.7.8", "535 5.7.8 wrong", true);
}

struct canceller {
	struct relay *relay;
	struct fake_server *server;
};

static void *cancel_when_connected(void *arg)
{
	struct canceller *c = arg;

	fake_server_wait_connected(c->server);
	relay_cancel(c->relay);
	return NULL;
}

static void a_cancelled_attempt_ends_at_once(void **state)
{
	struct canceller c = { attempt.relay, fake_server_start("127.0.0.1", 0, SCRIPTS(SCRIPT("wait")), attempt.store) };
	struct buf data, wrong;
	pthread_t thread;

	(void)state;
	attempt.via.port = fake_server_addr(c.server).port;
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_connected, &c), 0);
	relay_attempt(attempt.relay, &attempt.job);
	pthread_join(thread, NULL);
	fake_server_end(&c.server, &data, &wrong);
	assert_int_equal(wrong.len, 0);
	attempt_assert(0, RELAY_RETRY, "4.3.2", NULL, false);
	buf_clear(&data);
	buf_clear(&wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ATTEMPT_TEST(a_message_is_delivered_dot_stuffed),
		ATTEMPT_TEST(a_pipelining_server_gets_the_envelope_in_one_piece),
		ATTEMPT_TEST(nobody_accepted_sends_no_message),
		ATTEMPT_TEST(refusals_keep_their_permanence),
		ATTEMPT_TEST(what_is_no_smtp_is_tried_again),
		ATTEMPT_TEST(endless_replies_end),
		ATTEMPT_TEST(helo_follows_a_refused_ehlo),
		ATTEMPT_TEST(limits_of_the_server_are_known_before_sending),
		ATTEMPT_TEST(a_connection_lost_behind_the_dot_is_retried_and_goes_to_no_other_host),
		ATTEMPT_TEST(bare_line_ends_never_leave),
		ATTEMPT_TEST(who_has_seen_enough_of_a_large_message_is_listened_to),
		ATTEMPT_TEST(an_answer_out_of_its_turn_accepts_nobody),
		ATTEMPT_TEST(the_next_address_takes_over),
		ATTEMPT_TEST(the_next_address_takes_over_from_one_that_promises_no_time),
		ATTEMPT_TEST(the_next_address_takes_over_from_a_busy_one),
		ATTEMPT_TEST(one_hosts_refusal_is_not_for_good_while_another_is_only_busy),
		ATTEMPT_TEST(an_internationalized_address_needs_smtputf8_whatever_the_message_said),
		ATTEMPT_TEST(a_server_that_puts_off_a_recipient_is_alive_one_that_puts_off_all_mail_is_not),
		ATTEMPT_TEST(a_server_that_is_slow_all_the_way_is_given_up),
		ATTEMPT_TEST(the_next_address_takes_over_in_the_middle_of_the_envelope),
		ATTEMPT_TEST(what_one_host_decided_the_next_is_not_asked),
		ATTEMPT_TEST(offered_tls_is_used),
		ATTEMPT_TEST(broken_tls_is_left_out_where_it_is_no_must),
		ATTEMPT_TEST(refused_tls_is_left_out_where_it_is_no_must),
		ATTEMPT_TEST(required_tls_sends_nothing_without),
		ATTEMPT_TEST(words_behind_starttls_are_not_believed),
		ATTEMPT_TEST(the_password_goes_over_verified_tls_only),
		ATTEMPT_TEST(a_cancelled_attempt_ends_at_once),
	};

	return cmocka_run_group_tests(tests, attempt_group_begin, attempt_group_end);
}
