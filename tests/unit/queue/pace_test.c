/* When messages are tried, told of and given up: priorities, times that senders set, slow and dead destinations. */
#include "tests/unit/queue/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "daemon/queue/steering.h"

#define TARPITS 64

static pthread_mutex_t seen_lock = PTHREAD_MUTEX_INITIALIZER; /* guards seen */
static char seen[64];
static size_t seen_count;
static atomic_bool let_go;
static atomic_uint stuck, healthy;

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

static void take_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

/* The first letter of the recipient, in order of attempts. */
static void note_order(struct relay_job *job)
{
	pthread_mutex_lock(&seen_lock);
	if (seen_count < sizeof(seen))
		seen[seen_count++] = job->recipients[0].address.ptr[0];
	pthread_mutex_unlock(&seen_lock);
	while (!atomic_load(&let_go))
		fixture_pause();
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static size_t count_seen(void)
{
	size_t count;

	pthread_mutex_lock(&seen_lock);
	count = seen_count;
	pthread_mutex_unlock(&seen_lock);
	return count;
}

/* Two at a time go to a destination: these, in any order. */
static void expect_first(const char *two)
{
	WAIT_UNTIL(count_seen() == 2);
	assert_true((seen[0] == two[0] && seen[1] == two[1]) || (seen[0] == two[1] && seen[1] == two[0]));
	atomic_store(&let_go, true);
}

static void be_a_tarpit(struct relay_job *job)
{
	if (!has(job->domain, "tar")) {
		atomic_fetch_add(&healthy, 1);
		fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
		return;
	}
	atomic_fetch_add(&stuck, 1);
	while (!atomic_load(&let_go))
		fixture_pause();
	fake_relay_answer(job, RELAY_RETRY, "4.4.2", "no answer in time");
}

static void take_put_off_and_refuse(struct relay_job *job)
{
	static const struct {
		enum relay_outcome outcome;
		const char *status, *reply;
	} answers[] = { { RELAY_DELIVERED, "2.0.0", "250 ok" }, { RELAY_RETRY, "4.2.1", "450 later" }, { RELAY_FAILED, "5.1.1", "550 nobody" } };

	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
	for (size_t i = 0; i < job->recipient_count; i++) {
		size_t which = (size_t)(job->recipients[i].address.ptr[0] - 'a');

		job->recipients[i].outcome = answers[which].outcome;
		job->recipients[i].reply = span_str(answers[which].reply);
		memcpy(job->recipients[i].status, answers[which].status, strlen(answers[which].status) + 1);
	}
	job->answered = true;
}

static void pass_on(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
	for (size_t i = 0; i < job->recipient_count; i++)
		job->recipients[i].passed_on = true;
}

static void refuse_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_FAILED, "5.1.1", "550 5.1.1 no such user");
}

static int setup(void **state)
{
	seen_count = 0;
	atomic_store(&let_go, false);
	atomic_store(&stuck, 0);
	atomic_store(&healthy, 0);
	return fixture_setup(state);
}

static struct queue_id send_mail(struct fixture *f, struct mail mail)
{
	mail.from = "bob@example.test";
	mail.source = FROM_SUBMISSION;
	return fixture_send(f, &mail);
}

static void settle(struct fixture *f)
{
	WAIT_UNTIL(queue_stats(f->queue).active == 0);
}

static struct queue_entry look(struct fixture *f, const struct queue_id *id)
{
	struct queue_entry e;

	assert_int_equal(queue_find(f->queue, id, &f->arena, &e), ERR_OK);
	return e;
}

/* Hour by hour, so that each thing is due in its turn. */
static void pass_hours(struct fixture *f, int hours)
{
	for (int i = 0; i < hours; i++) {
		fixture_advance(f, 3600000);
		fixture_pause();
		settle(f);
	}
}

static void the_urgent_go_first(void **state)
{
	struct fixture *f = *state;

	fake_relay_set(note_order);
	(void)send_mail(f, (struct mail){ .to = { "l@other.test" }, .priority = -9 });
	(void)send_mail(f, (struct mail){ .to = { "m@other.test" } });
	(void)send_mail(f, (struct mail){ .to = { "h@other.test" }, .priority = 1 });
	(void)send_mail(f, (struct mail){ .to = { "i@other.test" }, .priority = 9 });
	fixture_restart(f);
	expect_first("hi");
	fixture_wait_empty(f);
	assert_int_equal(seen_count, 4);
}

static void the_patient_go_last(void **state)
{
	struct fixture *f = *state;

	fake_relay_set(note_order);
	(void)send_mail(f, (struct mail){ .to = { "l@other.test" }, .priority = -1 });
	(void)send_mail(f, (struct mail){ .to = { "m@other.test" } });
	(void)send_mail(f, (struct mail){ .to = { "n@other.test" } });
	fixture_start(f);
	expect_first("mn");
	fixture_wait_empty(f);
	assert_int_equal(seen_count, 3);
}

static void held_for_release_it_goes_at_its_time_even_after_a_restart(void **state)
{
	struct fixture *f = *state;
	int64_t release_ms = clock_real_ms() + 86400000;
	struct queue_id id;

	fake_relay_set(take_all);
	fixture_start(f);
	id = send_mail(f, (struct mail){ .to = { "x@other.test" }, .release_ms = release_ms });
	assert_int_equal(look(f, &id).release_ms, release_ms);
	assert_int_equal(look(f, &id).recipients[0].next_ms, release_ms);
	assert_int_equal(look(f, &id).expires_ms, release_ms + 5 * 86400000LL);
	fixture_restart(f);
	pass_hours(f, 23);
	assert_int_equal(fake_relay_attempts(), 0);
	assert_int_equal(fixture_count(f, f->bob), 0); /* waiting as asked is no delay */
	pass_hours(f, 2);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 1);
}

static void what_must_be_delivered_by_then_comes_back(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	(void)send_mail(f, (struct mail){ .to = { "x@other.test" }, .deliver_by_ms = clock_real_ms() + 1800000, .deliver_by = BY_RETURN });
	fake_relay_wait_attempts(1);
	settle(f);
	assert_int_equal(fixture_count(f, f->bob), 0);
	pass_hours(f, 1);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Status: 5.4.7\r\n"));
	fixture_wait_empty(f);
}

static void what_should_be_delivered_by_then_is_told_of_once_and_goes_on(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fixture_start(f);
	id = send_mail(f, (struct mail){ .to = { "x@other.test" }, .deliver_by_ms = clock_real_ms() + 1800000, .deliver_by = BY_NOTIFY });
	fake_relay_wait_attempts(1);
	settle(f);
	pass_hours(f, 1);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Action: delayed\r\n"));
	fixture_restart(f);
	pass_hours(f, 12);
	assert_int_equal(fixture_count(f, f->bob), 1);
	assert_int_equal(look(f, &id).recipients[0].state, RECIPIENT_WAITING);
}

static void what_waits_untried_is_told_of_and_given_up_in_time(void **state)
{
	struct fixture *f = *state;
	struct queue_pause pause = { .destination = SPAN("other.test") };

	fixture_start(f);
	assert_int_equal(queue_pause_set(f->queue, &pause, NULL), ERR_OK);
	(void)send_mail(f, (struct mail){ .to = { "x@other.test" } });
	(void)send_mail(f, (struct mail){ .to = { "y@other.test" }, .notify = NOTIFY_NEVER });
	pass_hours(f, 3);
	assert_int_equal(fixture_count(f, f->bob), 0);
	pass_hours(f, 2);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Action: delayed\r\n"));
	fixture_restart(f);
	pass_hours(f, 5 * 24);
	fixture_wait_count(f, f->bob, 2);
	assert_true(has(fixture_read(f, f->bob, 2), "Status: 4.4.7\r\n"));
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 0);
}

static void a_dead_destination_is_probed_with_one_message(void **state)
{
	struct fixture *f = *state;
	struct queue_destination d;
	unsigned attempts;

	fixture_start(f);
	for (int i = 0; i < 20; i++)
		(void)send_mail(f, (struct mail){ .to = { "x@other.test" } });
	WAIT_UNTIL(queue_destination_find(f->queue, SPAN("other.test"), &f->arena, &d) == ERR_OK && d.held_until_ms && !d.active);
	attempts = fake_relay_attempts();
	assert_true(attempts >= 4 && attempts <= 5);
	assert_int_equal(d.limit, 1);
	assert_true(span_equals(d.last_error, SPAN("nobody answers")));
	for (unsigned i = 1; i <= 3; i++) {
		fixture_advance(f, 15000LL << i);
		fake_relay_wait_attempts(attempts + i);
		settle(f);
		fixture_pause();
		assert_int_equal(fake_relay_attempts(), attempts + i);
	}
	/* Once one of them has passed, the others follow. */
	fake_relay_set(take_all);
	fixture_advance(f, 3600000);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 20);
}

static void tarpits_do_not_stop_healthy_destinations(void **state)
{
	struct fixture *f = *state;
	char address[40];

	fake_relay_set(be_a_tarpit);
	fixture_start(f);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < TARPITS; i++) {
			(void)snprintf(address, sizeof(address), "x@tar%d.test", i);
			(void)send_mail(f, (struct mail){ .to = { address } });
		}
	WAIT_UNTIL(atomic_load(&stuck) >= TARPITS);
	for (int i = 0; i < 20; i++) {
		(void)snprintf(address, sizeof(address), "x@good%d.test", i);
		(void)send_mail(f, (struct mail){ .to = { address } });
	}
	fixture_advance(f, 11000);
	WAIT_UNTIL(atomic_load(&healthy) == 20);
	/* Where one attempt takes long, more than a share of the threads does not follow. */
	assert_true(atomic_load(&stuck) <= TARPITS + 32);
	atomic_store(&let_go, true);
	settle(f);
	fake_relay_set(take_all);
	fixture_advance(f, 2 * 3600000);
	fixture_wait_empty(f);
}

static void each_recipient_has_its_own_answer(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	struct queue_entry e;

	fake_relay_set(take_put_off_and_refuse);
	fixture_start(f);
	id = send_mail(f, (struct mail){ .to = { "a@other.test", "b@other.test", "c@other.test" } });
	fixture_wait_count(f, f->bob, 1);
	settle(f);
	e = look(f, &id);
	assert_int_equal(e.recipients[0].state, RECIPIENT_DELIVERED);
	assert_int_equal(e.recipients[1].state, RECIPIENT_WAITING);
	assert_true(span_equals(e.recipients[1].status, SPAN("4.2.1")));
	assert_int_equal(e.recipients[2].state, RECIPIENT_FAILED);
	assert_int_equal(fake_relay_attempts(), 1);
	fixture_restart(f);
	e = look(f, &id);
	assert_true(span_equals(e.recipients[1].status, SPAN("4.2.1")));
	assert_true(span_equals(e.recipients[1].last_reply, SPAN("450 later")));
}

static void success_is_told_of_where_it_is_asked_for(void **state)
{
	struct fixture *f = *state;

	fake_relay_set(take_all);
	fixture_start(f);
	(void)send_mail(f, (struct mail){ .to = { "ann@example.test" }, .notify = NOTIFY_SUCCESS });
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Action: delivered\r\n"));
	(void)send_mail(f, (struct mail){ .to = { "x@other.test" }, .notify = NOTIFY_SUCCESS });
	fixture_wait_count(f, f->bob, 2);
	assert_true(has(fixture_read(f, f->bob, 2), "Action: relayed\r\n"));
	fixture_wait_empty(f);
	fake_relay_set(pass_on);
	(void)send_mail(f, (struct mail){ .to = { "x@other.test" }, .notify = NOTIFY_SUCCESS });
	fixture_wait_empty(f);
	fake_relay_set(refuse_all);
	(void)send_mail(f, (struct mail){ .to = { "y@other.test" }, .notify = NOTIFY_NEVER });
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 2);
	assert_int_equal(fixture_count(f, f->ann), 1);
}

static unsigned failures_of(struct fixture *f, const char *name)
{
	struct queue_destination found;

	return queue_destination_find(f->queue, span_str(name), &f->arena, &found) ? 0 : found.failures;
}

static void what_could_not_be_read_says_nothing_of_its_destination(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;
	char gone[128];

	fixture_start(f);
	for (int i = 0; i < 6; i++)
		(void)fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION });
	WAIT_UNTIL(failures_of(f, "other.test") == 4);
	id = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION, .body_size = 100000 });
	(void)snprintf(gone, sizeof(gone), "%s.gone", f->bodies);
	assert_int_equal(rename(f->bodies, gone), 0);
	assert_int_equal(fixture_steer(f, &id, QUEUE_RETRY), ERR_OK);
	fixture_wait_count(f, f->bob, 1);
	assert_true(has(fixture_read(f, f->bob, 1), "Status: 5.3.0"));
	WAIT_UNTIL(queue_stats(f->queue).active == 0);
	assert_int_equal(failures_of(f, "other.test"), 4);
	assert_int_equal(rename(gone, f->bodies), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_urgent_go_first, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(the_patient_go_last, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(held_for_release_it_goes_at_its_time_even_after_a_restart, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_must_be_delivered_by_then_comes_back, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_should_be_delivered_by_then_is_told_of_once_and_goes_on, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_waits_untried_is_told_of_and_given_up_in_time, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_dead_destination_is_probed_with_one_message, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(tarpits_do_not_stop_healthy_destinations, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(each_recipient_has_its_own_answer, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(success_is_told_of_where_it_is_asked_for, setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_could_not_be_read_says_nothing_of_its_destination, setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
