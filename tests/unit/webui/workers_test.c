/* Jobs are run once each, the queue has an end, and a stop runs what waits. */
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
	workers_stop(&w);
	assert_null(w);
	for (unsigned i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].runs, i < taken ? 1 : 0);
}

static void stopping_nothing_is_allowed(void **state)
{
	struct workers *w = NULL;

	(void)state;
	workers_stop(&w);
	assert_int_equal(workers_start(1, &w), ERR_OK);
	workers_stop(&w);
	assert_null(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_refuses_and_the_rest_runs_once),
		cmocka_unit_test(stopping_nothing_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
