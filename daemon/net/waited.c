/* net/waited.c: a table of sets: an address has a few places where it may stand, and takes the oldest of them.
 *
 * So it never grows, and a botnet that knows nothing of the seed pushes out no address that it chooses.
 */
#include "daemon/net/waited.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/rng.h"

#define WAYS 8u
#define SETS (WAITED_MAX / WAYS)

struct place {
	uint64_t network;
	uint32_t family; /* NET_NONE: free */
	uint32_t at_s;   /* monotonic */
};

struct waited {
	pthread_mutex_t lock; /* guards places */
	uint64_t seed;
	struct place places[WAITED_MAX];
};

enum err waited_new(struct waited **out)
{
	struct waited *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return ERR_TEMP;
	pthread_mutex_init(&w->lock, NULL);
	w->seed = rng_u64();
	return ERR_OK;
}

void waited_free(struct waited **w)
{
	if (*w)
		pthread_mutex_destroy(&(*w)->lock);
	free(*w);
	*w = NULL;
}

static struct place key_of(const struct net_addr *a)
{
	return (struct place){ .network = net_network(a), .family = (uint32_t)a->family };
}

static struct place *set_of(struct waited *w, const struct place *key)
{
	return &w->places[(net_network_hash(key->network, key->family, w->seed) & (SETS - 1)) * WAYS];
}

bool waited_has(struct waited *w, const struct net_addr *a, int64_t now_ms)
{
	struct place key = key_of(a), *set = set_of(w, &key);
	bool found = false;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WAYS && !found; i++)
		found = set[i].family == key.family && set[i].network == key.network && now_ms - (int64_t)set[i].at_s * 1000 < WAITED_MS;
	pthread_mutex_unlock(&w->lock);
	return found;
}

void waited_add(struct waited *w, const struct net_addr *a, int64_t now_ms)
{
	struct place key = key_of(a), *set = set_of(w, &key), *to = set;

	key.at_s = (uint32_t)(now_ms / 1000);
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].family == key.family && set[i].network == key.network) {
			to = &set[i];
			break;
		}
		/* A free place has the time 0, and is older than all. */
		if (set[i].at_s < to->at_s)
			to = &set[i];
	}
	*to = key;
	pthread_mutex_unlock(&w->lock);
}
