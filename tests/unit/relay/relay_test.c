/* One delivery attempt against servers that follow a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>

#include "daemon/base/clock.h"
#include "daemon/crypto/x509.h"
#include "daemon/directory/directory.h"
#include "daemon/net/tls.h"
#include "daemon/relay/limits.h"
#include "daemon/relay/relay.h"
#include "tests/unit/relay/fake_dns.h"
#include "tests/unit/relay/fake_server.h"

#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SCRIPTS(...) ((const char *const *const[]){ __VA_ARGS__, NULL })
#define EHLO_PLAIN "> 220 fake", "< EHLO mail.example.org", "> 250 fake"
#define EHLO_MANY "> 220-fake", "> 220 welcome", "< EHLO mail.example.org", "> 250-fake", "> 250-PIPELINING", "> 250-8BITMIME", "> 250-SMTPUTF8", "> 250 SIZE 10000"
#define EHLO_TLS "> 220 fake", "< EHLO mail.example.org", "> 250-fake", "> 250 STARTTLS", "< STARTTLS"

static struct tls_store *store;
static struct tls_client *client;
static struct relay *relay;
static struct relay_host via;
static struct relay_recipient recipients[3];
static struct relay_job job;
static struct arena arena;
static struct span message;

static enum err read_message(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	struct span rest = span_take(span_skip(message, offset), size);

	(void)arg;
	if (rest.len > 0)
		memcpy(to, rest.ptr, rest.len);
	*count_out = rest.len;
	return ERR_OK;
}

static int begin(void **state)
{
	struct relay_config config = { .tls = client, .port = 25 };

	(void)state;
	fake_dns_clear();
	assert_int_equal(relay_new(&config, &relay, NULL), ERR_OK);
	arena_init(&arena, 1024u * 1024u);
	message = SPAN("Subject: x\r\n\r\n.\r\n..two\r\nend\r\n");
	via = (struct relay_host){ .host = SPAN("127.0.0.1"), .tls = RELAY_TLS_OPPORTUNISTIC };
	memset(recipients, 0, sizeof(recipients));
	recipients[0].address = SPAN("a@d.example");
	recipients[1].address = SPAN("b@d.example");
	recipients[2].address = SPAN("c@d.example");
	job = (struct relay_job){
		.domain = SPAN("d.example"),
		.via = &via,
		.helo = SPAN("mail.example.org"),
		.reverse_path = SPAN("me@example.org"),
		.recipients = recipients,
		.recipient_count = 1,
		.size = 31,
		.read = read_message,
		.arena = &arena,
	};
	return 0;
}

static int end(void **state)
{
	(void)state;
	relay_free(&relay);
	arena_clear(&arena);
	return 0;
}

static void assert_outcome(size_t i, enum relay_outcome outcome, const char *status, const char *reply, bool remote)
{
	assert_int_equal(recipients[i].outcome, outcome);
	assert_string_equal(recipients[i].status, status);
	assert_int_equal(recipients[i].remote, remote);
	if (reply)
		assert_true(span_equals(recipients[i].reply, span_str(reply)));
	else
		assert_true(recipients[i].reply.len > 0);
}

/* An attempt at a server with these scripts; what it read as content is compared. */
static void attempt(const char *const *const *scripts, const char *content)
{
	struct fake_server *s = fake_server_start("127.0.0.1", 0, scripts, store);
	struct buf data, wrong;

	via.port = fake_server_addr(s).port;
	relay_attempt(relay, &job);
	fake_server_end(&s, &data, &wrong);
	if (wrong.len > 0)
		fail_msg("%s", buf_cstr(&wrong));
	assert_true(span_equals(buf_span(&data), span_str(content)));
	buf_clear(&data);
	buf_clear(&wrong);
}

#define STUFFED "Subject: x\r\n\r\n..\r\n...two\r\nend\r\n"

static void a_message_is_delivered_dot_stuffed(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 2.6.0 kept", "< QUIT", "> 221 bye")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.6.0", "250 2.6.0 kept", true);
	assert_true(span_equals(recipients[0].host, SPAN("127.0.0.1")));
	assert_string_equal(job.tls_version, "");
}

static void a_pipelining_server_gets_the_envelope_in_one_piece(void **state)
{
	(void)state;
	job.recipient_count = 3;
	job.body_8bit = job.smtputf8 = true;
	message = SPAN("Subject: \xc3\xa4\r\n\r\nend without its line end");
	attempt(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL FROM:<me@example.org> SIZE=31 BODY=8BITMIME SMTPUTF8", "< RCPT TO:<a@d.example>", "< RCPT TO:<b@d.example>", "< RCPT TO:<c@d.example>", "< DATA",
			       "> 250 ok", "> 250 ok", "> 550-5.1.1 no such", "> 550 user \x01\xff here", "> 451 later", "> 354 go", "data", "> 250 kept", "< QUIT", "> 221 bye")),
		"Subject: \xc3\xa4\r\n\r\nend without its line end\r\n");
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_outcome(1, RELAY_FAILED, "5.1.1", "550 5.1.1 no such / user ?? here", true);
	assert_outcome(2, RELAY_RETRY, "4.0.0", "451 later", true);
}

/* Not as RFC 6152 section 3 has it: servers take 8 bits whether they say so or not, and a bounce would help nobody. */
static void eight_bit_text_goes_as_it_is_to_a_server_that_does_not_offer_8bitmime(void **state)
{
	(void)state;
	job.body_8bit = true;
	message = SPAN("Subject: x\r\n\r\n\xc3\xa4\r\n");
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT", "> 221 bye")),
		"Subject: x\r\n\r\n\xc3\xa4\r\n");
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void nobody_accepted_sends_no_message(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 550 5.1.1 no", "< QUIT", "> 221 bye")), "");
	assert_outcome(0, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
	attempt(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT", "< DATA", "> 250 ok", "> 550 5.1.1 no", "> 554 no recipients", "< QUIT", "> 221 bye")), "");
	assert_outcome(0, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
	attempt(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT", "< DATA", "> 250 ok", "> 550 5.1.1 no", "> 354 go on", "data", "> 250 an empty one for nobody", "< QUIT", "> 221 bye")), "");
	assert_outcome(0, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
}

static void refusals_keep_their_permanence(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 550 5.7.1 go away", "< QUIT", "> 221 bye")), "");
	assert_outcome(0, RELAY_FAILED, "5.7.1", "550 5.7.1 go away", true);
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 450 greylisted")), "");
	assert_outcome(0, RELAY_RETRY, "4.0.0", "450 greylisted", true);
	attempt(SCRIPTS(SCRIPT("> 421 4.3.2 busy")), "");
	assert_outcome(0, RELAY_RETRY, "4.3.2", "421 4.3.2 busy", true);
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 452 4.3.1 full", "< QUIT", "> 221 bye")), "");
	assert_outcome(0, RELAY_RETRY, "4.3.1", "452 4.3.1 full", true);
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 554 5.6.0 spam", "< QUIT", "> 221 bye")), STUFFED);
	assert_outcome(0, RELAY_FAILED, "5.6.0", "554 5.6.0 spam", true);
}

static void what_is_no_smtp_is_tried_again(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT("> HTTP/1.1 400 Bad Request")), "");
	assert_outcome(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt(SCRIPTS(SCRIPT("> 250-x", "> 220 y")), "");
	assert_outcome(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt(SCRIPTS(SCRIPT("> 999 what")), "");
	assert_outcome(0, RELAY_RETRY, "4.5.0", NULL, false);
	attempt(SCRIPTS(SCRIPT(">! 220")), "");
	assert_outcome(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void endless_replies_end(void **state)
{
	static char line[9000];
	static const char *many[RELAY_MAX_REPLY_LINES + 2];

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "> 220 ", 6);
	attempt(SCRIPTS(SCRIPT(line)), "");
	assert_outcome(0, RELAY_RETRY, "4.5.0", NULL, false);
	for (size_t i = 0; i <= RELAY_MAX_REPLY_LINES; i++)
		many[i] = "> 220-more";
	attempt(SCRIPTS(many), "");
	assert_outcome(0, RELAY_RETRY, "4.5.0", NULL, false);
}

static void helo_follows_a_refused_ehlo(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT("> 220 old", "< EHLO", "> 500 what", "< HELO mail.example.org", "> 250 hello", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void limits_of_the_server_are_known_before_sending(void **state)
{
	(void)state;
	job.size = 20000;
	attempt(SCRIPTS(SCRIPT(EHLO_MANY, "< QUIT")), "");
	assert_outcome(0, RELAY_FAILED, "5.3.4", NULL, false);
	job.size = 31;
	job.smtputf8 = true;
	recipients[0].address = SPAN("\xc3\xa4@d.example");
	job.recipient_count = 2;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT TO:<b@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_FAILED, "5.6.7", NULL, false);
	assert_outcome(1, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	job.recipient_count = 1;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	assert_outcome(0, RELAY_FAILED, "5.6.7", NULL, false);
	/* Asked for and not needed: an ASCII message goes out as it always did. */
	recipients[0].address = SPAN("a@d.example");
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL FROM:<me@example.org>", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void a_connection_lost_behind_the_dot_is_retried_and_goes_to_no_other_host(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data")), STUFFED);
	assert_outcome(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void bare_line_ends_never_leave(void **state)
{
	static const char *const bodies[] = { "a\n.\nb\r\n", "a\r\r\n", "a\rb\r\n", "a\r" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		message = span_str(bodies[i]);
		attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "wait")), "");
		assert_outcome(0, RELAY_FAILED, "5.6.0", NULL, false);
	}
}

/* Two addresses of one name, the first by the scripts of `first` (null: nobody listens). */
static void serve_two(const char *const *const *first, const char *const *const *second, const char *content)
{
	struct fake_server *b = fake_server_start("127.0.0.2", 0, second, store), *a = NULL;
	struct buf data, wrong;

	via.host = SPAN("two.example");
	via.port = fake_server_addr(b).port;
	fake_dns_add("two.example", DNS_A, "127.0.0.1");
	fake_dns_add("two.example", DNS_A, "127.0.0.2");
	if (first)
		a = fake_server_start("127.0.0.1", via.port, first, store);
	relay_attempt(relay, &job);
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
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

#define TAKES_IT SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT TO:<a@d.example>", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")

static void the_next_address_takes_over(void **state)
{
	(void)state;
	attempt_two(NULL, SCRIPTS(TAKES_IT));
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
	assert_outcome(0, RELAY_RETRY, "4.3.2", "421 4.3.2 busy", true);
	serve_two(SCRIPTS(SCRIPT("> 554 5.3.2 no mail here")), SCRIPTS(SCRIPT("> 421 4.3.2 busy")), "");
	assert_outcome(0, RELAY_RETRY, "4.3.2", "421 4.3.2 busy", true);
	serve_two(SCRIPTS(SCRIPT("> 554 5.3.2 no mail here")), SCRIPTS(SCRIPT("> 554 5.3.2 nor here")), "");
	assert_outcome(0, RELAY_FAILED, "5.3.2", "554 5.3.2 nor here", true);
	assert_true(span_equals(recipients[0].host, SPAN("two.example")));
}

/* A forwarding alias: the message came without SMTPUTF8, its new address needs it. */
static void an_internationalized_address_needs_smtputf8_whatever_the_message_said(void **state)
{
	(void)state;
	recipients[0].address = SPAN("\xc3\xbc@d.example");
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< QUIT")), "");
	assert_outcome(0, RELAY_FAILED, "5.6.7", NULL, false);
	attempt(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL FROM:<me@example.org> SIZE=31 SMTPUTF8", "< RCPT TO:<\xc3\xbc@d.example>", "< DATA", "> 250 ok", "> 250 ok", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

/* Each answer comes within its own time, all of them together do not end. */
static void a_server_that_puts_off_a_recipient_is_alive_one_that_puts_off_all_mail_is_not(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 452 4.2.2 full", "< QUIT")), "");
	assert_outcome(0, RELAY_RETRY, "4.2.2", NULL, true);
	assert_true(job.answered);
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 421 4.3.2 closing")), "");
	assert_false(job.answered);
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 451 4.3.0 later", "< QUIT")), "");
	assert_false(job.answered);
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 452 4.3.1 full")), STUFFED);
	assert_false(job.answered);
}

static void a_server_that_is_slow_all_the_way_is_given_up(void **state)
{
	(void)state;
	job.recipient_count = 3;
	clock_set_source(&clock_fake);
	attempt(SCRIPTS(SCRIPT("late", "> 220 fake", "< EHLO", "late", "> 502 what", "< HELO", "late", "> 250 fake", "< MAIL", "late", "> 250 ok", "< RCPT", "late", "> 250 ok", "< RCPT", "late", "> 250 ok", "< RCPT", "late", "> 250 ok", "wait")), "");
	clock_set_source(NULL);
	assert_outcome(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void the_next_address_takes_over_in_the_middle_of_the_envelope(void **state)
{
	(void)state;
	attempt_two(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 421 closing")), SCRIPTS(TAKES_IT));
}

static void what_one_host_decided_the_next_is_not_asked(void **state)
{
	(void)state;
	job.recipient_count = 2;
	recipients[0].address = SPAN("a@d.example");
	recipients[1].address = SPAN("b@d.example");
	attempt_two(SCRIPTS(SCRIPT(EHLO_MANY, "< MAIL", "< RCPT TO:<a@d.example>", "< RCPT TO:<b@d.example>", "< DATA", "> 250 ok", "> 250 ok", "> 550 5.1.1 no")), SCRIPTS(TAKES_IT));
	assert_outcome(1, RELAY_FAILED, "5.1.1", "550 5.1.1 no", true);
}

static void offered_tls_is_used(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO mail.example.org", "> 250 fake", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_true(span_starts(span_str(job.tls_version), SPAN("TLSv1.")));
}

static void broken_tls_is_left_out_where_it_is_no_must(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "some", "> this is no handshake", "wait"), SCRIPT("> 220 fake", "< EHLO", "> 250-fake", "> 250 STARTTLS", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_string_equal(job.tls_version, "");
}

static void refused_tls_is_left_out_where_it_is_no_must(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, "> 454 not now", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void required_tls_sends_nothing_without(void **state)
{
	size_t at;

	(void)state;
	via.tls = RELAY_TLS_REQUIRED;
	attempt(SCRIPTS(SCRIPT(EHLO_PLAIN)), "");
	assert_outcome(0, RELAY_RETRY, "4.7.4", NULL, false);
	/* The certificate is nobody's. */
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "try tls")), "");
	assert_outcome(0, RELAY_RETRY, "4.7.5", NULL, false);
	assert_true(span_find(recipients[0].reply, SPAN("certificate"), &at));
}

static void words_behind_starttls_are_not_believed(void **state)
{
	(void)state;
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, ">! 220 go\r\n250 injected\r\n", "wait")), "");
	assert_outcome(0, RELAY_RETRY, "4.7.0", NULL, false);
}

static void the_password_goes_over_tls_only(void **state)
{
	(void)state;
	via.user = SPAN("u");
	via.password = SPAN("p");
	attempt(SCRIPTS(SCRIPT("> 220 fake", "< EHLO", "> 250-fake", "> 250 AUTH PLAIN LOGIN")), "");
	assert_outcome(0, RELAY_RETRY, "4.7.0", NULL, false);
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO", "> 250-fake", "> 250 AUTH LOGIN PLAIN", "< AUTH PLAIN AHUAcA==", "> 235 2.7.0 ok", "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 250 kept", "< QUIT")), STUFFED);
	assert_outcome(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO", "> 250-fake", "> 250 AUTH LOGIN", "< AUTH LOGIN", "> 334 VXNlcm5hbWU6", "< dQ==", "> 334 UGFzc3dvcmQ6", "< cA==", "> 535 5.7.8 wrong")), "");
	assert_outcome(0, RELAY_RETRY, "4.7.8", "535 5.7.8 wrong", true);
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
	struct canceller c = { relay, fake_server_start("127.0.0.1", 0, SCRIPTS(SCRIPT("wait")), store) };
	struct buf data, wrong;
	pthread_t thread;

	(void)state;
	via.port = fake_server_addr(c.server).port;
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_connected, &c), 0);
	relay_attempt(relay, &job);
	pthread_join(thread, NULL);
	fake_server_end(&c.server, &data, &wrong);
	assert_int_equal(wrong.len, 0);
	assert_outcome(0, RELAY_RETRY, "4.3.2", NULL, false);
	buf_clear(&data);
	buf_clear(&wrong);
}

static int group_begin(void **state)
{
	static const char *const names[] = { "fake.example" };
	struct buf chain, key;
	struct note why;

	(void)state;
	tls_init();
	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	if (x509_self_signed(names, 1, 1, &chain, &key, &why) != ERR_OK || tls_store_new(&store) != ERR_OK || tls_client_new(NULL, &client, &why) != ERR_OK)
		return 1;
	struct tls_identity identity = { buf_span(&chain), buf_span(&key) };
	if (tls_store_set(store, &identity, 1, &why) != ERR_OK)
		return 1;
	buf_clear(&chain);
	buf_clear(&key);
	return 0;
}

static int group_end(void **state)
{
	(void)state;
	tls_store_free(&store);
	tls_client_free(&client);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_delivered_dot_stuffed),
		TEST(a_pipelining_server_gets_the_envelope_in_one_piece),
		TEST(eight_bit_text_goes_as_it_is_to_a_server_that_does_not_offer_8bitmime),
		TEST(nobody_accepted_sends_no_message),
		TEST(refusals_keep_their_permanence),
		TEST(what_is_no_smtp_is_tried_again),
		TEST(endless_replies_end),
		TEST(helo_follows_a_refused_ehlo),
		TEST(limits_of_the_server_are_known_before_sending),
		TEST(a_connection_lost_behind_the_dot_is_retried_and_goes_to_no_other_host),
		TEST(bare_line_ends_never_leave),
		TEST(the_next_address_takes_over),
		TEST(the_next_address_takes_over_from_a_busy_one),
		TEST(one_hosts_refusal_is_not_for_good_while_another_is_only_busy),
		TEST(an_internationalized_address_needs_smtputf8_whatever_the_message_said),
		TEST(a_server_that_puts_off_a_recipient_is_alive_one_that_puts_off_all_mail_is_not),
		TEST(a_server_that_is_slow_all_the_way_is_given_up),
		TEST(the_next_address_takes_over_in_the_middle_of_the_envelope),
		TEST(what_one_host_decided_the_next_is_not_asked),
		TEST(offered_tls_is_used),
		TEST(broken_tls_is_left_out_where_it_is_no_must),
		TEST(refused_tls_is_left_out_where_it_is_no_must),
		TEST(required_tls_sends_nothing_without),
		TEST(words_behind_starttls_are_not_believed),
		TEST(the_password_goes_over_tls_only),
		TEST(a_cancelled_attempt_ends_at_once),
	};

	return cmocka_run_group_tests(tests, group_begin, group_end);
}
