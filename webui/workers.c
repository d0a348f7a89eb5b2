/* webui/workers.c: a queue and the threads that empty it. */
#include "webui/workers.h"

#include <pthread.h>
#include <stdlib.h>

#define THREADS_MAX 16

struct workers {
	pthread_mutex_t queue_lock; /* guards first, last, count, stopping */
	pthread_cond_t queue_filled;
	struct job *first, **last;
	unsigned count;
	bool stopping;
	pthread_t threads[THREADS_MAX];
	unsigned started;
};

/* Null when all is done and the end has come. */
static struct job *take(struct workers *w)
{
	struct job *job;

	pthread_mutex_lock(&w->queue_lock);
	while (!w->first && !w->stopping)
		pthread_cond_wait(&w->queue_filled, &w->queue_lock);
	job = w->first;
	if (job) {
		w->first = job->next;
		if (!w->first)
			w->last = &w->first;
		w->count--;
	}
	pthread_mutex_unlock(&w->queue_lock);
	return job;
}

static void *work(void *arg)
{
	struct job *job;

	while ((job = take(arg)))
		job->run(job);
	return NULL;
}

enum err workers_start(unsigned threads, struct workers **out)
{
	struct workers *w = calloc(1, sizeof *w);

	if (!w)
		return ERR_TEMP;
	pthread_mutex_init(&w->queue_lock, NULL);
	pthread_cond_init(&w->queue_filled, NULL);
	w->last = &w->first;
	while (w->started < threads && w->started < THREADS_MAX && pthread_create(&w->threads[w->started], NULL, work, w) == 0)
		w->started++;
	if (w->started < threads) {
		workers_stop(&w);
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
		job->next = NULL;
		*w->last = job;
		w->last = &job->next;
		w->count++;
		e = ERR_OK;
		pthread_cond_signal(&w->queue_filled);
	}
	pthread_mutex_unlock(&w->queue_lock);
	return e;
}

void workers_stop(struct workers **w)
{
	if (!*w)
		return;
	pthread_mutex_lock(&(*w)->queue_lock);
	(*w)->stopping = true;
	pthread_cond_broadcast(&(*w)->queue_filled);
	pthread_mutex_unlock(&(*w)->queue_lock);
	for (unsigned i = 0; i < (*w)->started; i++)
		pthread_join((*w)->threads[i], NULL);
	pthread_cond_destroy(&(*w)->queue_filled);
	pthread_mutex_destroy(&(*w)->queue_lock);
	free(*w);
	*w = NULL;
}
