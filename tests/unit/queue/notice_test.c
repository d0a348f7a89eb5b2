/* Who is told what: notices of every kind as they arrive, and those that must not be. */
#include "tests/unit/queue/fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/directory/setting.h"
#include "daemon/queue/steering.h"

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool done;
};

static void committed(void *arg, enum err result)
{
	struct wait *w = arg;

	assert_int_equal(result, ERR_OK);
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->told);
	pthread_mutex_unlock(&w->lock);
}

/* What of an envelope matters here; by bob, or by a stranger when `from` is given. */
struct letter {
	const char *to, *from, *orcpt, *envid;
	unsigned notify;
	enum dsn_return ret;
	bool binary, require_tls, smtputf8;
	const char *body;
	size_t body_size;
};

static void send(struct fixture *f, const struct letter *l)
{
	struct wait w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
	struct span to = span_str(l->to);
	struct accept_wish wish = { l->notify, span_str(l->orcpt) };
	struct accept_envelope envelope = { .source = l->from ? FROM_MX : FROM_SUBMISSION, .account_id = l->from ? 0 : f->bob, .reverse_path = l->from ? span_str(l->from) : SPAN("bob@example.test"), .recipients = &to, .recipient_count = 1, .wishes = &wish, .envid = span_str(l->envid), .ret = l->ret, .body_binary = l->binary, .require_tls = l->require_tls, .smtputf8 = l->smtputf8, .trace = l->from ? SPAN("Received: from mx.other.test ([192.0.2.1])\r\n\tby mail.example.test; now\r\n") : SPAN("Received: by mail.example.test; now\r\n") };
	struct accept *a;

	queue_id_new(&envelope.id);
	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("From: <bob@example.test>\r\nSubject: hello\r\nMessage-ID: <1@other.test>\r\n\r\n")), ERR_OK);
	assert_int_equal(accept_add(a, l->body ? span_str(l->body) : SPAN("Good day.\r\n")), ERR_OK);
	for (size_t sent = 0; sent < l->body_size; sent += 80)
		assert_int_equal(accept_add(a, SPAN("0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n\r\n")), ERR_OK);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_OK);
	accept_commit(&a, committed, &w);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.told, &w.lock);
	pthread_mutex_unlock(&w.lock);
}

static void refuse_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_FAILED, "5.7.1", "550 5.7.1 not you");
}

static void take_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static void take_with_wishes(struct relay_job *job)
{
	take_all(job);
	for (size_t i = 0; i < job->recipient_count; i++)
		job->recipients[i].passed_on = true;
}

static struct span only_notice(struct fixture *f, uint64_t account)
{
	fixture_wait_count(f, account, 1);
	fixture_wait_empty(f);
	return fixture_read(f, account, 1);
}

/* Everything has come to its end, and nobody was told. */
static void nobody_was_told(struct fixture *f)
{
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 0);
	assert_int_equal(fixture_count(f, f->ann), 0);
}

static void a_failure_comes_with_all_that_is_known(void **state)
{
	struct fixture *f = *state;
	struct span text;

	fixture_start(f);
	fake_relay_set(refuse_all);
	send(f, &(struct letter){ .to = "x@far.test", .orcpt = "rfc822;X+2Bold@far.test", .envid = "QQ+2B1" });
	text = only_notice(f, f->bob);
	assert_true(span_starts(text, SPAN("Return-Path: <>\r\nDelivered-To: bob@example.test\r\n")));
	assert_true(has(text, "Auto-Submitted: auto-replied\r\n"));
	assert_true(has(text, "Original-Envelope-Id: QQ+1\r\n"));
	assert_true(has(text, "Original-Recipient: rfc822; X+old@far.test\r\nFinal-Recipient: rfc822; x@far.test\r\nAction: failed\r\nStatus: 5.7.1\r\nRemote-MTA: dns; mx.other.test\r\nDiagnostic-Code: smtp; 550 5.7.1 not you\r\nLast-Attempt-Date: "));
	assert_true(has(text, "Content-Type: text/rfc822-headers\r\n"));
	assert_false(has(text, "Good day."));
}

static void the_message_comes_back_when_asked_for(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fake_relay_set(refuse_all);
	send(f, &(struct letter){ .to = "x@far.test", .ret = RETURN_FULL, .body_size = 200000 });
	assert_true(has(only_notice(f, f->bob), "Content-Type: message/rfc822\r\n\r\nReceived: by mail.example.test"));
	assert_true(has(fixture_read(f, f->bob, 1), "Good day.\r\n0123456789"));
}

static void a_large_or_binary_message_does_not_come_back(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fake_relay_set(refuse_all);
	send(f, &(struct letter){ .to = "x@far.test", .ret = RETURN_FULL, .body_size = 10u << 20 });
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Content-Type: text/rfc822-headers\r\n"));
	assert_true(fixture_read(f, f->bob, 1).len < 10000);
	send(f, &(struct letter){ .to = "x@far.test", .ret = RETURN_FULL, .binary = true, .body = "a\nb\r" });
	fixture_wait_count(f, f->bob, 2);
	assert_true(has(fixture_read(f, f->bob, 2), "Content-Type: text/rfc822-headers\r\n"));
	send(f, &(struct letter){ .to = "x@far.test", .ret = RETURN_FULL, .body = "a\nb\r\n" });
	fixture_wait_count(f, f->bob, 3);
	assert_true(has(fixture_read(f, f->bob, 3), "Content-Type: text/rfc822-headers\r\n"));
	fixture_wait_empty(f);
}

static void success_is_told_to_who_asked(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fake_relay_set(take_all);
	send(f, &(struct letter){ .to = "x@far.test" });
	send(f, &(struct letter){ .to = "x@far.test", .notify = NOTIFY_FAILURE | NOTIFY_DELAY });
	send(f, &(struct letter){ .to = "x@far.test", .notify = NOTIFY_NEVER });
	nobody_was_told(f);
	send(f, &(struct letter){ .to = "x@far.test", .notify = NOTIFY_SUCCESS, .ret = RETURN_FULL });
	assert_true(has(only_notice(f, f->bob), "Action: relayed\r\n"));
	assert_true(has(fixture_read(f, f->bob, 1), "text/rfc822-headers")); /* RFC 3461 4.3 */
	fake_relay_set(take_with_wishes);
	send(f, &(struct letter){ .to = "x@far.test", .notify = NOTIFY_SUCCESS });
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 1);
}

static void delivery_here_is_told(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	send(f, &(struct letter){ .to = "ann@example.test", .notify = NOTIFY_SUCCESS });
	assert_true(has(only_notice(f, f->bob), "Action: delivered\r\nStatus: 2."));
	assert_int_equal(fixture_count(f, f->ann), 1);
}

static void an_alias_of_many_reports_once(void **state)
{
	struct fixture *f = *state;

	fixture_alias(f, "list@example.test", "x@far.test y@far.test z@other.test");
	fixture_start(f);
	fake_relay_set(take_all);
	send(f, &(struct letter){ .to = "list@example.test", .notify = NOTIFY_SUCCESS });
	assert_true(has(only_notice(f, f->bob), "Final-Recipient: rfc822; list@example.test\r\nAction: expanded\r\nStatus: 2."));
	assert_false(has(fixture_read(f, f->bob, 1), "x@far.test"));
}

static void never_is_never(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fake_relay_set(refuse_all);
	send(f, &(struct letter){ .to = "x@far.test", .notify = NOTIFY_NEVER });
	send(f, &(struct letter){ .to = "x@far.test", .notify = NOTIFY_SUCCESS });
	nobody_was_told(f);
}

static void a_delay_is_told_once(void **state)
{
	struct fixture *f = *state;
	struct span text;

	fixture_start(f);
	send(f, &(struct letter){ .to = "x@far.test" });
	send(f, &(struct letter){ .to = "y@far.test", .notify = NOTIFY_FAILURE });
	fake_relay_wait_attempts(2);
	for (int hours = 0; hours < 12; hours++) {
		WAIT_UNTIL(queue_stats(f->queue).active == 0);
		fixture_advance(f, 3600000);
		fixture_pause();
	}
	fixture_wait_count(f, f->bob, 1);
	text = fixture_read(f, f->bob, 1);
	assert_true(has(text, "Final-Recipient: rfc822; x@far.test\r\nAction: delayed\r\nStatus: 4.4.1\r\n"));
	assert_true(has(text, "Will-Retry-Until: Tue, 6 Jan 2026"));
	assert_true(has(text, "Subject: Delayed mail"));
}

static void a_bounce_that_fails_goes_to_the_postmaster_once(void **state)
{
	struct fixture *f = *state;
	struct span text;

	fixture_start(f);
	fake_relay_set(refuse_all);
	fixture_alias(f, "broken@example.test", "x@far.test");
	send(f, &(struct letter){ .to = "broken@example.test", .from = "forged@far.test" });
	text = only_notice(f, f->ann);
	assert_true(has(text, "Subject: Undeliverable report"));
	assert_true(has(text, "Final-Recipient: rfc822; forged@far.test\r\nAction: failed\r\n"));
	assert_int_equal(fixture_count(f, f->bob), 0);
}

static void a_postmaster_elsewhere_who_fails_is_the_end(void **state)
{
	struct fixture *f = *state;
	struct span far = SPAN("postmaster@far.test");

	fixture_start(f);
	fake_relay_set(refuse_all);
	assert_int_equal(directory_account_set_forwards(f->directory, f->ann, &far, 1, false, NULL), ERR_OK);
	fixture_alias(f, "broken@example.test", "x@far.test");
	send(f, &(struct letter){ .to = "broken@example.test", .from = "forged@far.test" });
	fake_relay_wait_attempts(3); /* the mail, its bounce, the postmaster's */
	nobody_was_told(f);
	assert_int_equal(fake_relay_attempts(), 3);
}

static void a_bounce_of_a_stranger_is_told_to_nobody(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fake_relay_set(refuse_all);
	fixture_alias(f, "broken@example.test", "x@far.test");
	send(f, &(struct letter){ .to = "broken@example.test", .from = "" });
	nobody_was_told(f);
}

static void suppressed_senders_make_no_loop(void **state)
{
	struct fixture *f = *state;
	struct suppression s = { .address = SPAN("forged@far.test"), .by_operator = true };

	fixture_start(f);
	fake_relay_set(refuse_all);
	assert_int_equal(suppression_set(f->queue, &s, NULL), ERR_OK);
	fixture_alias(f, "broken@example.test", "x@far.test");
	send(f, &(struct letter){ .to = "broken@example.test", .from = "forged@far.test" });
	assert_true(has(only_notice(f, f->ann), "Status: 5.7.1\r\nDiagnostic-Code: x-postroom; not tried: mail to this address was stopped by the administrator"));
	assert_int_equal(fake_relay_attempts(), 1);
}

static bool required;

static void note_demand(struct relay_job *job)
{
	if (span_equals(job->reverse_path, SPAN("")))
		required = job->require_tls;
	refuse_all(job);
}

static void a_demand_for_tls_is_carried_over(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	required = false;
	fake_relay_set(note_demand);
	fixture_alias(f, "broken@example.test", "x@far.test");
	send(f, &(struct letter){ .to = "broken@example.test", .from = "secret@far.test", .require_tls = true });
	fixture_wait_count(f, f->ann, 1);
	assert_true(required);
}

static void it_says_from_where_the_mail_came(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	fake_relay_set(refuse_all);
	fixture_alias(f, "broken@example.test", "x@far.test");
	send(f, &(struct letter){ .to = "broken@example.test", .from = "bob@example.test" });
	assert_true(has(only_notice(f, f->bob), "Received-From-MTA: dns; mx.other.test\r\n"));
	assert_true(has(fixture_read(f, f->bob, 1), "Original-Recipient: rfc822; broken@example.test\r\nFinal-Recipient: rfc822; x@far.test\r\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_failure_comes_with_all_that_is_known),
		TEST(the_message_comes_back_when_asked_for),
		TEST(a_large_or_binary_message_does_not_come_back),
		TEST(success_is_told_to_who_asked),
		TEST(delivery_here_is_told),
		TEST(an_alias_of_many_reports_once),
		TEST(never_is_never),
		TEST(a_delay_is_told_once),
		TEST(a_bounce_that_fails_goes_to_the_postmaster_once),
		TEST(a_postmaster_elsewhere_who_fails_is_the_end),
		TEST(a_bounce_of_a_stranger_is_told_to_nobody),
		TEST(suppressed_senders_make_no_loop),
		TEST(a_demand_for_tls_is_carried_over),
		TEST(it_says_from_where_the_mail_came),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
