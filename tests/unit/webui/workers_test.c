/* Jobs are run once each, the queue has an end, no caller takes all threads, and a stop runs what waits. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "webui/workers.h"

#define JOBS (WORKERS_QUEUE_MAX + 50)

struct counted {
	struct job job;
	_Atomic unsigned runs;
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct counted jobs[JOBS];

static void count(struct job *job)
{
	struct counted *c = (struct counted *)job;

	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	c->runs++;
}

static void a_full_queue_refuses_and_the_rest_runs_once(void **state)
{
	struct workers *w = NULL;
	unsigned taken = 0;

	(void)state;
	assert_int_equal(workers_start(4, &w), ERR_OK);
	pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].job.run = count;
		if (workers_add(w, &jobs[i].job) != ERR_OK)
			break;
		taken++;
	}
	assert_true(taken >= WORKERS_QUEUE_MAX && taken <= WORKERS_QUEUE_MAX + 4);
	pthread_mutex_unlock(&gate);
	workers_free(&w);
	assert_null(w);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].runs, i < taken ? 1 : 0);
}

static void stopping_nothing_is_allowed(void **state)
{
	struct workers *w = NULL;

	(void)state;
	workers_free(&w);
	assert_int_equal(workers_start(1, &w), ERR_OK);
	workers_stop(w);
	assert_int_equal(workers_add(w, &jobs[0].job), ERR_LIMIT);
	workers_free(&w);
	assert_null(w);
}

/* ---- fairness ---- */

static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER; /* guards inside and most */
static pthread_cond_t door_moved = PTHREAD_COND_INITIALIZER;
static unsigned inside, most;
static bool released;

static void stay_inside(struct job *job)
{
	(void)job;
	pthread_mutex_lock(&door);
	inside++;
	most = inside > most ? inside : most;
	pthread_cond_broadcast(&door_moved);
	while (!released)
		pthread_cond_wait(&door_moved, &door);
	inside--;
	pthread_mutex_unlock(&door);
}

static void say_done(struct job *job)
{
	struct counted *c = (struct counted *)job;

	pthread_mutex_lock(&door);
	c->runs++;
	pthread_cond_broadcast(&door_moved);
	pthread_mutex_unlock(&door);
}

static void one_caller_holds_half_of_the_threads_at_most(void **state)
{
	static struct counted slow[10], quick[10];
	struct workers *w = NULL;

	(void)state;
	assert_int_equal(workers_start(4, &w), ERR_OK);
	for (int i = 0; i < 10; i++) {
		slow[i].job = (struct job){ .run = stay_inside, .key = 1 };
		assert_int_equal(workers_add(w, &slow[i].job), ERR_OK);
	}
	for (int i = 0; i < 10; i++) {
		quick[i].job = (struct job){ .run = say_done, .key = 2 };
		assert_int_equal(workers_add(w, &quick[i].job), ERR_OK);
	}
	pthread_mutex_lock(&door);
	for (int i = 0; i < 10; i++) /* while the slow ones are inside */
		while (quick[i].runs == 0)
			pthread_cond_wait(&door_moved, &door);
	assert_true(inside <= 2);
	released = true;
	pthread_cond_broadcast(&door_moved);
	pthread_mutex_unlock(&door);
	workers_free(&w);
	assert_true(most <= 2);
}

/* ---- jobs that come back ---- */

static struct workers *away_from;

static void *bring_back(void *arg)
{
	workers_return(away_from, arg);
	return NULL;
}

static bool has_left; /* guarded by door */

static void leave(struct job *job)
{
	workers_leave(away_from);
	job->run = count;
	pthread_mutex_lock(&door);
	has_left = true;
	pthread_cond_broadcast(&door_moved);
	pthread_mutex_unlock(&door);
}

static void a_job_that_is_away_comes_back_whatever_happens(void **state)
{
	static struct counted away;
	pthread_t other;

	(void)state;
	away.job = (struct job){ .run = leave };
	assert_int_equal(workers_start(2, &away_from), ERR_OK);
	assert_int_equal(workers_add(away_from, &away.job), ERR_OK);
	pthread_mutex_lock(&door);
	while (!has_left)
		pthread_cond_wait(&door_moved, &door);
	pthread_mutex_unlock(&door);
	pthread_mutex_lock(&gate);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].runs = 0;
		jobs[i].job = (struct job){ .run = count };
		if (workers_add(away_from, &jobs[i].job) != ERR_OK)
			break;
	}
	pthread_mutex_unlock(&gate);
	assert_int_equal(pthread_create(&other, NULL, bring_back, &away.job), 0);
	workers_free(&away_from); /* waits for it */
	pthread_join(other, NULL);
	assert_int_equal(away.runs, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_refuses_and_the_rest_runs_once),
		cmocka_unit_test(stopping_nothing_is_allowed),
		cmocka_unit_test(one_caller_holds_half_of_the_threads_at_most),
		cmocka_unit_test(a_job_that_is_away_comes_back_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
