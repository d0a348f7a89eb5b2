/* Connections that carry more than one message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/relay/limits.h"
#include "tests/unit/relay/attempt.h"
#include "tests/unit/relay/fake_server.h"

static void a_connection_carries_the_next_message_too(void **state)
{
	(void)state;
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, TAKES, TAKES, "< QUIT", "> 221 bye")), STUFFED STUFFED STUFFED, 3);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void tls_is_kept_with_it(void **state)
{
	(void)state;
	attempt_many(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO mail.example.org", "> 250 fake", TAKES, TAKES, "< QUIT", "> 221 bye")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	assert_true(span_starts(span_str(attempt.job.tls_version), SPAN("TLSv1.")));
}

static void what_was_not_as_it_should_be_is_not_kept(void **state)
{
	(void)state;
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", "> 451 later", "< QUIT"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 550 no", "< QUIT"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED, 2);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, "< MAIL", "> 250 ok", "< RCPT", "> 250 ok", "< DATA", "> 354 go", "data", ">! 250 kept\r\n250 more\r\n", "< QUIT"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

static void one_that_is_gone_is_as_if_it_had_not_been(void **state)
{
	(void)state;
	/* Closed while idle; closed at MAIL; closing with words. */
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< MAIL"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< MAIL", "> 421 4.3.2 idle"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "> 421 4.3.2 idle"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	/* Behind MAIL it is a failure like another: the fresh one is not tried for that. */
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< MAIL", "> 250 ok", "< RCPT")), STUFFED, 2);
	attempt_assert(0, RELAY_RETRY, "4.4.2", NULL, false);
}

static void one_that_does_not_answer_is_not_waited_for(void **state)
{
	(void)state;
	attempt_set_clock(&clock_fake);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< MAIL", "late", ">! 2", "wait"), SCRIPT(EHLO_PLAIN, TAKES)), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_set_clock(NULL);
}

static void a_refusal_for_good_is_believed_from_a_fresh_connection(void **state)
{
	(void)state;
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< MAIL", "> 554 5.7.0 too many on this connection"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_many(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< MAIL", "> 550 5.7.1 no"), SCRIPT(EHLO_PLAIN, "< MAIL", "> 550 5.7.1 no", "< QUIT")), STUFFED, 2);
	attempt_assert(0, RELAY_FAILED, "5.7.1", "550 5.7.1 no", true);
}

static void the_server_says_how_many_messages_a_connection_carries(void **state)
{
	(void)state;
	attempt_many(SCRIPTS(SCRIPT("> 220 x", "< EHLO", "> 250-x", "> 250 LIMITS MAILMAX=1", TAKES, "< QUIT"), SCRIPT(EHLO_PLAIN, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

/* Two attempts, the second as `change` has made it. */
static void attempt_changed(const char *const *const *scripts, const char *content, void (*change)(void))
{
	struct fake_server *s = fake_server_start("127.0.0.1", 0, scripts, attempt.store);
	struct buf data, wrong;

	attempt.via.port = fake_server_addr(s).port;
	relay_attempt(attempt.relay, &attempt.job);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	change();
	/* The fake server serves one at a time. */
	clock_fake_advance_ms(KEPT_MS);
	relay_attempt(attempt.relay, &attempt.job);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
	attempt_renew_relay();
	fake_server_end(&s, &data, &wrong);
	if (wrong.len > 0)
		fail_msg("%s", buf_cstr(&wrong));
	assert_true(span_equals(buf_span(&data), span_str(content)));
	buf_clear(&data);
	buf_clear(&wrong);
}

static void change_nothing(void)
{
}

static void change_source(void)
{
	assert_int_equal(net_ip_parse(SPAN("127.0.0.9"), &attempt.job.source4), ERR_OK);
}

static void change_name(void)
{
	attempt.job.helo = SPAN("other.example.org");
}

static void one_that_is_older_than_a_moment_is_not_used(void **state)
{
	(void)state;
	attempt_set_clock(&clock_fake);
	attempt_changed(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES), SCRIPT(EHLO_PLAIN, TAKES)), STUFFED STUFFED, change_nothing);
	attempt_set_clock(NULL);
}

static void another_source_or_name_has_another_connection(void **state)
{
	uint64_t reused = counter_get(COUNTER_RELAY_REUSED);

	(void)state;
	attempt_changed(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES), SCRIPT(EHLO_PLAIN, TAKES)), STUFFED STUFFED, change_source);
	attempt_changed(SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES), SCRIPT("> 220 x", "< EHLO other.example.org", "> 250 x", TAKES)), STUFFED STUFFED, change_name);
	assert_int_equal(counter_get(COUNTER_RELAY_REUSED), reused);
}

static void what_a_password_opened_is_for_that_password(void **state)
{
	(void)state;
	attempt.via.tls = RELAY_TLS_ENCRYPTED;
	attempt.via.user = SPAN("u");
	attempt.via.password = SPAN("p");
	attempt_many(SCRIPTS(SCRIPT(EHLO_TLS, "> 220 go", "tls", "< EHLO", "> 250-fake", "> 250 AUTH PLAIN", "< AUTH PLAIN AHUAcA==", "> 235 ok", TAKES, TAKES, "< QUIT")), STUFFED STUFFED, 2);
	attempt_assert(0, RELAY_DELIVERED, "2.0.0", "250 kept", true);
}

/* ---- threads ---- */

#define THREADS 4
#define EACH 25

static enum err read_text(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	struct span rest = span_take(span_skip(SPAN(UNSTUFFED), offset), size);

	(void)arg;
	memcpy(to, rest.ptr, rest.len);
	*count_out = rest.len;
	return ERR_OK;
}

/* Each with its own server, all with one relay. */
static void *run_attempts(void *arg)
{
	struct fake_server *s = arg;
	struct relay_host via = { .host = SPAN("127.0.0.1"), .port = fake_server_addr(s).port, .tls = RELAY_TLS_NONE };
	struct arena arena;
	size_t delivered = 0;

	for (unsigned i = 0; i < EACH; i++) {
		struct relay_recipient to = { .address = SPAN("a@d.example") };
		struct relay_job job = { .domain = SPAN("d.example"), .via = &via, .helo = SPAN("mail.example.org"), .reverse_path = SPAN(""), .recipients = &to, .recipient_count = 1, .size = 29, .read = read_text, .arena = &arena };

		arena_init(&arena, 1024u * 1024u);
		relay_attempt(attempt.relay, &job);
		delivered += to.outcome == RELAY_DELIVERED;
		arena_clear(&arena);
	}
	return (void *)delivered;
}

static void threads_share_what_is_kept(void **state)
{
	static const char *const transaction[] = { TAKES };
	static const char *script[3 + EACH * sizeof(transaction) / sizeof(transaction[0]) + 2] = { EHLO_PLAIN };
	const char *const *const scripts[] = { script, NULL };
	struct fake_server *servers[THREADS];
	pthread_t threads[THREADS];
	struct buf data, wrong;
	void *delivered;

	(void)state;
	for (size_t i = 0; i < EACH; i++)
		memcpy(script + 3 + i * sizeof(transaction) / sizeof(transaction[0]), transaction, sizeof(transaction));
	script[3 + EACH * sizeof(transaction) / sizeof(transaction[0])] = "< QUIT";
	for (size_t i = 0; i < THREADS; i++) {
		servers[i] = fake_server_start("127.0.0.1", 0, scripts, NULL);
		assert_int_equal(pthread_create(&threads[i], NULL, run_attempts, servers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &delivered);
		assert_int_equal((size_t)delivered, EACH);
	}
	relay_cancel(attempt.relay);
	attempt_renew_relay();
	for (size_t i = 0; i < THREADS; i++) {
		fake_server_end(&servers[i], &data, &wrong);
		if (wrong.len > 0)
			fail_msg("%s", buf_cstr(&wrong));
		buf_clear(&data);
		buf_clear(&wrong);
	}
}

static void a_stop_does_not_wait_for_answers_to_quit(void **state)
{
	struct fake_server *s = fake_server_start("127.0.0.1", 0, SCRIPTS(SCRIPT(EHLO_PLAIN, TAKES, "< QUIT", "wait")), NULL);
	struct buf data, wrong;
	int64_t begun_ms;

	(void)state;
	attempt.via.port = fake_server_addr(s).port;
	relay_attempt(attempt.relay, &attempt.job);
	begun_ms = clock_mono_ms();
	relay_cancel(attempt.relay);
	attempt_renew_relay();
	assert_true(clock_mono_ms() - begun_ms < RELAY_QUIT_MS / 2);
	fake_server_end(&s, &data, &wrong);
	if (wrong.len > 0)
		fail_msg("%s", buf_cstr(&wrong));
	buf_clear(&data);
	buf_clear(&wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ATTEMPT_TEST(a_connection_carries_the_next_message_too),
		ATTEMPT_TEST(tls_is_kept_with_it),
		ATTEMPT_TEST(what_was_not_as_it_should_be_is_not_kept),
		ATTEMPT_TEST(one_that_is_gone_is_as_if_it_had_not_been),
		ATTEMPT_TEST(one_that_does_not_answer_is_not_waited_for),
		ATTEMPT_TEST(a_refusal_for_good_is_believed_from_a_fresh_connection),
		ATTEMPT_TEST(the_server_says_how_many_messages_a_connection_carries),
		ATTEMPT_TEST(one_that_is_older_than_a_moment_is_not_used),
		ATTEMPT_TEST(another_source_or_name_has_another_connection),
		ATTEMPT_TEST(what_a_password_opened_is_for_that_password),
		ATTEMPT_TEST(threads_share_what_is_kept),
		ATTEMPT_TEST(a_stop_does_not_wait_for_answers_to_quit),
	};

	return cmocka_run_group_tests(tests, attempt_group_begin, attempt_group_end);
}
