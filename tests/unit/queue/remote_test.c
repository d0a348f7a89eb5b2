/* Mail to other servers: grouping, retries on the clock, failures that become DSNs, and the limits of parallel work. */
#include "tests/unit/queue/fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

static atomic_uint recipients_seen, running, most_running;
static atomic_bool let_go;
static _Atomic uint64_t bytes_seen;

static void take_all(struct relay_job *job)
{
	char piece[1000];
	uint64_t at = 0;
	size_t got = 0;

	do {
		if (job->read(job->arg, at, piece, sizeof(piece), &got))
			break;
		at += got;
	} while (got);
	atomic_store(&bytes_seen, at == job->size ? at : 0);
	atomic_fetch_add(&recipients_seen, (unsigned)job->recipient_count);
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static void refuse_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_FAILED, "5.1.1", "550 5.1.1 no such user");
}

static void refuse_first(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
	job->recipients[0].outcome = RELAY_FAILED;
	job->recipients[0].reply = SPAN("550 not me");
	memcpy(job->recipients[0].status, "5.7.1", sizeof("5.7.1"));
}

static void take_while_counting(struct relay_job *job)
{
	unsigned now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);

	while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
		;
	while (!atomic_load(&let_go))
		fixture_pause();
	atomic_fetch_sub(&running, 1);
	take_all(job);
}

static int setup(void **state)
{
	atomic_store(&recipients_seen, 0);
	atomic_store(&running, 0);
	atomic_store(&most_running, 0);
	atomic_store(&let_go, false);
	return fixture_setup(state);
}

static void send_from_bob(struct fixture *f, const char *first, const char *second, size_t size, struct queue_id *id_out)
{
	*id_out = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { first, second }, .source = FROM_SUBMISSION, .body_size = size });
}

static void one_domain_is_one_attempt(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fake_relay_set(take_all);
	fixture_start(f);
	send_from_bob(f, "x@other.test", "y@OTHER.test", 0, &id);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
	assert_int_equal(atomic_load(&recipients_seen), 2);
	assert_true(atomic_load(&bytes_seen) > 0);
	send_from_bob(f, "x@other.test", "y@third.test", 200000, &id);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 3);
	assert_true(atomic_load(&bytes_seen) > 200000);
	queue_stop(f->queue, 5000);
	assert_int_equal(fixture_rows(f), 0);
	assert_int_equal(fixture_files(f), 0);
}

static void relay_host_gets_all_domains_in_one_attempt(void **state)
{
	struct fixture *f = *state;
	struct relay_host host = { .domain = SPAN("*"), .host = SPAN("smart.test"), .port = 2525, .tls = RELAY_TLS_NONE };
	struct queue_id id;

	assert_int_equal(directory_relay_set(f->directory, &host, NULL), ERR_OK);
	fake_relay_set(take_all);
	fixture_start(f);
	send_from_bob(f, "x@other.test", "y@third.test", 0, &id);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
	assert_int_equal(atomic_load(&recipients_seen), 2);
}

static void temporary_failure_comes_again_on_the_clock(void **state)
{
	struct fixture *f = *state;
	struct queue_entry entry;
	struct queue_id id;
	int64_t wait_ms;

	fixture_start(f);
	send_from_bob(f, "x@other.test", NULL, 0, &id);
	fake_relay_wait_attempts(1);
	WAIT_UNTIL(queue_stats(f->queue).active == 0);
	assert_int_equal(queue_find(f->queue, &id, &f->arena, &entry), ERR_OK);
	assert_int_equal(entry.recipients[0].attempts, 1);
	assert_true(span_equals(entry.recipients[0].last_reply, SPAN("nobody answers")));
	wait_ms = entry.recipients[0].next_ms - clock_real_ms();
	assert_true(wait_ms >= 270000 && wait_ms <= 330000);
	fixture_advance(f, 269000);
	clock_fake_set_real_ms(clock_real_ms() + 86400000); /* a stepped wall clock starts nothing */
	fixture_advance(f, 1);
	fixture_pause();
	assert_int_equal(fake_relay_attempts(), 1);
	fake_relay_set(take_all);
	fixture_advance(f, 61000);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
}

static void stepped_wall_clock_neither_floods_nor_stalls(void **state)
{
	static const int64_t steps_ms[] = { -3600000, 3653LL * 86400000, -3653LL * 86400000, 3600000 };
	struct fixture *f = *state;
	struct queue_entry entry;
	struct queue_id id;
	unsigned attempts = 1;

	fixture_start(f);
	send_from_bob(f, "x@other.test", NULL, 0, &id);
	fake_relay_wait_attempts(attempts);
	for (size_t i = 0; i < sizeof(steps_ms) / sizeof(steps_ms[0]); i++) {
		WAIT_UNTIL(queue_stats(f->queue).active == 0);
		clock_fake_set_real_ms(clock_real_ms() + steps_ms[i]);
		fixture_advance(f, (300000LL << i) * 8 / 10); /* waits double; each is exact to a tenth */
		fixture_pause();
		assert_int_equal(fake_relay_attempts(), attempts);
		assert_int_equal(queue_find(f->queue, &id, &f->arena, &entry), ERR_OK);
		assert_true(entry.recipients[0].next_ms > clock_real_ms() && entry.recipients[0].next_ms <= clock_real_ms() + (300000LL << i));
		fixture_advance(f, (300000LL << i) * 4 / 10);
		fake_relay_wait_attempts(++attempts);
	}
	assert_int_equal(fixture_count(f, f->bob), 0); /* nothing has expired */
	fake_relay_set(take_all);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_OK);
	fixture_wait_empty(f);
}

static void retry_survives_a_restart(void **state)
{
	struct fixture *f = *state;
	struct queue_entry entry;
	struct queue_id id;

	fixture_start(f);
	send_from_bob(f, "x@other.test", NULL, 0, &id);
	fake_relay_wait_attempts(1);
	WAIT_UNTIL(queue_stats(f->queue).active == 0);
	fixture_restart(f);
	assert_int_equal(queue_find(f->queue, &id, &f->arena, &entry), ERR_OK);
	assert_int_equal(entry.recipients[0].attempts, 1);
	assert_true(span_equals(entry.recipients[0].last_reply, SPAN("nobody answers")));
	assert_true(entry.recipients[0].next_ms - clock_real_ms() >= 260000);
	assert_int_equal(fake_relay_attempts(), 1);
	fake_relay_set(take_all);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_OK);
	fixture_wait_empty(f);
	fixture_close(f);
	assert_int_equal(fixture_rows(f), 0);
	fixture_open(f);
}

static void refusal_becomes_a_dsn_to_the_sender(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	struct span text;

	fake_relay_set(refuse_all);
	fixture_start(f);
	send_from_bob(f, "x@other.test", "y@other.test", 0, &id);
	fixture_wait_count(f, f->bob, 1);
	text = fixture_read(f, f->bob, 1);
	assert_true(has(text, "Final-Recipient: rfc822; x@other.test\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.other.test\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"));
	assert_true(has(text, "Final-Recipient: rfc822; y@other.test\r\n"));
	assert_true(has(text, "Auto-Submitted: auto-replied\r\n"));
	fixture_wait_empty(f);
	fixture_close(f);
	assert_int_equal(fixture_rows(f), 0);
	fixture_open(f);
	assert_int_equal(fixture_count(f, f->bob), 1);
}

static void failures_of_a_login_of_this_machine_are_told_to_the_postmaster(void **state)
{
	struct fixture *f = *state;

	fake_relay_set(refuse_all);
	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "www-data@mail.example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION });
	fixture_wait_count(f, f->ann, 1);
	assert_true(has(fixture_read(f, f->ann, 1), "To: <www-data@mail.example.test>\r\n"));
	fixture_wait_empty(f);
}

static void only_the_refused_recipient_is_in_the_dsn(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	struct span text;

	fake_relay_set(refuse_first);
	fixture_start(f);
	send_from_bob(f, "x@other.test", "y@other.test", 0, &id);
	fixture_wait_count(f, f->bob, 1);
	text = fixture_read(f, f->bob, 1);
	assert_true(has(text, "550 not me"));
	assert_true(has(text, "x@other.test"));
	assert_false(has(text, "y@other.test\r\nAction"));
	fixture_wait_empty(f);
}

static void old_message_expires_with_a_dsn(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fixture_start(f);
	send_from_bob(f, "x@other.test", NULL, 0, &id);
	fake_relay_wait_attempts(1);
	for (int hours = 0; hours < 5 * 24 + 1; hours++) {
		WAIT_UNTIL(queue_stats(f->queue).active == 0);
		fixture_advance(f, 3600000);
		fixture_pause();
	}
	fixture_wait_count(f, f->bob, 2);
	assert_true(has(fixture_read(f, f->bob, 1), "Action: delayed\r\n"));
	assert_true(has(fixture_read(f, f->bob, 2), "Status: 4.4.7\r\n"));
	fixture_wait_empty(f);
	assert_true(fake_relay_attempts() > 10 && fake_relay_attempts() < 40);
}

static void forwarded_mail_leaves_without_a_login(void **state)
{
	struct fixture *f = *state;

	fixture_alias(f, "away@example.test", "me@third.test");
	fake_relay_set(take_all);
	fixture_start(f);
	(void)fixture_send(f, &(struct mail){ .from = "e@other.test", .to = { "away@example.test" } });
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
}

static void active_recipient_cannot_be_removed(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fake_relay_set(take_while_counting);
	fixture_start(f);
	send_from_bob(f, "x@other.test", NULL, 0, &id);
	WAIT_UNTIL(atomic_load(&running) == 1);
	assert_int_equal(fixture_steer(f, &id, QUEUE_DELETE), ERR_STATE);
	assert_int_equal(queue_stats(f->queue).active, 1);
	atomic_store(&let_go, true);
	fixture_wait_empty(f);
}

static void one_destination_gets_few_attempts_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fake_relay_set(take_while_counting);
	fixture_start(f);
	for (int i = 0; i < 30; i++)
		send_from_bob(f, "x@other.test", NULL, 0, &id);
	WAIT_UNTIL(atomic_load(&running) == 2);
	/* Another destination does not wait for it. */
	send_from_bob(f, "x@third.test", NULL, 0, &id);
	WAIT_UNTIL(atomic_load(&running) == 3);
	atomic_store(&let_go, true);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 31);
	assert_true(atomic_load(&most_running) <= 11);
}

static atomic_uint others_seen;

/* Those of the first attempt stay busy, whoever else comes is taken. */
static void first_hundred_is_busy(struct relay_job *job)
{
	bool busy = fake_relay_attempts() == 0;

	if (!busy)
		atomic_fetch_add(&others_seen, (unsigned)job->recipient_count);
	fake_relay_answer(job, busy ? RELAY_RETRY : RELAY_DELIVERED, busy ? "4.2.1" : "2.0.0", busy ? "450 4.2.1 later" : "250 ok");
}

static void busy_recipients_do_not_keep_the_others_of_a_large_message_waiting(void **state)
{
	struct fixture *f = *state;
	char text[150][32];
	struct span targets[150];
	struct queue_id id;

	for (int i = 0; i < 150; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "u%d@other.test", i);
		targets[i] = span_str(text[i]);
	}
	assert_int_equal(directory_alias_add(f->directory, SPAN("many@example.test"), targets, 150, NULL), ERR_OK);
	atomic_store(&others_seen, 0);
	fake_relay_set(first_hundred_is_busy);
	fixture_start(f);
	send_from_bob(f, "many@example.test", NULL, 0, &id);
	WAIT_UNTIL(queue_stats(f->queue).waiting == 100 && queue_stats(f->queue).active == 0);
	assert_int_equal(fake_relay_attempts(), 2);
	assert_int_equal(atomic_load(&others_seen), 50);
	fixture_advance(f, 331000);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 3);
	assert_int_equal(atomic_load(&others_seen), 150);
}

static void puts_off_each_recipient(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_RETRY, "4.2.2", "452 4.2.2 mailbox full");
	job->answered = true;
}

static void full_mailboxes_do_not_hold_back_the_others_of_their_server(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fake_relay_set(puts_off_each_recipient);
	fixture_start(f);
	for (int i = 0; i < 20; i++)
		send_from_bob(f, "full@other.test", NULL, 0, &id);
	fake_relay_wait_attempts(20);
	fake_relay_set(take_all);
	send_from_bob(f, "x@other.test", NULL, 0, &id);
	WAIT_UNTIL(queue_stats(f->queue).messages == 20);
	assert_int_equal(fake_relay_attempts(), 1);
}

static void take_without_a_time(struct relay_job *job)
{
	take_all(job);
	for (size_t i = 0; i < job->recipient_count; i++)
		job->recipients[i].by_lost = true;
}

static void who_gave_a_time_hears_of_a_server_that_knows_none(void **state)
{
	struct fixture *f = *state;
	struct mail mail = { .from = "bob@example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION, .deliver_by_ms = clock_real_ms() + 3600000, .deliver_by = BY_NOTIFY };

	fake_relay_set(take_all);
	fixture_start(f);
	(void)fixture_send(f, &mail);
	fixture_wait_empty(f);
	fake_relay_set(take_without_a_time);
	mail.notify = NOTIFY_NEVER;
	(void)fixture_send(f, &mail);
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 0);
	mail.notify = 0;
	(void)fixture_send(f, &mail);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Action: relayed\r\n"));
	/* Of each server that takes it. */
	fake_relay_set(take_all);
	mail.deliver_by = BY_RETURN | BY_TRACE;
	(void)fixture_send(f, &mail);
	fixture_wait_count(f, f->bob, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_domain_is_one_attempt),
		TEST(relay_host_gets_all_domains_in_one_attempt),
		TEST(temporary_failure_comes_again_on_the_clock),
		TEST(stepped_wall_clock_neither_floods_nor_stalls),
		TEST(retry_survives_a_restart),
		TEST(refusal_becomes_a_dsn_to_the_sender),
		TEST(failures_of_a_login_of_this_machine_are_told_to_the_postmaster),
		TEST(only_the_refused_recipient_is_in_the_dsn),
		TEST(old_message_expires_with_a_dsn),
		TEST(forwarded_mail_leaves_without_a_login),
		TEST(active_recipient_cannot_be_removed),
		TEST(one_destination_gets_few_attempts_at_a_time),
		TEST(full_mailboxes_do_not_hold_back_the_others_of_their_server),
		TEST(who_gave_a_time_hears_of_a_server_that_knows_none),
		TEST(busy_recipients_do_not_keep_the_others_of_a_large_message_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
