/* auth/cache.c: shared values by key, in order of their use.
 *
 *   read ──cached_new──▶ 1 reference ──cache_keep──▶ kept (1 more) ──cache_forget, no room──▶ the last cached_release frees it
 *
 * What `since` and the directory's commits mean: a change that is committed as number N is seen by whoever begins to read when N commits were
 * counted; whoever began before may have seen what was there before it. In an open batch the commit that will show the change is the next one.
 */
#include "daemon/auth/cache.h"

#include <stdlib.h>

#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"

#define NEVER UINT64_MAX

void cache_init(struct cache *c, struct directory *directory, size_t count_max, size_t bytes_max)
{
	memset(c, 0, sizeof(*c));
	c->directory = directory;
	c->count_max = count_max;
	c->bytes_max = bytes_max;
	c->seed = rng_u64();
	(void)pthread_mutex_init(&c->lock, NULL);
}

void *cached_new(size_t size, size_t max_bytes, const struct cache_key *key, uint64_t account_id)
{
	struct arena arena;
	struct cached *v;

	arena_init(&arena, max_bytes);
	v = arena_alloc(&arena, size);
	if (!v) {
		arena_clear(&arena);
		return NULL;
	}
	v->key = *key;
	v->account_id = account_id;
	v->arena = arena;
	atomic_init(&v->refs, 1);
	return v;
}

void cached_release(struct cached *value)
{
	struct arena arena;

	if (!value || atomic_fetch_sub_explicit(&value->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* It lies in its own arena. */
	arena = value->arena;
	arena_wipe(&arena);
}

/* ---- the table: the lock is held ---- */

static struct cached **bucket_of(struct cache *c, const struct cache_key *key)
{
	uint64_t parts[SHA256_BYTES / sizeof(uint64_t)], n = c->seed;

	memcpy(parts, key->bytes, sizeof(parts));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		n = (n ^ parts[i]) * 0xbf58476d1ce4e5b9u;
		n ^= n >> 29;
	}
	return &c->buckets[n % CACHE_BUCKETS];
}

static void unlink_value(struct cache *c, struct cached *v)
{
	if (v->newer)
		v->newer->older = v->older;
	else
		c->newest = v->older;
	if (v->older)
		v->older->newer = v->newer;
	else
		c->oldest = v->newer;
	v->newer = v->older = NULL;
}

static void link_newest(struct cache *c, struct cached *v)
{
	v->older = c->newest;
	if (c->newest)
		c->newest->newer = v;
	else
		c->oldest = v;
	c->newest = v;
}

static void take_out(struct cache *c, struct cached *v)
{
	struct cached **link = bucket_of(c, &v->key);

	while (*link != v)
		link = &(*link)->next;
	*link = v->next;
	v->next = NULL;
	unlink_value(c, v);
	c->count--;
	c->bytes -= v->arena.used_bytes;
	cached_release(v);
}

static struct cached *look(struct cache *c, const struct cache_key *key)
{
	struct cached *v = *bucket_of(c, key);

	while (v && !crypto_equals(v->key.bytes, key->bytes, sizeof(key->bytes)))
		v = v->next;
	return v;
}

static bool may_be_old(const struct cache *c, uint64_t account_id, uint64_t before_reading)
{
	if (before_reading < c->all_since)
		return true;
	for (size_t i = 0; i < CACHE_CHANGES; i++) {
		if (c->changes[i].account_id == account_id && before_reading < c->changes[i].since)
			return true;
	}
	return false;
}

struct cached *cache_find(struct cache *c, const struct cache_key *key)
{
	struct cached *v;

	pthread_mutex_lock(&c->lock);
	v = look(c, key);
	if (v) {
		atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
		unlink_value(c, v);
		link_newest(c, v);
	}
	pthread_mutex_unlock(&c->lock);
	return v;
}

uint64_t cache_before_reading(const struct cache *c)
{
	/* What an open batch of this thread shows may never come true. */
	return directory_in_batch(c->directory) ? NEVER : directory_commits(c->directory);
}

void cache_keep(struct cache *c, struct cached *value, uint64_t before_reading)
{
	struct cached **bucket;

	if (before_reading == NEVER)
		return;
	pthread_mutex_lock(&c->lock);
	if (!may_be_old(c, value->account_id, before_reading) && !look(c, &value->key)) {
		atomic_fetch_add_explicit(&value->refs, 1, memory_order_relaxed);
		bucket = bucket_of(c, &value->key);
		value->next = *bucket;
		*bucket = value;
		link_newest(c, value);
		c->count++;
		c->bytes += value->arena.used_bytes;
		while (c->count > c->count_max || c->bytes > c->bytes_max)
			take_out(c, c->oldest);
	}
	pthread_mutex_unlock(&c->lock);
}

/* A change that falls out of the ring counts for all accounts. */
static void note_change(struct cache *c, uint64_t account_id, uint64_t since)
{
	size_t at = c->change_at;

	for (size_t i = 0; i < CACHE_CHANGES; i++) {
		if (c->changes[i].account_id == account_id) {
			c->changes[i].since = since;
			return;
		}
	}
	if (c->changes[at].since > c->all_since)
		c->all_since = c->changes[at].since;
	c->changes[at].account_id = account_id;
	c->changes[at].since = since;
	c->change_at = (at + 1) % CACHE_CHANGES;
}

void cache_forget(struct cache *c, uint64_t account_id)
{
	uint64_t since = directory_commits(c->directory) + directory_in_batch(c->directory);

	pthread_mutex_lock(&c->lock);
	if (account_id)
		note_change(c, account_id, since);
	else
		c->all_since = since;
	for (struct cached *v = c->newest, *older; v; v = older) {
		older = v->older;
		if (!account_id || v->account_id == account_id)
			take_out(c, v);
	}
	pthread_mutex_unlock(&c->lock);
}

void cache_clear(struct cache *c)
{
	while (c->newest)
		take_out(c, c->newest);
	(void)pthread_mutex_destroy(&c->lock);
}
