/* net/slots.c: the places of a pool's connections. The table is zeroed memory of the kernel until a place is first used. */
#include "daemon/net/slots.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/wait.h"
#include "daemon/net/conn.h"

enum err slots_init(struct slots *s, unsigned size)
{
	s->table = calloc(size, sizeof(*s->table));
	if (!s->table || wait_init(&s->empty) != ERR_OK) {
		free(s->table);
		s->table = NULL;
		return ERR_TEMP;
	}
	s->size = size;
	pthread_mutex_init(&s->lock, NULL);
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
	int64_t until_ms = clock_mono_ms() + timeout_ms, left_ms = timeout_ms;
	bool empty;

	pthread_mutex_lock(&s->lock);
	while (s->live > 0 && wait_for(&s->empty, &s->lock, left_ms)) {
		if (timeout_ms < 0)
			continue;
		left_ms = until_ms - clock_mono_ms();
		if (left_ms < 0)
			left_ms = 0;
	}
	empty = s->live == 0;
	pthread_mutex_unlock(&s->lock);
	return empty;
}
