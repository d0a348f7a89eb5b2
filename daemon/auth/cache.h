/* auth/cache.h: rows of control.db that are asked for again and again, kept in memory: the least recently used make room; for files of auth/ only.
 *
 * Values are shared and never change: one is forgotten and loaded anew. What was read before a change is never kept after it: a value
 * is kept only when no change of its account became visible since it was read, and none is waiting in an open batch.
 */
#ifndef POSTROOM_AUTH_CACHE_H
#define POSTROOM_AUTH_CACHE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/base/arena.h"
#include "daemon/crypto/digest.h"

struct directory;

#define CACHE_BUCKETS 4096
#define CACHE_CHANGES 64

struct cache_key {
	uint8_t bytes[SHA256_BYTES];
};

/* The first member of what is kept. All that it points to lies in `arena`, itself too: erased with the last reference. */
struct cached {
	struct cache_key key;
	uint64_t account_id;
	struct arena arena;
	atomic_uint refs;
	struct cached *next; /* of its bucket */
	struct cached *newer, *older;
};

struct cache {
	struct directory *directory;
	size_t count_max, bytes_max;
	uint64_t seed; /* so that nobody outside can choose a bucket */

	pthread_mutex_t lock; /* guards what follows */
	struct cached *buckets[CACHE_BUCKETS];
	struct cached *newest, *oldest;
	size_t count, bytes;
	/* What was read before commit number `since` of the directory does not show the last change of the account. */
	struct {
		uint64_t account_id, since;
	} changes[CACHE_CHANGES];
	size_t change_at;
	uint64_t all_since; /* the same of all accounts */
};

void cache_init(struct cache *c, struct directory *directory, size_t count_max, size_t bytes_max);
void cache_clear(struct cache *c);

/* Null: not kept. Else to be released. */
struct cached *cache_find(struct cache *c, const struct cache_key *key);
/* To be called before a value is read; for cache_keep(). */
uint64_t cache_before_reading(const struct cache *c);
/* A new value, in an arena of its own of at most `max_bytes`, with one reference. Null: no memory. */
void *cached_new(size_t size, size_t max_bytes, const struct cache_key *key, uint64_t account_id);
void cache_keep(struct cache *c, struct cached *value, uint64_t before_reading);
void cached_release(struct cached *value); /* null is allowed */

/* After a change, also one that waits in an open batch of this thread. 0: of all accounts. */
void cache_forget(struct cache *c, uint64_t account_id);

#endif
