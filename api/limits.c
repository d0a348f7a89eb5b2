/* api/limits.c: how often somebody may ask: a bucket for each token, session or network (draft-ietf-httpapi-ratelimit-headers).
 *
 * A bucket holds SETTING_API_REQUESTS_PER_MINUTE and fills up again within a minute. The tables are bounded: in a full set the one unused
 * for longest gives way, and networks, which anybody can have many of, have a table of their own.
 */
#include "api/limits.h"

#include <pthread.h>

#include "api/reply.h"
#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "daemon/directory/setting.h"

#define SETS 512
#define WAYS 8
#define WINDOW_MS 60000

struct bucket {
	uint64_t who;    /* 0: free */
	int64_t spent;   /* thousandths of requests that have not been filled up again */
	int64_t seen_ms; /* monotonic */
};

static pthread_mutex_t buckets_lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static struct bucket known[SETS][WAYS], networks[SETS][WAYS];
static uint64_t seed;

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

/* IPv4 addresses, IPv6 networks of 64 bits; a peer without an address is the unix socket. */
static uint64_t network_of(const struct net_addr *a)
{
	uint64_t value = 0;

	for (int i = 0; i < (a->family == NET_IPV4 ? 4 : 8); i++)
		value = value << 8 | a->ip[i];
	return mix(value ^ (uint64_t)a->family << 60);
}

static struct bucket *find(struct bucket table[SETS][WAYS], uint64_t who, int64_t now)
{
	struct bucket *set = table[mix(who ^ seed) % SETS], *oldest = &set[0];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].who == who)
			return &set[i];
		if (set[i].who == 0 || (oldest->who != 0 && set[i].seen_ms < oldest->seen_ms))
			oldest = &set[i];
	}
	*oldest = (struct bucket){ .who = who, .seen_ms = now };
	return oldest;
}

struct verdict {
	bool allowed;
	int64_t left, full_s, wait_s;
};

static struct verdict take(struct bucket table[SETS][WAYS], uint64_t who, int64_t quota, bool peek)
{
	int64_t now = clock_mono_ms(), filled;
	struct verdict v;
	struct bucket *b;

	pthread_mutex_lock(&buckets_lock);
	if (seed == 0)
		seed = rng_u64() | 1;
	b = find(table, who ? who : 1, now);
	filled = now - b->seen_ms >= WINDOW_MS ? b->spent : (now - b->seen_ms) * quota * 1000 / WINDOW_MS;
	b->spent = filled < b->spent ? b->spent - filled : 0;
	b->seen_ms = now;
	v.allowed = b->spent + 1000 <= quota * 1000;
	if (v.allowed && !peek)
		b->spent += 1000;
	v.left = (quota * 1000 - b->spent) / 1000;
	v.full_s = (b->spent * WINDOW_MS / (quota * 1000) + 999) / 1000;
	v.wait_s = v.allowed ? 0 : ((b->spent + 1000 - quota * 1000) * WINDOW_MS / (quota * 1000) + 999) / 1000;
	pthread_mutex_unlock(&buckets_lock);
	return v;
}

bool limits_take(struct api_call *c, bool peek)
{
	const struct snapshot *s;
	struct verdict v = { 0 };
	int64_t quota;

	if (c->caller.kind == CALLER_LOCAL)
		return true;
	s = directory_hold(c->context->directory);
	quota = snapshot_number(s, SETTING_API_REQUESTS_PER_MINUTE);
	snapshot_release(&s);
	if (quota < 1)
		quota = 1;
	switch (c->caller.kind) {
	case CALLER_LOCAL:
	case CALLER_NOBODY: v = take(networks, network_of(&c->request->peer), quota, peek); break;
	case CALLER_SESSION: v = take(known, mix(c->caller.session_id) | 1, quota, peek); break;
	case CALLER_TOKEN: v = take(known, mix(~c->caller.token_id) & ~1ull, quota, peek); break;
	}
	call_header(c, "RateLimit-Policy", arena_printf(&c->arena, "\"default\";q=%lld;w=%d", (long long)quota, WINDOW_MS / 1000));
	call_header(c, "RateLimit", arena_printf(&c->arena, "\"default\";r=%lld;t=%lld", (long long)(v.left > 0 ? v.left : 0), (long long)v.full_s));
	if (v.allowed)
		return true;
	call_reply_problem(c, 429, "too_many_requests", NULL, "%lld requests a minute are allowed", (long long)quota);
	reply_retry_after(c, v.wait_s);
	return false;
}
