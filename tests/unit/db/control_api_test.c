/* What the API keeps in control.db: answers under Idempotency-Keys, jobs and their items. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/control_idempotency.h"
#include "db/control_job.h"

struct place {
	char dir[64], path[96];
	struct db *db;
};

static int make(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct note why = { "" };

	assert_non_null(p);
	snprintf(p->dir, sizeof p->dir, "/tmp/postroom-db-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof p->path, "%s/control.db", p->dir);
	assert_int_equal(db_init(), ERR_OK);
	if (db_open(p->path, &db_schema_control, DB_WRITE, &p->db, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_int_equal(db_begin(p->db), ERR_OK);
	*state = p;
	return 0;
}

static int clear(void **state)
{
	struct place *p = *state;
	char command[128];

	assert_int_equal(db_commit(p->db), ERR_OK);
	db_close(&p->db);
	snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

/* ---- answers ---- */

static void put(struct place *p, const char *key, int64_t created_ms, int64_t before_ms)
{
	const struct db_idempotency row = { span_str(key), SPAN("request"), created_ms, 201, SPAN("answer") };

	assert_int_equal(db_idempotency_put(p->db, &row, before_ms, 8), ERR_OK);
}

static void is_the_row(void *arg, const struct db_idempotency *r)
{
	*(int64_t *)arg = r->created_ms;
	assert_true(span_equals(r->request, SPAN("request")) && span_equals(r->answer, SPAN("answer")));
	assert_int_equal(r->status, 201);
}

static bool has(struct place *p, const char *key)
{
	int64_t created;
	enum err e = db_idempotency_find(p->db, span_str(key), is_the_row, &created);

	assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
	return e == ERR_OK;
}

static void an_answer_is_replaced_and_old_ones_go(void **state)
{
	struct place *p = *state;
	int64_t created = 0;

	put(p, "a", 1000, 0);
	put(p, "b", 2000, 0);
	put(p, "a", 3000, 0);
	assert_int_equal(db_idempotency_find(p->db, SPAN("a"), is_the_row, &created), ERR_OK);
	assert_int_equal(created, 3000);
	put(p, "c", 4000, 2500);
	assert_true(has(p, "a") && !has(p, "b") && has(p, "c"));
}

static void there_are_never_more_than_are_kept(void **state)
{
	struct place *p = *state;
	char key[16];

	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof key, "key-%d", i);
		put(p, key, 1000 + i, 0);
	}
	assert_int_equal(db_idempotency_trim(p->db, 30, 100), ERR_OK);
	assert_true(has(p, "key-0"));
	assert_int_equal(db_idempotency_trim(p->db, 5, 10), ERR_OK); /* so many at a time */
	assert_true(!has(p, "key-9") && has(p, "key-10"));
	assert_int_equal(db_idempotency_trim(p->db, 5, 10), ERR_OK);
	assert_true(!has(p, "key-14") && has(p, "key-15") && has(p, "key-19"));
}

/* ---- jobs ---- */

static uint64_t add_job(struct place *p, int64_t state, uint64_t account)
{
	const struct db_job job = { .operation = SPAN("users_bulk"), .actor = SPAN("alice@example.org"), .account_id = account, .state = state, .created_ms = 5, .detail = SPAN("") };
	uint64_t id;

	assert_int_equal(db_job_add(p->db, &job, &id), ERR_OK);
	return id;
}

struct seen {
	unsigned count;
	struct db_job last;
	uint64_t numbers;
};

static enum err see_job(void *arg, const struct db_job *job)
{
	struct seen *s = arg;

	s->count++;
	s->last = (struct db_job){ .id = job->id, .state = job->state, .finished_ms = job->finished_ms, .done = job->done };
	return ERR_OK;
}

static enum err see_item(void *arg, const struct db_job_item *item)
{
	struct seen *s = arg;

	s->count++;
	s->numbers = s->numbers * 10 + item->n;
	return ERR_OK;
}

static void jobs_are_listed_newest_first_and_by_filter(void **state)
{
	struct place *p = *state;
	struct db_job_filter f = { .state = -1 };
	struct seen s = { 0 };
	uint64_t first = add_job(p, 2, 7);

	add_job(p, 0, 8);
	add_job(p, 2, 8);
	assert_int_equal(db_job_each(p->db, &f, 0, 10, see_job, &s), ERR_OK);
	assert_int_equal(s.count, 3);
	assert_int_equal(s.last.id, first);
	s.count = 0;
	assert_int_equal(db_job_each(p->db, &f, first + 1, 10, see_job, &s), ERR_OK);
	assert_int_equal(s.count, 1);
	f = (struct db_job_filter){ .of_account = true, .account_id = 8, .state = 2 };
	s.count = 0;
	assert_int_equal(db_job_each(p->db, &f, 0, 10, see_job, &s), ERR_OK);
	assert_int_equal(s.count, 1);
	assert_int_equal(db_job_find(p->db, 999, see_job, &s), ERR_NOT_FOUND);
	assert_int_equal(db_job_update(p->db, &(struct db_job){ .id = 999, .detail = SPAN("") }), ERR_NOT_FOUND);
}

static void what_a_crash_left_open_is_ended(void **state)
{
	struct place *p = *state;
	struct seen s = { 0 };
	uint64_t done = add_job(p, 2, 0), running = add_job(p, 1, 0), waiting = add_job(p, 0, 0);

	assert_int_equal(db_job_end_open(p->db, 3, 77, SPAN("interrupted")), ERR_OK);
	assert_int_equal(db_job_find(p->db, done, see_job, &s), ERR_OK);
	assert_int_equal(s.last.state, 2);
	assert_int_equal(db_job_find(p->db, running, see_job, &s), ERR_OK);
	assert_int_equal(s.last.state, 3);
	assert_int_equal(s.last.finished_ms, 77);
	assert_int_equal(db_job_find(p->db, waiting, see_job, &s), ERR_OK);
	assert_int_equal(s.last.state, 3);
}

static void items_go_with_their_job(void **state)
{
	struct place *p = *state;
	struct seen s = { 0 };
	uint64_t first = add_job(p, 2, 0), second = add_job(p, 1, 0);

	for (uint64_t n = 1; n <= 4; n++) {
		const struct db_job_item item = { n, n % 2 ? 201 : 422, SPAN("subject"), SPAN(""), SPAN("") };

		assert_int_equal(db_job_item_add(p->db, first, &item), ERR_OK);
	}
	assert_int_equal(db_job_item_each(p->db, first, 1, 2, false, see_item, &s), ERR_OK);
	assert_int_equal(s.numbers, 23);
	s = (struct seen){ 0 };
	assert_int_equal(db_job_item_each(p->db, first, 0, 10, true, see_item, &s), ERR_OK);
	assert_int_equal(s.numbers, 24);
	assert_int_equal(db_job_trim(p->db, 1), ERR_OK);
	assert_int_equal(db_job_find(p->db, first, see_job, &s), ERR_OK); /* so many are kept */
	assert_int_equal(db_job_trim(p->db, 0), ERR_OK);
	assert_int_equal(db_job_find(p->db, first, see_job, &s), ERR_NOT_FOUND);
	s = (struct seen){ 0 };
	assert_int_equal(db_job_item_each(p->db, first, 0, 10, false, see_item, &s), ERR_OK);
	assert_int_equal(s.count, 0);
	assert_int_equal(db_job_trim(p->db, 0), ERR_OK);
	assert_int_equal(db_job_find(p->db, second, see_job, &s), ERR_OK); /* not over yet */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_answer_is_replaced_and_old_ones_go, make, clear),
		cmocka_unit_test_setup_teardown(there_are_never_more_than_are_kept, make, clear),
		cmocka_unit_test_setup_teardown(jobs_are_listed_newest_first_and_by_filter, make, clear),
		cmocka_unit_test_setup_teardown(what_a_crash_left_open_is_ended, make, clear),
		cmocka_unit_test_setup_teardown(items_go_with_their_job, make, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
