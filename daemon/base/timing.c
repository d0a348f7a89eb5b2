/* base/timing.c: histograms. A pair of route and status finds its place in a table that only grows: a slot is claimed once, under a lock;
 * counting takes none. */
#include "daemon/base/timing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

const double timing_request_bounds[TIMING_BUCKETS] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5 };
const double timing_delivery_bounds[TIMING_BUCKETS] = { 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300, 3600, 21600, 86400 };

struct histogram {
	_Atomic uint64_t buckets[TIMING_BUCKETS];
	_Atomic uint64_t count, sum_us;
};

struct slot {
	_Atomic(const char *) route; /* null: free; set once, after the status */
	int status;
	struct histogram histogram;
};

static struct histogram deliveries[2];
static struct slot slots[TIMING_ROUTES + 1]; /* the last: for what came too late */

static void add(struct histogram *h, const double bounds[TIMING_BUCKETS], int64_t took_us)
{
	double seconds = (double)took_us / 1e6;
	size_t at = 0;

	while (at < TIMING_BUCKETS && seconds > bounds[at])
		at++;
	if (at < TIMING_BUCKETS)
		atomic_fetch_add_explicit(&h->buckets[at], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->count, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, took_us > 0 ? (uint64_t)took_us : 0, memory_order_relaxed);
}

void timing_delivered(bool remote, int64_t took_ms)
{
	add(&deliveries[remote], timing_delivery_bounds, took_ms * 1000);
}

static bool is_pair(struct slot *s, const char *route, int status)
{
	return atomic_load_explicit(&s->route, memory_order_acquire) == route && s->status == status;
}

/* The slot of the pair, or the first free one behind where it belongs; null: full. */
static struct slot *look(const char *route, int status)
{
	size_t from = (size_t)(((uint64_t)(uintptr_t)route * 0x9e3779b97f4a7c15u + (uint64_t)status * 0xc2b2ae3d27d4eb4fu) >> 32) % TIMING_ROUTES, at = from;

	do {
		if (is_pair(&slots[at], route, status) || !atomic_load_explicit(&slots[at].route, memory_order_acquire))
			return &slots[at];
		at = (at + 1) % TIMING_ROUTES;
	} while (at != from);
	return NULL;
}

static struct slot *claim(const char *route, int status)
{
	static pthread_mutex_t claiming = PTHREAD_MUTEX_INITIALIZER; /* guards the taking of free slots */
	struct slot *s;

	pthread_mutex_lock(&claiming);
	s = look(route, status);
	if (!s) {
		s = &slots[TIMING_ROUTES];
		route = "other";
		status = 0;
	}
	if (!atomic_load_explicit(&s->route, memory_order_relaxed)) {
		s->status = status;
		atomic_store_explicit(&s->route, route, memory_order_release);
	}
	pthread_mutex_unlock(&claiming);
	return s;
}

void timing_request(const char *route, int status, int64_t took_us)
{
	struct slot *s = look(route, status);

	if (!s || !is_pair(s, route, status))
		s = claim(route, status);
	add(&s->histogram, timing_request_bounds, took_us);
}

static void read_histogram(struct histogram *h, struct timing *out)
{
	out->count = 0;
	for (size_t i = 0; i < TIMING_BUCKETS; i++)
		out->buckets[i] = atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
	out->count = atomic_load_explicit(&h->count, memory_order_relaxed);
	out->sum_s = (double)atomic_load_explicit(&h->sum_us, memory_order_relaxed) / 1e6;
}

bool timing_delivery(unsigned at, struct timing *out)
{
	if (at > 1)
		return false;
	out->route = at ? "remote" : "mailbox";
	out->status = 0;
	read_histogram(&deliveries[at], out);
	return true;
}

bool timing_request_at(unsigned at, struct timing *out)
{
	if (at > TIMING_ROUTES)
		return false;
	out->route = atomic_load_explicit(&slots[at].route, memory_order_acquire);
	out->status = out->route ? slots[at].status : 0;
	read_histogram(&slots[at].histogram, out);
	return true;
}
