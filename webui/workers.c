/* webui/workers.c: a queue and the threads that empty it. */
#include "webui/workers.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 16

struct workers {
	pthread_mutex_t queue_lock; /* guards all but threads and started */
	pthread_cond_t queue_changed;
	struct job *first, **last;
	unsigned count;
	unsigned away; /* that will return */
	bool stopping;
	unsigned max_per_key;
	uint64_t running[THREADS_MAX]; /* keys of what the busy threads do */
	unsigned busy;
	pthread_t threads[THREADS_MAX];
	unsigned started;
};

static bool may_run(const struct workers *w, uint64_t key)
{
	unsigned same = 0;

	for (unsigned i = 0; i < w->busy; i++)
		same += w->running[i] == key;
	return same < w->max_per_key;
}

/* The oldest whose caller has a thread to spare. */
static struct job *cut_out(struct workers *w)
{
	struct job **at = &w->first, *job;

	while (*at && !may_run(w, (*at)->key))
		at = &(*at)->next;
	job = *at;
	if (!job)
		return NULL;
	*at = job->next;
	if (!job->next)
		w->last = at;
	w->count--;
	w->running[w->busy++] = job->key;
	return job;
}

static void put_in(struct workers *w, struct job *job)
{
	job->next = NULL;
	*w->last = job;
	w->last = &job->next;
	w->count++;
	pthread_cond_signal(&w->queue_changed);
}

/* Null when all is done and the end has come. */
static struct job *take(struct workers *w)
{
	struct job *job;

	pthread_mutex_lock(&w->queue_lock);
	while (!(job = cut_out(w)) && !(w->stopping && w->count == 0 && w->away == 0))
		pthread_cond_wait(&w->queue_changed, &w->queue_lock);
	pthread_mutex_unlock(&w->queue_lock);
	return job;
}

static void finish(struct workers *w, uint64_t key)
{
	unsigned at = 0;

	pthread_mutex_lock(&w->queue_lock);
	while (w->running[at] != key)
		at++;
	w->running[at] = w->running[--w->busy];
	if (w->count > 0 || w->stopping)
		pthread_cond_broadcast(&w->queue_changed); /* what waited for this caller's place, or for the end */
	pthread_mutex_unlock(&w->queue_lock);
}

static void *work(void *arg)
{
	struct workers *w = arg;
	struct job *job;

	while ((job = take(w))) {
		uint64_t key = job->key; /* the job is gone when it has run */

		job->run(job);
		finish(w, key);
	}
	return NULL;
}

enum err workers_start(unsigned threads, struct workers **out)
{
	struct workers *w = calloc(1, sizeof *w);

	if (!w)
		return ERR_TEMP;
	pthread_mutex_init(&w->queue_lock, NULL);
	pthread_cond_init(&w->queue_changed, NULL);
	w->last = &w->first;
	w->max_per_key = threads > 1 ? threads / 2 : 1;
	while (w->started < threads && w->started < THREADS_MAX && pthread_create(&w->threads[w->started], NULL, work, w) == 0)
		w->started++;
	if (w->started < threads) {
		workers_free(&w);
		return ERR_TEMP;
	}
	*out = w;
	return ERR_OK;
}

enum err workers_add(struct workers *w, struct job *job)
{
	enum err e = ERR_LIMIT;

	pthread_mutex_lock(&w->queue_lock);
	if (w->count < WORKERS_QUEUE_MAX && !w->stopping) {
		put_in(w, job);
		e = ERR_OK;
	}
	pthread_mutex_unlock(&w->queue_lock);
	return e;
}

void workers_leave(struct workers *w)
{
	pthread_mutex_lock(&w->queue_lock);
	w->away++;
	pthread_mutex_unlock(&w->queue_lock);
}

void workers_stay(struct workers *w)
{
	pthread_mutex_lock(&w->queue_lock);
	w->away--;
	pthread_mutex_unlock(&w->queue_lock);
}

void workers_return(struct workers *w, struct job *job)
{
	pthread_mutex_lock(&w->queue_lock);
	w->away--;
	put_in(w, job);
	pthread_mutex_unlock(&w->queue_lock);
}

void workers_stop(struct workers *w)
{
	pthread_mutex_lock(&w->queue_lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->queue_changed);
	pthread_mutex_unlock(&w->queue_lock);
	for (unsigned i = 0; i < w->started; i++)
		pthread_join(w->threads[i], NULL);
	w->started = 0;
}

void workers_free(struct workers **w)
{
	if (!*w)
		return;
	workers_stop(*w);
	pthread_cond_destroy(&(*w)->queue_changed);
	pthread_mutex_destroy(&(*w)->queue_lock);
	free(*w);
	*w = NULL;
}
