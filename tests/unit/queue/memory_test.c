/* What waits holds no words in memory, and is itself again when somebody works on it. */
#include "tests/unit/queue/fixture.h"

#include "daemon/queue/entry.h"

static void take_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static struct queue_id send_out(struct fixture *f)
{
	return fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "x@other.test", "y@third.test" }, .source = FROM_SUBMISSION, .body_size = 100000 });
}

static bool has_words(struct fixture *f, const struct queue_id *id)
{
	const struct entry *e;
	bool has;

	pthread_mutex_lock(&f->queue->lock);
	e = entry_find(f->queue, id);
	has = e && (e->detail || e->content);
	pthread_mutex_unlock(&f->queue->lock);
	return has;
}

static bool is_idle(struct fixture *f)
{
	bool idle;

	pthread_mutex_lock(&f->queue->lock);
	idle = !f->queue->dirty_count && !f->queue->flush_running && !f->queue->active;
	pthread_mutex_unlock(&f->queue->lock);
	return idle;
}

static void what_waits_for_its_next_attempt_holds_no_words(void **state)
{
	struct fixture *f = *state;
	struct queue_entry entry;
	struct queue_id id;

	fixture_start(f);
	id = send_out(f);
	fake_relay_wait_attempts(2);
	WAIT_UNTIL(is_idle(f) && !has_words(f, &id));
	assert_int_equal(queue_find(f->queue, &id, &f->arena, &entry), ERR_OK);
	assert_true(span_equals(entry.recipients[0].last_reply, SPAN("nobody answers")));
	assert_int_equal(entry.recipients[0].attempts, 1);
	assert_false(has_words(f, &id));
	fixture_restart(f);
	assert_false(has_words(f, &id));
	assert_int_equal(queue_stats(f->queue).waiting, 2);
	fake_relay_set(take_all);
	fixture_advance(f, 400000);
	fixture_wait_empty(f);
	assert_int_equal(fake_relay_attempts(), 2);
	queue_stop(f->queue, 5000);
	assert_int_equal(fixture_rows(f), 0);
	assert_int_equal(fixture_files(f), 0);
}

static void what_is_released_later_or_held_holds_no_words(void **state)
{
	struct fixture *f = *state;
	struct queue_id id;

	fixture_start(f);
	id = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION, .release_ms = clock_real_ms() + 3600000 });
	assert_false(has_words(f, &id));
	assert_int_equal(fixture_steer(f, &id, QUEUE_HOLD), ERR_OK);
	WAIT_UNTIL(!has_words(f, &id));
	assert_int_equal(fixture_steer(f, &id, QUEUE_DELETE), ERR_OK);
	fixture_wait_empty(f);
}

static void what_waits_for_a_dead_destination_holds_no_words(void **state)
{
	struct fixture *f = *state;
	struct queue_id ids[20];

	fixture_start(f);
	for (int i = 0; i < 20; i++)
		ids[i] = fixture_send(f, &(struct mail){ .from = "bob@example.test", .to = { "x@other.test" }, .source = FROM_SUBMISSION });
	fake_relay_wait_attempts(4);
	for (int i = 0; i < 20; i++)
		WAIT_UNTIL(is_idle(f) && !has_words(f, &ids[i]));
	assert_true(fake_relay_attempts() < 8);
	fake_relay_set(take_all);
	fixture_advance(f, 400000);
	fixture_wait_empty(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_waits_for_its_next_attempt_holds_no_words, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_released_later_or_held_holds_no_words, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_waits_for_a_dead_destination_holds_no_words, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
