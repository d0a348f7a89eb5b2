/* Group commit: who is told what when members or commits fail, with and without a thread of its own; the WAL under load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/checkpointer.h"
#include "db/group.h"
#include "db/stmt.h"

static const char *const texts[] = { "CREATE TABLE thing (name INTEGER PRIMARY KEY, data BLOB) STRICT;" };
static const struct db_schema full = { "full", DB_FULL, texts, 1 }, normal = { "normal", DB_NORMAL, texts, 1 };

struct place {
	char dir[64], path[96], wal[112];
};

static int make_place(void **state)
{
	static struct place p;

	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-group-XXXXXX");
	if (!mkdtemp(p.dir) || db_init())
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/x.db", p.dir);
	(void)snprintf(p.wal, sizeof(p.wal), "%s-wal", p.path);
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	char shm[112];

	(void)snprintf(shm, sizeof(shm), "%s-shm", p->path);
	(void)unlink(p->path);
	(void)unlink(p->wal);
	(void)unlink(shm);
	return rmdir(p->dir);
}

static struct db_group *group_at(const struct place *p, const struct db_schema *schema, bool own_thread)
{
	struct db *db;
	struct db_group *g;

	assert_int_equal(db_open(p->path, schema, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_group_new(&db, own_thread, &g), ERR_OK);
	assert_null(db);
	return g;
}

static int64_t rows(const struct place *p)
{
	static const char sql[] = "SELECT count(*) FROM thing";
	struct db *db;
	struct sqlite3_stmt *s;
	int64_t n;

	assert_int_equal(db_open(p->path, &full, DB_READ, &db, NULL), ERR_OK);
	s = db_stmt(db, sql);
	assert_int_equal(stmt_row(db, s), ERR_OK);
	n = stmt_get_int(s, 0);
	db_close(&db);
	return n;
}

enum deed { ADD,
	    ADD_AND_FAIL,
	    LOSE_TRANSACTION,
	    LOSE_AND_SAY_OK,
	    WAIT_FOR_COMPANY };

struct job {
	struct db_member member;
	enum deed deed;
	int64_t name;
	struct gate *gate;
	enum err told;
	int times;
};

/* Lets the first member hold the committer until the others wait behind it; counts who was told. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool inside, open;
	int told;
};

static void gate_init(struct gate *g)
{
	*g = (struct gate){ .inside = false };
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->moved, NULL);
}

static void gate_set(struct gate *g, bool *flag)
{
	pthread_mutex_lock(&g->lock);
	*flag = true;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

static void gate_await(struct gate *g, const bool *flag)
{
	pthread_mutex_lock(&g->lock);
	while (!*flag)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void gate_await_told(struct gate *g, int count)
{
	pthread_mutex_lock(&g->lock);
	while (g->told < count)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static enum err insert(struct db *db, int64_t name)
{
	static const char sql[] = "INSERT INTO thing VALUES (?1, zeroblob(100))";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, name);
	return stmt_run(db, s);
}

static enum err job_run(struct db *db, void *arg)
{
	struct job *j = arg;
	enum err e = insert(db, j->name);

	switch (j->deed) {
	case ADD: return e;
	case ADD_AND_FAIL: return ERR_LIMIT;
	case LOSE_TRANSACTION: return db_run_script(db, "ROLLBACK", NULL) ? ERR_CORRUPT : ERR_TEMP;
	case LOSE_AND_SAY_OK: return db_run_script(db, "ROLLBACK", NULL);
	case WAIT_FOR_COMPANY:
		gate_set(j->gate, &j->gate->inside);
		gate_await(j->gate, &j->gate->open);
		return e;
	}
	return ERR_CORRUPT;
}

static void job_done(void *arg, enum err result)
{
	struct job *j = arg;

	pthread_mutex_lock(&j->gate->lock);
	j->told = result;
	j->times++;
	j->gate->told++;
	pthread_cond_broadcast(&j->gate->moved);
	pthread_mutex_unlock(&j->gate->lock);
}

static void job_init(struct job *j, enum deed deed, int64_t name, struct gate *gate)
{
	*j = (struct job){ .deed = deed, .name = name, .gate = gate, .told = ERR_STATE };
	j->member = (struct db_member){ .run = job_run, .done = job_done, .arg = j };
}

/* The jobs in one batch, behind a first one that waits. */
static void run_together(struct db_group *g, struct gate *gate, struct job *jobs, int count)
{
	struct job first;

	job_init(&first, WAIT_FOR_COMPANY, 1000000, gate);
	db_group_submit(g, &first.member);
	gate_await(gate, &gate->inside);
	for (int i = 0; i < count; i++)
		db_group_submit(g, &jobs[i].member);
	gate_set(gate, &gate->open);
	gate_await_told(gate, count + 1);
	assert_int_equal(first.told, ERR_OK);
}

static void members_of_a_batch_share_one_commit(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &full, true);
	struct gate gate;
	struct job jobs[20];

	gate_init(&gate);
	for (int i = 0; i < 20; i++)
		job_init(&jobs[i], ADD, i, &gate);
	run_together(g, &gate, jobs, 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(jobs[i].told, ERR_OK);
	assert_int_equal(db_group_stats(g).commits, 2);
	assert_int_equal(db_group_stats(g).members, 21);
	db_group_free(&g);
	assert_null(g);
	assert_int_equal(rows(p), 21);
}

static void heavy_members_are_split_into_batches(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &full, true);
	struct gate gate;
	struct job jobs[3];

	gate_init(&gate);
	for (int i = 0; i < 3; i++) {
		job_init(&jobs[i], ADD, i, &gate);
		jobs[i].member.weight_bytes = i == 1 ? SIZE_MAX : DB_GROUP_MAX_BYTES / 2;
	}
	run_together(g, &gate, jobs, 3);
	assert_int_equal(db_group_stats(g).commits, 4);
	db_group_free(&g);
	assert_int_equal(rows(p), 4);
}

static void failing_member_rolls_back_alone(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &full, true);
	struct gate gate;
	struct job jobs[4];

	gate_init(&gate);
	job_init(&jobs[0], ADD, 1, &gate);
	job_init(&jobs[1], ADD_AND_FAIL, 2, &gate);
	job_init(&jobs[2], ADD, 1, &gate);
	job_init(&jobs[3], ADD, 3, &gate);
	run_together(g, &gate, jobs, 4);
	assert_int_equal(jobs[0].told, ERR_OK);
	assert_int_equal(jobs[1].told, ERR_LIMIT);
	assert_int_equal(jobs[2].told, ERR_EXISTS);
	assert_int_equal(jobs[3].told, ERR_OK);
	db_group_free(&g);
	assert_int_equal(rows(p), 3);
}

static void lone_failing_member_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &full, false);
	struct gate gate;
	struct job j;

	gate_init(&gate);
	job_init(&j, ADD_AND_FAIL, 2, &gate);
	assert_int_equal(db_group_run(g, job_run, &j, 0), ERR_LIMIT);
	j.deed = LOSE_AND_SAY_OK;
	assert_int_equal(db_group_run(g, job_run, &j, 0), ERR_TEMP);
	j.deed = ADD;
	assert_int_equal(db_group_run(g, job_run, &j, 0), ERR_OK);
	db_group_free(&g);
	assert_int_equal(rows(p), 1);
}

static void lose_in_the_middle(const struct place *p, enum deed deed)
{
	struct db_group *g = group_at(p, &full, true);
	struct gate gate;
	struct job jobs[3];

	gate_init(&gate);
	job_init(&jobs[0], ADD, 1, &gate);
	job_init(&jobs[1], deed, 2, &gate);
	job_init(&jobs[2], ADD, 3, &gate);
	run_together(g, &gate, jobs, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(jobs[i].told, ERR_TEMP);
	db_group_free(&g);
	assert_int_equal(rows(p), 1);
}

static void lost_transaction_acknowledges_nobody(void **state)
{
	lose_in_the_middle(*state, LOSE_TRANSACTION);
}

static void lost_transaction_that_a_member_hid_acknowledges_nobody(void **state)
{
	lose_in_the_middle(*state, LOSE_AND_SAY_OK);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void failed_commit_fails_all_and_the_group_recovers(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &full, true);
	struct gate gate;
	struct job jobs[3];
	struct stat st;

	(void)signal(SIGXFSZ, SIG_IGN);
	gate_init(&gate);
	job_init(&jobs[0], ADD, 1, &gate);
	assert_int_equal(db_group_run(g, job_run, &jobs[0], 0), ERR_OK);
	assert_int_equal(stat(p->wal, &st), 0);
	limit_files((rlim_t)st.st_size);
	for (int i = 0; i < 3; i++) {
		job_init(&jobs[i], ADD, 10 + i, &gate);
		db_group_submit(g, &jobs[i].member);
	}
	gate_await_told(&gate, 3);
	limit_files(RLIM_INFINITY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(jobs[i].told, ERR_TEMP);
	assert_int_equal(rows(p), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(db_group_run(g, job_run, &jobs[i], 0), ERR_OK);
	db_group_free(&g);
	assert_int_equal(rows(p), 4);
}

static void statement_on_a_full_file_is_temporary(void **state)
{
	static const char fill[] = "INSERT INTO thing VALUES (77, zeroblob(100000))";
	struct place *p = *state;
	struct db *db;
	struct db_group *g;
	struct gate gate;
	struct job j;

	assert_int_equal(db_open(p->path, &full, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_run_script(db, "PRAGMA max_page_count=8", NULL), ERR_OK);
	assert_int_equal(db_run_script(db, fill, NULL), ERR_TEMP);
	assert_int_equal(db_group_new(&db, false, &g), ERR_OK);
	gate_init(&gate);
	job_init(&j, ADD, 1, &gate);
	db_group_submit(g, &j.member);
	assert_int_equal(j.told, ERR_OK);
	assert_int_equal(j.times, 1);
	db_group_free(&g);
	assert_int_equal(rows(p), 1);
}

static enum err steal(struct db *db, void *arg)
{
	*(struct db **)arg = db;
	return ERR_OK;
}

static void handle_that_cannot_begin_is_opened_again(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &full, false);
	struct db *stuck;
	struct gate gate;
	struct job j;

	gate_init(&gate);
	job_init(&j, ADD, 1, &gate);
	assert_int_equal(db_group_run(g, steal, &stuck, 0), ERR_OK);
	assert_int_equal(db_begin(stuck), ERR_OK);
	assert_int_equal(db_group_run(g, job_run, &j, 0), ERR_OK);
	db_group_free(&g);
	assert_int_equal(rows(p), 1);
}

struct crowd {
	struct db_group *group;
	struct gate *gate;
	int64_t from;
	int failed;
};

static void *hurry(void *arg)
{
	struct crowd *c = arg;
	struct job jobs[40];

	for (int i = 0; i < 40; i++) {
		job_init(&jobs[i], i % 10 == 9 ? ADD_AND_FAIL : ADD, c->from + i, c->gate);
		if (i % 4 == 3)
			c->failed += db_group_run(c->group, job_run, &jobs[i], 10) == ERR_LIMIT;
	}
	for (int i = 0; i < 40; i++) {
		if (i % 4 != 3)
			db_group_submit(c->group, &jobs[i].member);
	}
	gate_await_told(c->gate, 8 * 30);
	for (int i = 0; i < 40; i++) {
		if (i % 4 != 3)
			c->failed += jobs[i].told == ERR_LIMIT;
	}
	return NULL;
}

static void crowd_of_threads(const struct place *p, bool own_thread)
{
	struct db_group *g = group_at(p, &normal, own_thread);
	pthread_t threads[8];
	struct crowd crowds[8];
	struct gate gate;

	gate_init(&gate);
	for (int i = 0; i < 8; i++) {
		crowds[i] = (struct crowd){ g, &gate, i * 100, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, hurry, &crowds[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(crowds[i].failed, 4);
	}
	assert_int_equal(db_group_stats(g).members, 320);
	db_group_free(&g);
	assert_int_equal(rows(p), 8 * 36);
}

static void every_thread_of_a_crowd_is_told_once(void **state)
{
	crowd_of_threads(*state, true);
}

static void a_crowd_without_a_committer_leads_itself(void **state)
{
	crowd_of_threads(*state, false);
}

static void wal_stays_small_under_continuous_load(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &normal, true);
	struct checkpointer *c;
	struct gate gate;
	struct job j;
	struct stat st;
	off_t largest = 0;

	assert_int_equal(checkpointer_new(&c), ERR_OK);
	gate_init(&gate);
	for (int64_t i = 0; i < 20000; i++) {
		job_init(&j, ADD, i * 7919 % 1000003, &gate);
		assert_int_equal(db_group_run(g, job_run, &j, 100), ERR_OK);
		checkpointer_touch(c, p->path, &normal, 8192);
		if (i % 500 == 0 && stat(p->wal, &st) == 0 && st.st_size > largest)
			largest = st.st_size;
	}
	checkpointer_free(&c);
	db_group_free(&g);
	assert_true(largest > 1024 * 1024);
	assert_true(largest < 64 * 1024 * 1024);
	assert_int_equal(rows(p), 20000);
}

static void reader_in_the_way_delays_the_wal_but_not_the_commits(void **state)
{
	static const char sql[] = "SELECT count(*) FROM thing";
	struct place *p = *state;
	struct db_group *g = group_at(p, &normal, false);
	struct db *reader;
	struct gate gate;
	struct job j;
	struct stat st;

	gate_init(&gate);
	assert_int_equal(db_open(p->path, &normal, DB_READ, &reader, NULL), ERR_OK);
	assert_int_equal(db_begin(reader), ERR_OK);
	assert_int_equal(stmt_row(reader, db_stmt(reader, sql)), ERR_OK);
	for (int64_t i = 0; i < 6000; i++) {
		job_init(&j, ADD, i * 7919 % 1000003, &gate);
		assert_int_equal(db_group_run(g, job_run, &j, 100), ERR_OK);
	}
	assert_int_equal(stat(p->wal, &st), 0);
	assert_true(st.st_size > 17 * 1024 * 1024);
	db_close(&reader);
	for (int64_t i = 6000; i < 9000; i++) {
		job_init(&j, ADD, i * 7919 % 1000003, &gate);
		assert_int_equal(db_group_run(g, job_run, &j, 100), ERR_OK);
	}
	assert_int_equal(stat(p->wal, &st), 0);
	assert_true(st.st_size < 17 * 1024 * 1024);
	db_group_free(&g);
}

static void checkpointer_copies_what_was_written_into_the_file(void **state)
{
	static const char sql[] = "INSERT INTO thing VALUES (1, zeroblob(500000))";
	struct place *p = *state;
	struct checkpointer *c;
	struct db *db;
	struct stat st;

	assert_int_equal(checkpointer_new(&c), ERR_OK);
	assert_int_equal(db_open(p->path, &normal, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_run_script(db, sql, NULL), ERR_OK);
	assert_int_equal(stat(p->path, &st), 0);
	assert_true(st.st_size < 500000);
	checkpointer_touch(c, p->path, &normal, SIZE_MAX);
	for (int i = 0; i < 5000 && st.st_size < 500000; i++) {
		assert_int_equal(usleep(1000), 0);
		assert_int_equal(stat(p->path, &st), 0);
	}
	assert_true(st.st_size >= 500000);
	checkpointer_free(&c);
	db_close(&db);
}

static void checkpointer_forgets_files_that_are_gone(void **state)
{
	struct place *p = *state;
	struct db_group *g = group_at(p, &normal, false);
	struct checkpointer *c;

	assert_int_equal(checkpointer_new(&c), ERR_OK);
	checkpointer_touch(NULL, p->path, &normal, 1);
	checkpointer_touch(c, "/nonexistent/x.db", &normal, SIZE_MAX);
	checkpointer_touch(c, p->path, &normal, SIZE_MAX);
	checkpointer_touch(c, p->path, &normal, 1);
	db_group_free(&g);
	checkpointer_free(&c);
	assert_null(c);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(members_of_a_batch_share_one_commit),
		CASE(heavy_members_are_split_into_batches),
		CASE(failing_member_rolls_back_alone),
		CASE(lone_failing_member_leaves_nothing),
		CASE(lost_transaction_acknowledges_nobody),
		CASE(lost_transaction_that_a_member_hid_acknowledges_nobody),
		CASE(failed_commit_fails_all_and_the_group_recovers),
		CASE(statement_on_a_full_file_is_temporary),
		CASE(handle_that_cannot_begin_is_opened_again),
		CASE(every_thread_of_a_crowd_is_told_once),
		CASE(a_crowd_without_a_committer_leads_itself),
		CASE(wal_stays_small_under_continuous_load),
		CASE(reader_in_the_way_delays_the_wal_but_not_the_commits),
		CASE(checkpointer_copies_what_was_written_into_the_file),
		CASE(checkpointer_forgets_files_that_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
