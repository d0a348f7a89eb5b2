/* net/slots.c: the places of a pool's connections. The table is zeroed memory of the kernel until a place is first used. */
#include "daemon/net/slots.h"

#include <stdlib.h>
#include <time.h>

#include "daemon/net/conn.h"

enum err slots_init(struct slots *s, unsigned size)
{
	pthread_condattr_t attr;

	s->table = calloc(size, sizeof(*s->table));
	if (!s->table)
		return ERR_TEMP;
	s->size = size;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->empty, &attr);
	pthread_condattr_destroy(&attr);
	return ERR_OK;
}

void slots_clear(struct slots *s)
{
	if (!s->table)
		return;
	free(s->table);
	s->table = NULL;
	pthread_cond_destroy(&s->empty);
	pthread_mutex_destroy(&s->lock);
}

struct conn *slots_take(struct slots *s)
{
	struct conn *c;

	pthread_mutex_lock(&s->lock);
	c = s->free;
	if (c) {
		s->free = c->ready_next;
	} else if (s->fresh < s->size) {
		c = &s->table[s->fresh];
		c->slot = s->fresh;
		claim_init(&c->claim);
		s->fresh++;
	}
	if (c)
		s->live++;
	pthread_mutex_unlock(&s->lock);
	return c;
}

void slots_give_back(struct slots *s, struct conn *c)
{
	pthread_mutex_lock(&s->lock);
	c->ready_next = s->free;
	s->free = c;
	if (--s->live == 0)
		pthread_cond_broadcast(&s->empty);
	pthread_mutex_unlock(&s->lock);
}

unsigned slots_live(struct slots *s)
{
	unsigned live;

	pthread_mutex_lock(&s->lock);
	live = s->live;
	pthread_mutex_unlock(&s->lock);
	return live;
}

unsigned slots_used(struct slots *s)
{
	unsigned used;

	pthread_mutex_lock(&s->lock);
	used = s->fresh;
	pthread_mutex_unlock(&s->lock);
	return used;
}

bool slots_wait_empty(struct slots *s, int64_t timeout_ms)
{
	struct timespec until;
	bool empty;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000;
	if (timeout_ms >= 0 && until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&s->lock);
	while (s->live > 0 && rc == 0)
		rc = timeout_ms < 0 ? pthread_cond_wait(&s->empty, &s->lock) : pthread_cond_timedwait(&s->empty, &s->lock, &until);
	empty = s->live == 0;
	pthread_mutex_unlock(&s->lock);
	return empty;
}
