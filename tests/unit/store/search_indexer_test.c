/* tests/unit/store/search_indexer_test.c: the thread that keeps search.db up with the mail. */
#include "tests/unit/store/search_world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/rng.h"

#define BOTH (SEARCH_IN_HEADER | SEARCH_IN_BODY)
#define PATIENCE_MS 30000

static void begin_indexing(struct world *w)
{
	w->f->search_index = true;
	fixture_restart(w->f);
}

static enum search_verdict verdict(struct world *w, struct span key, uint64_t content)
{
	struct search_hits *h = NULL;
	enum search_verdict v = SEARCH_NOT_INDEXED;
	enum err e = world_find(w, key, BOTH, &h);

	if (!e) {
		v = search_verdict_of(h, content);
		search_find_end(&h);
	}
	return v;
}

static void wait_until_indexed(struct world *w, uint64_t content)
{
	const int64_t until_ms = clock_mono_ms() + PATIENCE_MS;

	while (verdict(w, SPAN("example"), content) == SEARCH_NOT_INDEXED) {
		assert_true(clock_mono_ms() < until_ms);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 100000000 }, NULL);
	}
}

static void wait_until_idle(struct world *w)
{
	const int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	struct store_search_stats stats;

	for (;;) {
		store_search_stats(w->f->store, &stats);
		if (!stats.waiting)
			return;
		assert_true(clock_mono_ms() < until_ms);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

static void add_backlog(struct world *w, unsigned count)
{
	struct buf text;

	buf_init(&text, 1u << 20);
	for (unsigned i = 0; i < count; i++) {
		buf_reset(&text);
		for (unsigned k = 0; k < 2000; k++)
			buf_addf(&text, "w%llx ", (unsigned long long)(i * 1000 + k));
		(void)world_add_text(w, SPAN("s"), buf_span(&text));
	}
	buf_clear(&text);
}

static void mail_that_comes_is_indexed_by_itself(void **state)
{
	struct world *w = *state;
	struct new_delivery d = { .message = fixture_message("", 0) };
	uint64_t content;
	enum err result;

	begin_indexing(w);
	content = world_add_text(w, SPAN("one"), SPAN("needle"));
	wait_until_indexed(w, content);
	assert_int_equal(verdict(w, SPAN("needle"), content), SEARCH_HAS);
	assert_int_equal(verdict(w, SPAN("noodle"), content), SEARCH_HAS_NOT);
	assert_int_equal(message_deliver(w->f->m, &d, 1, &result), ERR_OK);
	assert_int_equal(result, ERR_OK);
	wait_until_indexed(w, content + 1);
	wait_until_idle(w);
}

static void an_account_that_is_behind_is_found_by_its_first_search(void **state)
{
	struct world *w = *state;
	const uint64_t content = world_add_text(w, SPAN("one"), SPAN("needle"));
	struct store_search_stats stats;

	begin_indexing(w);
	store_search_stats(w->f->store, &stats);
	assert_int_equal(stats.waiting, 0);
	assert_int_equal(verdict(w, SPAN("needle"), content), SEARCH_NOT_INDEXED);
	wait_until_indexed(w, content);
	assert_int_equal(verdict(w, SPAN("needle"), content), SEARCH_HAS);
}

static void an_account_is_erased_while_it_is_indexed(void **state)
{
	struct world *w = *state;
	const int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	struct store_search_stats stats = { .waiting = 0 };
	char path[256];
	enum err e;

	add_backlog(w, 600);
	begin_indexing(w);
	assert_int_equal(verdict(w, SPAN("example"), 1), SEARCH_NOT_INDEXED);
	(void)snprintf(path, sizeof(path), "%s/1/search.db", w->f->accounts);
	while (access(path, F_OK) != 0) {
		assert_true(clock_mono_ms() < until_ms);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	store_close(&w->f->m);
	do
		e = store_erase(w->f->store, 1, NULL);
	while (e == ERR_STATE && clock_mono_ms() < until_ms);
	assert_int_equal(e, ERR_OK);
	assert_int_not_equal(access(path, F_OK), 0);
	store_search_stats(w->f->store, &stats);
	assert_true(stats.waiting <= 1);
}

static void a_stop_does_not_wait_for_the_batch(void **state)
{
	struct world *w = *state;
	int64_t from_ms;

	add_backlog(w, 300);
	for (unsigned round = 0; round < 3; round++) {
		begin_indexing(w);
		(void)verdict(w, SPAN("example"), 1);
		(void)nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 260000000 + (long)rng_below(200000000) }, NULL);
		from_ms = clock_mono_ms();
		store_close(&w->f->m);
		store_free(&w->f->store);
		assert_true(clock_mono_ms() - from_ms < 2000);
		fixture_reopen(w->f);
	}
	(void)verdict(w, SPAN("example"), 1);
	wait_until_indexed(w, w->count);
	for (uint64_t c = 1; c <= w->count; c += 13)
		assert_int_equal(verdict(w, SPAN("W2710"), c), world_has(w, SPAN("W2710"), BOTH, c) ? SEARCH_HAS : SEARCH_HAS_NOT);
}

/* ---- everybody at once ---- */

struct crowd {
	struct world *w;
	atomic_bool done;
};

static void *search_always(void *arg)
{
	struct crowd *crowd = arg;

	while (!atomic_load(&crowd->done)) {
		struct search_hits *h;
		bool done = false;

		if (search_find_begin(crowd->w->f->m, SPAN("EXAMPLE"), BOTH, &h)) {
			(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
			continue;
		}
		while (!done) {
			if (search_find_more(h, clock_mono_us() + 100, &done))
				abort();
		}
		/* Each has it: what is indexed says so. */
		for (uint64_t c = 1; c <= 120; c++) {
			if (search_verdict_of(h, c) == SEARCH_HAS_NOT)
				abort();
		}
		search_find_end(&h);
	}
	return NULL;
}

static void *tend_always(void *arg)
{
	struct crowd *crowd = arg;

	while (!atomic_load(&crowd->done)) {
		struct store_search_stats stats;
		struct mailstore *m;

		store_search_stats(crowd->w->f->store, &stats);
		if (store_open(crowd->w->f->store, 2 + rng_below(6), &m, NULL))
			abort();
		store_close(&m);
		(void)store_tend(crowd->w->f->store);
		(void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return NULL;
}

static void searches_arrivals_and_the_indexer_run_together(void **state)
{
	struct world *w = *state;
	struct crowd crowd = { .w = w };
	pthread_t threads[3];

	begin_indexing(w);
	assert_int_equal(pthread_create(&threads[0], NULL, search_always, &crowd), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, search_always, &crowd), 0);
	assert_int_equal(pthread_create(&threads[2], NULL, tend_always, &crowd), 0);
	for (unsigned i = 0; i < 2; i++) {
		add_backlog(w, 60);
		wait_until_indexed(w, w->count);
	}
	atomic_store(&crowd.done, true);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
#define ON_A_STORE(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		ON_A_STORE(mail_that_comes_is_indexed_by_itself),
		ON_A_STORE(an_account_that_is_behind_is_found_by_its_first_search),
		ON_A_STORE(an_account_is_erased_while_it_is_indexed),
		ON_A_STORE(a_stop_does_not_wait_for_the_batch),
		ON_A_STORE(searches_arrivals_and_the_indexer_run_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
