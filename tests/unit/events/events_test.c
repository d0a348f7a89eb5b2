/* Events come in order, once, with numbers that go on; who comes back finds what was missed or is told that it is lost. */
#include "tests/unit/events/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

static void raise_one(struct events *e, const char *subject)
{
	struct event event = { .type = EVENT_USER_CHANGED, .subject = span_str(subject), .domain = SPAN("example.test"), .fields = { { "verb", SPAN("create") } }, .field_count = 1 };

	events_raise(e, &event);
}

struct seen {
	uint64_t first, last;
	size_t count;
	char subject[64];
	bool whole;
};

static bool take(void *arg, const struct event *event)
{
	struct seen *s = arg;

	if (!s->count++)
		s->first = event->id;
	s->whole &= s->count == 1 || event->id == s->last + 1;
	s->last = event->id;
	(void)snprintf(s->subject, sizeof(s->subject), "%.*s", (int)event->subject.len, event->subject.ptr);
	s->whole &= event->field_count == 1 && strcmp(event->fields[0].name, "verb") == 0 && event->fields[0].value.len == 6;
	return true;
}

static struct seen read_after(struct events *e, uint64_t after, bool *lost)
{
	struct seen s = { .whole = true };

	assert_int_equal(events_read(e, after, 1000000, take, &s, lost), ERR_OK);
	assert_true(s.whole || *lost);
	return s;
}

static void events_come_in_order(void **state)
{
	struct place *p = *state;
	uint64_t before = events_last_id(p->events);
	struct seen s;
	bool lost;

	raise_one(p->events, "a@example.test");
	raise_one(p->events, "b@example.test");
	s = read_after(p->events, before, &lost);
	assert_false(lost);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.first, before + 1);
	assert_string_equal(s.subject, "b@example.test");
	s = read_after(p->events, s.last, &lost);
	assert_int_equal(s.count, 0);
	assert_false(lost);
}

static void numbers_go_on_by_one_after_an_orderly_end(void **state)
{
	struct place *p = *state;
	struct seen s;
	uint64_t last;
	bool lost;

	raise_one(p->events, "a@example.test");
	last = events_last_id(p->events);
	place_close(p);
	place_open(p);
	assert_int_equal(events_last_id(p->events), last);
	raise_one(p->events, "b@example.test");
	s = read_after(p->events, last - 1, &lost);
	assert_int_equal(s.count, 2);
	assert_int_equal(s.last, last + 1);
	assert_false(lost);
}

/* A process that dies without a word. */
static void a_crash_never_gives_a_number_again(void **state)
{
	struct place *p = *state;
	int pipes[2];
	uint64_t last = 0;
	struct seen s;
	bool lost;
	pid_t child;

	place_close(p);
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		place_open(p);
		for (int i = 0; i < 100; i++)
			raise_one(p->events, "a@example.test");
		last = events_last_id(p->events);
		_exit(write(pipes[1], &last, sizeof(last)) == sizeof(last) ? 0 : 1);
	}
	assert_int_equal(read(pipes[0], &last, sizeof(last)), sizeof(last));
	assert_int_equal(waitpid(child, NULL, 0), child);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	place_open(p);
	assert_true(events_last_id(p->events) >= last);
	raise_one(p->events, "b@example.test");
	s = read_after(p->events, last, &lost);
	assert_int_equal(s.count, 1);
	assert_true(s.first > last);
	assert_true(lost);
}

static void the_disk_has_what_memory_has_not(void **state)
{
	struct place *p = *state;
	char subject[2000];
	uint64_t before = events_last_id(p->events);
	struct seen s;
	bool lost;

	memset(subject, 'x', sizeof(subject) - 1);
	subject[sizeof(subject) - 1] = '\0';
	/* 10 MiB: memory keeps 4. In steps, so that the disk keeps up. */
	for (int step = 0; step < 5; step++) {
		for (int i = 0; i < 1000; i++)
			raise_one(p->events, subject);
		place_close(p);
		place_open(p);
	}
	for (int i = 0; i < 1000; i++)
		raise_one(p->events, subject);
	s = read_after(p->events, before, &lost);
	assert_int_equal(s.count, 6000);
	assert_true(s.whole);
	assert_false(lost);
}

static void a_number_of_somebody_else_is_told_as_lost(void **state)
{
	struct place *p = *state;
	struct seen s;
	bool lost;

	raise_one(p->events, "a@example.test");
	s = read_after(p->events, events_last_id(p->events) + 1000, &lost);
	assert_int_equal(s.count, 0);
	assert_true(lost);
}

static void old_events_go_with_their_hours(void **state)
{
	struct place *p = *state;
	uint64_t before = events_last_id(p->events);
	struct seen s;
	bool lost;

	raise_one(p->events, "old@example.test");
	raise_one(p->events, "old@example.test");
	place_close(p);
	place_open(p);
	clock_fake_advance_ms(1000LL * 3600000);
	raise_one(p->events, "new@example.test");
	place_close(p);
	place_open(p);
	s = read_after(p->events, before + 1, &lost);
	assert_int_equal(s.count, 1);
	assert_string_equal(s.subject, "new@example.test");
	assert_true(lost);
}

static void long_values_are_cut_at_a_character(void **state)
{
	struct place *p = *state;
	static char text[5000];
	struct event event = { .type = EVENT_MESSAGE_REJECTED, .subject = SPAN("s"), .fields = { { "reply", { text, sizeof(text) } }, { "more", SPAN("none of it") } }, .field_count = 2 };
	struct seen s = { 0 };
	bool lost;

	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	events_raise(p->events, &event);
	assert_int_equal(events_read(p->events, events_last_id(p->events) - 1, 1, take, &s, &lost), ERR_OK);
	assert_int_equal(s.count, 1);
}

static void count_news(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void watchers_hear_of_many_events_at_once(void **state)
{
	struct place *p = *state;
	struct events_watch *w = NULL;
	atomic_int news = 0;

	assert_int_equal(events_watch(p->events, count_news, &news, &w), ERR_OK);
	for (int i = 0; i < 10000; i++)
		raise_one(p->events, "a@example.test");
	WAIT_UNTIL(atomic_load(&news) > 0);
	assert_true(atomic_load(&news) <= 5);
	raise_one(p->events, "a@example.test");
	WAIT_UNTIL(atomic_load(&news) > 1);
	events_unwatch(p->events, &w);
	assert_null(w);
}

static void *raise_many(void *arg)
{
	for (int i = 0; i < 8000; i++)
		raise_one(arg, "a@example.test");
	return NULL;
}

struct following {
	struct events *e;
	uint64_t at;
	atomic_size_t seen;
};

static bool follow_one(void *arg, const struct event *event)
{
	struct following *f = arg;

	if (event->id != f->at + 1)
		return false;
	f->at = event->id;
	atomic_fetch_add(&f->seen, 1);
	return true;
}

static void a_follower_misses_nothing_while_many_raise(void **state)
{
	struct place *p = *state;
	struct following f = { .e = p->events, .at = events_last_id(p->events) };
	pthread_t threads[3];
	bool lost = false;

	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, raise_many, p->events), 0);
	WAIT_UNTIL((assert_int_equal(events_read(p->events, f.at, 5000, follow_one, &f, &lost), ERR_OK), lost || atomic_load(&f.seen) == 24000));
	assert_false(lost);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void without_a_trace_memory_serves(void **state)
{
	struct place *p = *state;
	struct events_config config = { .directory = p->directory };
	struct events *e = NULL;
	bool lost;

	assert_int_equal(events_new(&config, &e, NULL), ERR_OK);
	raise_one(e, "a@example.test");
	assert_int_equal(read_after(e, 0, &lost).count, 1);
	events_free(&e);
	events_raise(NULL, &(struct event){ .type = EVENT_DAEMON_STARTED });
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		TEST(events_come_in_order),
		TEST(numbers_go_on_by_one_after_an_orderly_end),
		TEST(a_crash_never_gives_a_number_again),
		TEST(the_disk_has_what_memory_has_not),
		TEST(a_number_of_somebody_else_is_told_as_lost),
		TEST(old_events_go_with_their_hours),
		TEST(long_values_are_cut_at_a_character),
		TEST(watchers_hear_of_many_events_at_once),
		TEST(a_follower_misses_nothing_while_many_raise),
		TEST(without_a_trace_memory_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
