/* What accounts may send outside, and what the breaker does to their mail. */
#include "tests/unit/queue/fixture.h"

#include <pthread.h>
#include <stdio.h>

#include "daemon/directory/setting.h"
#include "daemon/queue/sending.h"
#include "db/queue_sending.h"

#define MINUTES(n) ((n)*60000LL)

struct told {
	pthread_mutex_t lock;
	bool done;
	enum err result;
};

static void committed(void *arg, enum err result)
{
	struct told *t = arg;

	pthread_mutex_lock(&t->lock);
	t->done = true;
	t->result = result;
	pthread_mutex_unlock(&t->lock);
}

static bool is_done(struct told *t)
{
	bool done;

	pthread_mutex_lock(&t->lock);
	done = t->done;
	pthread_mutex_unlock(&t->lock);
	return done;
}

/* "name<from>@other.test" and on. */
static const struct span *names(struct fixture *f, const char *name, size_t from, size_t count)
{
	struct span *to = arena_array(&f->arena, count, sizeof(*to));

	for (size_t i = 0; i < count; i++)
		to[i] = arena_printf(&f->arena, "%s%zu@other.test", name, from + i);
	return to;
}

static struct accept *sealed(struct fixture *f, const struct span *to, size_t count, bool counted)
{
	struct accept_envelope envelope = { .source = FROM_SUBMISSION, .account_id = f->bob, .reverse_path = SPAN("bob@example.test"), .recipients = to, .recipient_count = count, .counted = counted };
	struct accept *a;

	queue_id_new(&envelope.id);
	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	assert_int_equal(accept_add(a, SPAN("Subject: x\r\n\r\nhello\r\n")), ERR_OK);
	assert_int_equal(accept_seal(a, &envelope, NULL), ERR_OK);
	return a;
}

static enum err commit(struct accept *a)
{
	struct told t = { .lock = PTHREAD_MUTEX_INITIALIZER };

	accept_commit(&a, committed, &t);
	WAIT_UNTIL(is_done(&t));
	return t.result;
}

static enum sending_verdict check(struct fixture *f, const struct span *to, size_t count, int64_t *again_ms)
{
	struct sending_tally tally = { .count = 0 };
	int64_t again;

	return sending_check(f->queue, f->bob, to, count, &tally, again_ms ? again_ms : &again);
}

/* As a session does it: asked first, for each recipient. */
static enum err send_to(struct fixture *f, const struct span *to, size_t count)
{
	assert_int_equal(check(f, to, count, NULL), SENDING_OK);
	return commit(sealed(f, to, count, true));
}

static void send_many(struct fixture *f, const char *name, size_t from, size_t count)
{
	for (size_t at = 0; at < count; at += 50) {
		size_t some = count - at < 50 ? count - at : 50;

		assert_int_equal(send_to(f, names(f, name, from + at, some), some), ERR_OK);
	}
}

/* No attempt is left on its way, to be answered by the script of what comes next. */
static void wait_tried(struct fixture *f, unsigned messages)
{
	WAIT_UNTIL(queue_stats(f->queue).active == 0 && fake_relay_attempts() == messages);
}

static struct sending_state state_of(struct fixture *f)
{
	struct sending_state s;

	assert_int_equal(sending_find(f->queue, f->bob, &f->arena, &s), ERR_OK);
	return s;
}

static void set(struct fixture *f, enum setting which, const char *value)
{
	assert_int_equal(directory_setting_set(f->directory, which, span_str(value), NULL), ERR_OK);
}

/* ---- counts and limits ---- */

static void recipients_outside_are_counted_over_a_restart(void **state)
{
	struct fixture *f = *state;
	const struct span to[] = { SPAN("a@other.test"), SPAN("B@Other.test"), SPAN("ann@example.test"), SPAN("team@example.test") };
	struct sending_state s;

	fixture_alias(f, "team@example.test", "x@third.test y@third.test");
	assert_int_equal(send_to(f, to, 4), ERR_OK);
	assert_int_equal(send_to(f, to, 2), ERR_OK);
	assert_int_equal(commit(sealed(f, to, 2, false)), ERR_OK);
	for (int round = 0; round < 2; round++) {
		s = state_of(f);
		assert_int_equal(s.hour, 4);
		assert_int_equal(s.day, 4);
		assert_int_equal(s.new_day, 2);
		assert_false(s.stopped);
		fixture_restart(f);
	}
	/* Case tells no two recipients apart. */
	assert_int_equal(send_to(f, (const struct span[]){ SPAN("b@other.test") }, 1), ERR_OK);
	assert_int_equal(state_of(f).new_day, 2);
}

static void what_a_sender_forwards_to_itself_counts(void **state)
{
	struct fixture *f = *state;
	const struct span targets[] = { SPAN("x@third.test"), SPAN("y@third.test"), SPAN("z@third.test") }, to[] = { SPAN("Bob+me@example.test") }, to_ann[] = { SPAN("ann@example.test") };

	assert_int_equal(directory_account_set_forwards(f->directory, f->bob, targets, 3, true, NULL), ERR_OK);
	assert_int_equal(directory_account_set_forwards(f->directory, f->ann, targets, 3, true, NULL), ERR_OK);
	assert_int_equal(send_to(f, to_ann, 1), ERR_OK);
	assert_int_equal(state_of(f).hour, 0);
	assert_int_equal(send_to(f, to, 1), ERR_OK);
	assert_int_equal(state_of(f).hour, 3);
	assert_int_equal(state_of(f).new_day, 3);
	/* Nobody is asked at RCPT, since that one is here: the commit refuses. */
	set(f, SETTING_SENDING_PER_HOUR, "5");
	assert_int_equal(send_to(f, to, 1), ERR_LIMIT);
	assert_int_equal(state_of(f).hour, 3);
}

static void an_hour_has_its_limit_and_ends(void **state)
{
	struct fixture *f = *state;
	int64_t again_ms;

	set(f, SETTING_SENDING_PER_HOUR, "10");
	assert_int_equal(send_to(f, names(f, "a", 0, 8), 8), ERR_OK);
	assert_int_equal(check(f, names(f, "b", 0, 2), 2, NULL), SENDING_OK);
	assert_int_equal(check(f, names(f, "b", 0, 3), 3, &again_ms), SENDING_HOUR);
	assert_true(again_ms > clock_real_ms() && again_ms <= clock_real_ms() + MINUTES(121));
	assert_int_equal(check(f, NULL, 0, NULL), SENDING_OK);
	fixture_advance(f, again_ms - clock_real_ms());
	assert_int_equal(check(f, names(f, "b", 0, 3), 3, NULL), SENDING_OK);
	/* More than an hour may ever have. */
	assert_int_equal(check(f, names(f, "b", 0, 11), 11, &again_ms), SENDING_HOUR);
	assert_int_equal(again_ms, 0);
}

static void a_day_has_its_limit(void **state)
{
	struct fixture *f = *state;
	int64_t again_ms;

	set(f, SETTING_SENDING_PER_DAY, "20");
	assert_int_equal(send_to(f, names(f, "a", 0, 15), 15), ERR_OK);
	fixture_advance(f, MINUTES(300));
	assert_int_equal(check(f, names(f, "b", 0, 6), 6, &again_ms), SENDING_DAY);
	assert_true(again_ms > clock_real_ms() + MINUTES(17 * 60) && again_ms <= clock_real_ms() + MINUTES(21 * 60));
	fixture_advance(f, MINUTES(25 * 60));
	assert_int_equal(check(f, names(f, "b", 0, 20), 20, NULL), SENDING_OK);
}

static void only_strangers_count_among_the_new(void **state)
{
	struct fixture *f = *state;
	struct sending_tally tally = { .count = 0 };
	struct span to[3];
	int64_t again_ms;

	set(f, SETTING_SENDING_NEW_PER_DAY, "10");
	assert_int_equal(send_to(f, names(f, "a", 0, 10), 10), ERR_OK);
	assert_int_equal(check(f, names(f, "a", 0, 10), 10, NULL), SENDING_OK);
	assert_int_equal(check(f, names(f, "a", 1, 10), 10, &again_ms), SENDING_NEW);
	/* One by one, as RCPT asks: a stranger is refused, whom it knows stands in his place. */
	to[0] = SPAN("a1@other.test");
	to[1] = SPAN("b1@other.test");
	assert_int_equal(sending_check(f->queue, f->bob, to, 1, &tally, &again_ms), SENDING_OK);
	assert_int_equal(sending_check(f->queue, f->bob, to, 2, &tally, &again_ms), SENDING_NEW);
	to[1] = SPAN("a2@other.test");
	assert_int_equal(sending_check(f->queue, f->bob, to, 2, &tally, &again_ms), SENDING_OK);
	to[2] = SPAN("b2@other.test");
	assert_int_equal(sending_check(f->queue, f->bob, to, 3, &tally, &again_ms), SENDING_NEW);
	fixture_restart(f);
	assert_int_equal(check(f, names(f, "a", 1, 10), 10, NULL), SENDING_NEW);
}

static void sessions_at_once_get_no_more_than_one_after_the_other(void **state)
{
	struct fixture *f = *state;
	const struct span *to = names(f, "a", 0, 6);
	struct accept *first, *second;

	set(f, SETTING_SENDING_PER_HOUR, "10");
	assert_int_equal(check(f, to, 6, NULL), SENDING_OK);
	first = sealed(f, to, 6, true);
	second = sealed(f, to, 6, true);
	assert_int_equal(commit(first), ERR_OK);
	assert_int_equal(commit(second), ERR_LIMIT);
	assert_int_equal(state_of(f).hour, 6);
	assert_int_equal(fixture_rows(f), 6);
}

/* ---- the breaker ---- */

static void fail_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_FAILED, "5.1.1", "550 no such user");
}

static void deliver_all(struct relay_job *job)
{
	fake_relay_answer(job, RELAY_DELIVERED, "2.0.0", "250 ok");
}

static bool is_stopped(struct fixture *f)
{
	return state_of(f).stopped;
}

static void a_rush_of_strangers_stops_the_account_and_holds_its_mail(void **state)
{
	struct fixture *f = *state;
	struct accept *on_its_way;
	struct sending_state s, *list;
	uint64_t messages;
	size_t count;

	fixture_start(f);
	send_many(f, "a", 0, 550);
	on_its_way = sealed(f, names(f, "late", 0, 1), 1, true);
	assert_false(is_stopped(f));
	send_many(f, "a", 550, 50);
	WAIT_UNTIL(state_of(f).held == 12);
	assert_int_equal(check(f, NULL, 0, NULL), SENDING_STOPPED);
	assert_int_equal(commit(on_its_way), ERR_DENIED);
	fixture_restart(f);
	s = state_of(f);
	assert_true(s.stopped);
	assert_memory_equal(s.reason.ptr, "rate", 4);
	assert_non_null(strstr(s.detail.ptr, "600 recipients within an hour"));
	assert_int_equal(s.held, 12);
	assert_int_equal(queue_stats(f->queue).held, 600);
	assert_int_equal(sending_list(f->queue, 0, 10, true, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(list[0].account_id, f->bob);
	/* Nobody else is touched. */
	fake_relay_set(deliver_all);
	fixture_advance(f, MINUTES(24 * 60));
	assert_int_equal(fake_relay_attempts(), 0);
	assert_int_equal(sending_release(f->queue, f->bob, false, &messages, NULL), ERR_OK);
	assert_int_equal(messages, 12);
	fixture_wait_empty(f);
	assert_false(is_stopped(f));
	assert_int_equal(sending_release(f->queue, f->bob, false, &messages, NULL), ERR_STATE);
}

static void what_was_released_is_the_accounts_past(void **state)
{
	struct fixture *f = *state;
	uint64_t messages;

	fake_relay_set(deliver_all);
	fixture_start(f);
	send_many(f, "a", 0, 600);
	WAIT_UNTIL(is_stopped(f) && sending_release(f->queue, f->bob, false, &messages, NULL) == ERR_OK);
	assert_int_equal(state_of(f).hour, 0);
	send_many(f, "b", 0, 700);
	assert_false(is_stopped(f));
	fixture_restart(f);
	assert_int_equal(state_of(f).hour, 700);
	assert_false(is_stopped(f));
	fixture_wait_empty(f);
}

static void failures_of_released_mail_are_not_held_against_it(void **state)
{
	struct fixture *f = *state;
	uint64_t messages;

	fixture_start(f);
	send_many(f, "a", 0, 100);
	wait_tried(f, 2);
	assert_int_equal(sending_stop(f->queue, f->bob, SPAN(""), NULL), ERR_OK);
	fake_relay_set(fail_all);
	fixture_advance(f, 5);
	WAIT_UNTIL(sending_release(f->queue, f->bob, false, &messages, NULL) == ERR_OK);
	fixture_wait_empty(f);
	fixture_advance(f, 5);
	fake_relay_set(deliver_all);
	send_many(f, "b", 0, 50);
	fixture_wait_empty(f);
	assert_false(is_stopped(f));
	assert_int_equal(state_of(f).failed_day, 0);
}

static void purged_mail_is_gone_without_a_word(void **state)
{
	struct fixture *f = *state;
	uint64_t messages;

	set(f, SETTING_SENDING_PER_HOUR, "0");
	fixture_start(f);
	send_many(f, "a", 0, 600);
	WAIT_UNTIL(state_of(f).held > 0);
	WAIT_UNTIL(sending_release(f->queue, f->bob, true, &messages, NULL) == ERR_OK);
	assert_true(messages > 0);
	fixture_wait_empty(f);
	assert_int_equal(fixture_count(f, f->bob), 0);
	assert_false(is_stopped(f));
	assert_int_equal(state_of(f).day, 0);
	/* A thief who comes back is no better for it. */
	send_many(f, "b", 0, 600);
	WAIT_UNTIL(is_stopped(f));
}

static void dead_addresses_stop_the_account(void **state)
{
	struct fixture *f = *state;

	fake_relay_set(fail_all);
	fixture_start(f);
	send_many(f, "a", 0, 40);
	WAIT_UNTIL(is_stopped(f));
	assert_memory_equal(state_of(f).reason.ptr, "bounces", 7);
	WAIT_UNTIL(state_of(f).failed_day == 40);
	fixture_restart(f);
	assert_int_equal(state_of(f).failed_day, 40);
}

static void failures_before_anybody_asks_are_judged_when_somebody_does(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	send_many(f, "a", 0, 40);
	wait_tried(f, 1);
	assert_false(is_stopped(f));
	fake_relay_set(fail_all);
	fixture_restart(f);
	fixture_advance(f, MINUTES(12));
	WAIT_UNTIL(is_stopped(f));
	fixture_wait_empty(f);
	assert_int_equal(state_of(f).failed_day, 40);
}

static void late_failures_are_of_the_hour_of_their_message(void **state)
{
	struct fixture *f = *state;

	fixture_start(f);
	send_many(f, "old", 0, 60);
	wait_tried(f, 2);
	fake_relay_set(fail_all);
	fixture_advance(f, MINUTES(600));
	fixture_wait_empty(f);
	/* All of them failed, and nothing was sent for hours: nothing that a thief does. */
	assert_int_equal(state_of(f).failed_day, 60);
	assert_false(is_stopped(f));
	fixture_restart(f);
	assert_int_equal(state_of(f).failed_day, 60);
}

static void a_first_newsletter_passes(void **state)
{
	struct fixture *f = *state;

	fake_relay_set(deliver_all);
	fixture_start(f);
	send_many(f, "customer", 0, 500);
	fixture_wait_empty(f);
	assert_false(is_stopped(f));
	assert_int_equal(state_of(f).hour, 500);
}

static void the_breaker_can_be_off(void **state)
{
	struct fixture *f = *state;

	set(f, SETTING_BREAKER, "false");
	send_many(f, "a", 0, 700);
	assert_false(is_stopped(f));
}

static void a_stop_by_hand_holds_until_it_is_ended(void **state)
{
	struct fixture *f = *state;
	struct sending_state s;
	uint64_t messages;

	fixture_start(f);
	assert_int_equal(send_to(f, names(f, "a", 0, 2), 2), ERR_OK);
	wait_tried(f, 1);
	assert_int_equal(sending_stop(f->queue, f->bob, SPAN("looks odd"), NULL), ERR_OK);
	assert_int_equal(sending_stop(f->queue, f->bob, SPAN("again"), NULL), ERR_EXISTS);
	s = state_of(f);
	assert_true(s.stopped);
	assert_memory_equal(s.reason.ptr, "operator", 8);
	assert_memory_equal(s.detail.ptr, "looks odd", 9);
	assert_int_equal(s.held, 1);
	assert_int_equal(check(f, NULL, 0, NULL), SENDING_STOPPED);
	/* From a trusted peer it is not counted, and its mail goes on. */
	fake_relay_set(deliver_all);
	assert_int_equal(commit(sealed(f, names(f, "b", 0, 1), 1, false)), ERR_OK);
	WAIT_UNTIL(fake_relay_attempts() > 0);
	assert_int_equal(sending_release(f->queue, f->bob, false, &messages, NULL), ERR_OK);
	assert_int_equal(messages, 1);
	fixture_wait_empty(f);
}

static void words_of_who_stops_it_are_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct buf words;

	buf_init(&words, 4 * SENDING_WORDS_MAX);
	for (int i = 0; i < SENDING_WORDS_MAX; i++)
		buf_add_str(&words, "\xf0\x9f\x90\x8c");
	fixture_start(f);
	assert_int_equal(sending_stop(f->queue, f->bob, buf_span(&words), NULL), ERR_OK);
	for (int round = 0; round < 2; round++) {
		assert_true(span_equals(state_of(f).detail, buf_span(&words)));
		fixture_restart(f);
	}
	buf_clear(&words);
}

static void an_account_that_is_gone_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct sending_state *list;
	size_t count;

	fixture_start(f);
	assert_int_equal(send_to(f, names(f, "a", 0, 2), 2), ERR_OK);
	assert_int_equal(sending_stop(f->queue, f->bob, SPAN(""), NULL), ERR_OK);
	sending_forget(f->queue, f->bob);
	assert_int_equal(state_of(f).day, 0);
	assert_false(is_stopped(f));
	fixture_restart(f);
	assert_int_equal(sending_list(f->queue, 0, 10, false, &f->arena, &list, &count), ERR_OK);
	assert_int_equal(count, 0);
}

static size_t accounts_on_disk(struct fixture *f)
{
	struct db *db;
	uint64_t ids[4];
	size_t count;

	assert_int_equal(db_open(f->path, &db_schema_queue, DB_READ, &db, NULL), ERR_OK);
	assert_int_equal(db_sent_accounts(db, 0, 0, false, 4, ids, &count), ERR_OK);
	db_close(&db);
	return count;
}

static void an_account_that_the_directory_lost_is_forgotten_without_a_call(void **state)
{
	struct fixture *f = *state;
	struct sending_state s;

	assert_int_equal(send_to(f, names(f, "a", 0, 2), 2), ERR_OK);
	assert_int_equal(directory_account_remove(f->directory, f->bob, NULL), ERR_OK);
	assert_int_equal(sending_find(f->queue, f->bob, &f->arena, &s), ERR_NOT_FOUND);
	assert_int_equal(accounts_on_disk(f), 1);
	fixture_restart(f);
	WAIT_UNTIL(accounts_on_disk(f) == 0);
}

static void what_is_old_is_forgotten(void **state)
{
	struct fixture *f = *state;

	set(f, SETTING_SENDING_NEW_PER_DAY, "2");
	assert_int_equal(send_to(f, names(f, "a", 0, 2), 2), ERR_OK);
	fixture_advance(f, MINUTES(30 * 60));
	assert_int_equal(state_of(f).day, 0);
	assert_int_equal(check(f, names(f, "a", 0, 2), 2, NULL), SENDING_OK);
	assert_int_equal(send_to(f, names(f, "b", 0, 2), 2), ERR_OK);
	assert_int_equal(check(f, names(f, "a", 0, 2), 2, NULL), SENDING_OK);
	/* A clock that is set back does not make the counts eternal. */
	clock_fake_set_real_ms(clock_real_ms() - MINUTES(10 * 24 * 60));
	assert_int_equal(state_of(f).hour, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(recipients_outside_are_counted_over_a_restart),
		TEST(what_a_sender_forwards_to_itself_counts),
		TEST(an_hour_has_its_limit_and_ends),
		TEST(a_day_has_its_limit),
		TEST(only_strangers_count_among_the_new),
		TEST(sessions_at_once_get_no_more_than_one_after_the_other),
		TEST(a_rush_of_strangers_stops_the_account_and_holds_its_mail),
		TEST(what_was_released_is_the_accounts_past),
		TEST(failures_of_released_mail_are_not_held_against_it),
		TEST(purged_mail_is_gone_without_a_word),
		TEST(dead_addresses_stop_the_account),
		TEST(failures_before_anybody_asks_are_judged_when_somebody_does),
		TEST(late_failures_are_of_the_hour_of_their_message),
		TEST(a_first_newsletter_passes),
		TEST(the_breaker_can_be_off),
		TEST(a_stop_by_hand_holds_until_it_is_ended),
		TEST(words_of_who_stops_it_are_kept_whole),
		TEST(an_account_that_is_gone_is_forgotten),
		TEST(an_account_that_the_directory_lost_is_forgotten_without_a_call),
		TEST(what_is_old_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
