/* smtp/harvest.c: a table of sets: an address has a few places where it may stand, and takes the one with the least in it.
 *
 * So it never grows, and those who guess most stay longest.
 */
#include "daemon/smtp/harvest.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/rng.h"

#define WAYS 8u
#define SETS (HARVEST_ADDRESSES_MAX / WAYS)
#define COUNT_MAX 1000000u
#define HALF_MS (HARVEST_HALF_MINUTES * 60 * 1000LL)

struct place {
	uint64_t network;
	uint32_t family;
	uint32_t count; /* 0: free */
	int64_t last_ms;
};

struct harvest {
	pthread_mutex_t lock; /* guards places */
	uint64_t seed;        /* nobody outside can choose addresses that collide */
	struct place places[HARVEST_ADDRESSES_MAX];
};

enum err harvest_new(struct harvest **out)
{
	struct harvest *h = calloc(1, sizeof(*h));

	*out = h;
	if (!h)
		return ERR_TEMP;
	pthread_mutex_init(&h->lock, NULL);
	h->seed = rng_u64();
	return ERR_OK;
}

void harvest_free(struct harvest **h)
{
	if (*h)
		pthread_mutex_destroy(&(*h)->lock);
	free(*h);
	*h = NULL;
}

static struct place *set_of(struct harvest *h, const struct place *key)
{
	return &h->places[(net_network_hash(key->network, key->family, h->seed) & (SETS - 1)) * WAYS];
}

static uint32_t count_now(const struct place *p, int64_t now_ms)
{
	int64_t halves = (now_ms - p->last_ms) / HALF_MS;

	return halves >= 32 ? 0 : p->count >> halves;
}

unsigned harvest_add(struct harvest *h, const struct net_addr *a, int64_t now_mono_ms)
{
	struct place key = { .network = net_network(a), .family = (uint32_t)a->family, .last_ms = now_mono_ms }, *set, *to;
	uint32_t least = UINT_MAX;

	set = to = set_of(h, &key);
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < WAYS; i++) {
		uint32_t count = count_now(&set[i], now_mono_ms);

		if (set[i].network == key.network && set[i].family == key.family) {
			key.count = count;
			to = &set[i];
			break;
		}
		if (count < least) {
			least = count;
			to = &set[i];
		}
	}
	if (key.count < COUNT_MAX)
		key.count++;
	*to = key;
	pthread_mutex_unlock(&h->lock);
	return key.count;
}
