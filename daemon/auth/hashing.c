/* auth/hashing.c: a bounded queue and its threads. */
#include "daemon/auth/hashing.h"

#include <sys/resource.h>

#define HASH_NICE 10
/* Of the queue, for one network that is not trusted. */
#define SHARE_CLEAN (AUTH_QUEUE_MAX / 2)
#define SHARE_SUSPECT (AUTH_QUEUE_MAX / 8)
/* From here on a network is suspect: people mistype too. */
#define SUSPECT_FAILURES 3

static void list_init(struct hashing_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_add(struct hashing_list *l, struct hashing_job *job)
{
	job->next = NULL;
	*l->tail = job;
	l->tail = &job->next;
}

static struct hashing_job *list_take_first(struct hashing_list *l)
{
	struct hashing_job *job = l->head;

	if (!job)
		return NULL;
	l->head = job->next;
	if (!l->head)
		l->tail = &l->head;
	return job;
}

static struct hashing_job *list_take_last(struct hashing_list *l)
{
	struct hashing_job **link = &l->head, *job;

	if (!l->head)
		return NULL;
	while ((*link)->next)
		link = &(*link)->next;
	job = *link;
	*link = NULL;
	l->tail = link;
	return job;
}

static size_t list_count(const struct hashing_list *l, uint64_t network)
{
	size_t n = 0;

	for (const struct hashing_job *job = l->head; job; job = job->next)
		n += job->network == network;
	return n;
}

/* The lock is held. */
static struct hashing_job *take(struct hashing *h)
{
	struct hashing_list *l = h->clean.head && (!h->suspect.head || h->clean_in_a_row < HASHING_CLEAN_FIRST) ? &h->clean : &h->suspect;
	struct hashing_job *job = list_take_first(l);

	if (!job)
		return NULL;
	h->clean_in_a_row = l == &h->clean ? h->clean_in_a_row + 1 : 0;
	h->waiting--;
	return job;
}

static void *hash_thread(void *arg)
{
	struct hashing *h = arg;
	struct hashing_job *job;

	/* Of this thread only (Linux): who is logged in goes before who logs in. Without it all works, only slower. */
	(void)setpriority(PRIO_PROCESS, 0, HASH_NICE);
	pthread_mutex_lock(&h->lock);
	while (!h->stopping) {
		job = take(h);
		if (!job) {
			pthread_cond_wait(&h->news, &h->lock);
			continue;
		}
		pthread_mutex_unlock(&h->lock);
		h->work(h->arg, job);
		pthread_mutex_lock(&h->lock);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

enum err hashing_start(struct hashing *h)
{
	list_init(&h->clean);
	list_init(&h->suspect);
	(void)pthread_mutex_init(&h->lock, NULL);
	(void)pthread_cond_init(&h->news, NULL);
	while (h->thread_count < AUTH_HASH_THREADS) {
		if (pthread_create(&h->threads[h->thread_count], NULL, hash_thread, h))
			return ERR_TEMP;
		h->thread_count++;
	}
	return ERR_OK;
}

void hashing_stop(struct hashing *h)
{
	struct hashing_job *job;

	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_cond_broadcast(&h->news);
	pthread_mutex_unlock(&h->lock);
	for (size_t i = 0; i < h->thread_count; i++)
		(void)pthread_join(h->threads[i], NULL);
	while ((job = take(h)))
		h->turned_away(h->arg, job);
	(void)pthread_cond_destroy(&h->news);
	(void)pthread_mutex_destroy(&h->lock);
}

/* The lock is held. *evicted_out: who has to be turned away instead. */
static bool enqueue(struct hashing *h, struct hashing_job *job, bool suspect, struct hashing_job **evicted_out)
{
	struct hashing_list *l = suspect ? &h->suspect : &h->clean;

	if (h->stopping || (job->network && list_count(l, job->network) >= (suspect ? SHARE_SUSPECT : SHARE_CLEAN)))
		return false;
	if (h->waiting >= AUTH_QUEUE_MAX) {
		*evicted_out = suspect ? NULL : list_take_last(&h->suspect);
		if (!*evicted_out)
			return false;
		h->waiting--;
	}
	list_add(l, job);
	h->waiting++;
	pthread_cond_signal(&h->news);
	return true;
}

bool hashing_add(struct hashing *h, struct hashing_job *job, unsigned failures)
{
	struct hashing_job *evicted = NULL;
	bool queued;

	pthread_mutex_lock(&h->lock);
	queued = enqueue(h, job, failures >= SUSPECT_FAILURES, &evicted);
	pthread_mutex_unlock(&h->lock);
	if (evicted)
		h->turned_away(h->arg, evicted);
	return queued;
}
