/* queue/destination.c: lanes of other servers, and pauses that have none, as operators see them.
 *
 * Looking costs a walk over all entries with queue.lock held (the oldest of each): milliseconds at 100,000 messages.
 */
#include <stdlib.h>

#include "daemon/base/arena.h"
#include "daemon/base/clock.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/pause.h"

struct collector {
	const struct queue *q;
	struct arena *a;
	struct queue_destination *list;
	size_t count;
};

static void describe_lane(const struct collector *c, const struct lane *lane, struct queue_destination *out)
{
	int64_t left_ms = lane->timer.slot ? lane->timer.at_ms - clock_mono_ms() : 0;

	*out = (struct queue_destination){
		.name = arena_copy(c->a, span_make(lane->key, lane->key_len)),
		.messages = lane->references,
		.active = lane->active,
		.limit = lane->limit,
		.failures = lane->failures,
		.held_until_ms = left_ms > 0 ? clock_real_ms() + left_ms : 0,
		.last_error = arena_copy(c->a, span_str(lane->last_error)),
	};
}

static void add_pause(const struct collector *c, const struct queue_pause *p, struct queue_destination *out)
{
	out->paused = true;
	out->pause = *p;
	out->pause.destination = out->name;
	out->pause.reason = arena_copy(c->a, p->reason);
}

static int compare(const void *left, const void *right)
{
	const struct queue_destination *a = left, *b = right;

	return span_compare(a->name, b->name);
}

/* Null: none of this name. */
static struct queue_destination *find(const struct collector *c, struct span name)
{
	struct queue_destination key = { .name = name };

	return c->count ? bsearch(&key, c->list, c->count, sizeof(key), compare) : NULL;
}

static bool is_shown(const struct lane *lane)
{
	return !lane->local && (lane->references || lane->active);
}

static void collect_lanes(struct collector *c)
{
	for (size_t i = 0; i < c->q->lane_bucket_count; i++)
		for (const struct lane *lane = c->q->lane_buckets[i]; lane; lane = lane->hash_next)
			if (is_shown(lane))
				describe_lane(c, lane, &c->list[c->count++]);
	if (c->count)
		qsort(c->list, c->count, sizeof(*c->list), compare);
}

/* Those that have no lane come behind, and then in their place. */
static void collect_pauses(struct collector *c)
{
	struct collector lanes = *c;

	for (size_t i = 0; i < pause_count(c->q); i++) {
		struct queue_destination *d;
		struct queue_pause p;

		pause_at(c->q, i, &p);
		d = find(&lanes, p.destination);
		if (!d) {
			d = &c->list[c->count++];
			*d = (struct queue_destination){ .name = arena_copy(c->a, p.destination) };
		}
		add_pause(c, &p, d);
	}
	if (c->count > lanes.count)
		qsort(c->list, c->count, sizeof(*c->list), compare);
}

/* Entries come in order of acceptance, but what was loaded at start may stand behind what came before the start was over. */
static void note_ages(const struct collector *c)
{
	for (const struct entry *e = c->q->first; e; e = e->next) {
		for (const struct part *p = e->parts; p; p = p->sibling) {
			struct queue_destination *d = p->lane && !p->lane->local ? find(c, span_make(p->lane->key, p->lane->key_len)) : NULL;

			if (d && (!d->oldest_ms || e->accepted_ms < d->oldest_ms))
				d->oldest_ms = e->accepted_ms;
		}
	}
}

enum err queue_destinations(struct queue *q, struct arena *a, struct queue_destination **out, size_t *count_out)
{
	struct collector c = { .q = q, .a = a };

	pthread_mutex_lock(&q->lock);
	c.list = arena_array(a, q->lane_count + pause_count(q), sizeof(*c.list));
	if (c.list) {
		collect_lanes(&c);
		collect_pauses(&c);
		note_ages(&c);
	}
	pthread_mutex_unlock(&q->lock);
	*out = c.list;
	*count_out = c.count;
	return a->failed ? ERR_LIMIT : ERR_OK;
}

enum err queue_destination_find(struct queue *q, struct span name, struct arena *a, struct queue_destination *out)
{
	struct queue_destination one = { .name = arena_copy(a, name) };
	struct collector c = { .q = q, .a = a, .list = &one, .count = 1 };
	const struct lane *lane;
	bool found = false;

	pthread_mutex_lock(&q->lock);
	lane = lane_find(q, name);
	if (lane && is_shown(lane)) {
		found = true;
		describe_lane(&c, lane, &one);
		note_ages(&c);
	}
	for (size_t i = 0; i < pause_count(q); i++) {
		struct queue_pause p;

		pause_at(q, i, &p);
		if (!span_equals(p.destination, name))
			continue;
		found = true;
		add_pause(&c, &p, &one);
	}
	pthread_mutex_unlock(&q->lock);
	*out = one;
	if (a->failed)
		return ERR_LIMIT;
	return found ? ERR_OK : ERR_NOT_FOUND;
}
