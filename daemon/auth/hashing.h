/* auth/hashing.h: the queue in front of the hash threads, and who gets which place in it; for files of auth/ only.
 *
 *   hashing_add ──no place──▶ false
 *     └─▶ clean | suspect ──hash thread──▶ work()    or, when a better one needs the place, or at the end: turned_away()
 *
 * Networks with recent failures wait in `suspect`: one of them is taken for each HASHING_CLEAN_FIRST of the others, they hold a share of the
 * queue each, and the last of them makes room when a clean one finds it full. So those who guess delay each other, and hardly the right ones.
 */
#ifndef POSTROOM_AUTH_HASHING_H
#define POSTROOM_AUTH_HASHING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/auth/auth.h"

#define HASHING_CLEAN_FIRST 4

/* The first member of what waits. */
struct hashing_job {
	struct hashing_job *next;
	uint64_t network; /* 0: trusted: no share */
};

struct hashing_list {
	struct hashing_job *head, **tail;
};

struct hashing {
	/* Each job ends in exactly one of these, without a lock; both take it. */
	void (*work)(void *arg, struct hashing_job *job); /* on a hash thread */
	void (*turned_away)(void *arg, struct hashing_job *job);
	void *arg;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t news;
	struct hashing_list clean, suspect;
	size_t waiting;
	unsigned clean_in_a_row;
	bool stopping;

	size_t thread_count;
	pthread_t threads[AUTH_HASH_THREADS];
};

/* With the three first members set. ERR_TEMP: hashing_stop() is to be called all the same. */
enum err hashing_start(struct hashing *h) MUST_CHECK;
/* What still waits is turned away. */
void hashing_stop(struct hashing *h);
/* `failures`: of the network. False: no place, and the job is still the caller's. */
bool hashing_add(struct hashing *h, struct hashing_job *job, unsigned failures);

#endif
