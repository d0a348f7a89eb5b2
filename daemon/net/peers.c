/* net/peers.c: open addressing with linear probing; the table is at most half full, a count of 0 is a free place. */
#include "daemon/net/peers.h"

#include <stdlib.h>

#include "daemon/base/rng.h"

struct peer_count {
	uint64_t network;
	uint32_t count;
	uint32_t family;
};

enum err peers_init(struct peers *p, size_t max)
{
	size_t size = 64;

	while (size < 2 * max)
		size *= 2;
	p->table = calloc(size, sizeof(*p->table));
	if (!p->table)
		return ERR_TEMP;
	p->mask = size - 1;
	p->seed = rng_u64();
	pthread_mutex_init(&p->lock, NULL);
	return ERR_OK;
}

void peers_clear(struct peers *p)
{
	if (!p->table)
		return;
	free(p->table);
	p->table = NULL;
	pthread_mutex_destroy(&p->lock);
}

static struct peer_count key_of(const struct net_addr *a)
{
	return (struct peer_count){ .network = net_network(a), .family = (uint32_t)a->family };
}

static size_t home_of(const struct peers *p, const struct peer_count *key)
{
	return (size_t)net_network_hash(key->network, key->family, p->seed) & p->mask;
}

/* The place of the key, or the free place where it would go. */
static struct peer_count *find(struct peers *p, const struct peer_count *key)
{
	size_t i = home_of(p, key);

	while (p->table[i].count > 0 && (p->table[i].network != key->network || p->table[i].family != key->family))
		i = (i + 1) & p->mask;
	return &p->table[i];
}

bool peers_enter(struct peers *p, const struct net_addr *a, unsigned limit)
{
	struct peer_count key = key_of(a), *place;
	bool entered;

	pthread_mutex_lock(&p->lock);
	place = find(p, &key);
	entered = place->count < limit;
	if (entered) {
		key.count = place->count + 1;
		*place = key;
	}
	pthread_mutex_unlock(&p->lock);
	return entered;
}

/* Closes the gap at `hole`: what stands behind it and may not be beyond its home moves up. */
static void close_gap(struct peers *p, size_t hole)
{
	for (size_t i = (hole + 1) & p->mask; p->table[i].count > 0; i = (i + 1) & p->mask) {
		size_t home = home_of(p, &p->table[i]);

		if (((i - home) & p->mask) >= ((i - hole) & p->mask)) {
			p->table[hole] = p->table[i];
			p->table[i].count = 0;
			hole = i;
		}
	}
}

void peers_leave(struct peers *p, const struct net_addr *a)
{
	struct peer_count key = key_of(a), *place;

	pthread_mutex_lock(&p->lock);
	place = find(p, &key);
	if (place->count > 0 && --place->count == 0)
		close_gap(p, (size_t)(place - p->table));
	pthread_mutex_unlock(&p->lock);
}
