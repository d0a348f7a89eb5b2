/* queue/lane.c: one lane a destination, and the lists of lanes that have work.
 *
 * (1) A lane stands in a list exactly when it has a free slot and a ready part that may go: any, or a forced one when it is held back or paused.
 * (2) A lane lives as long as a part that is not done refers to it, or a thread works for it.
 * (3) An account's lane has one slot: all filing of an account is in order, one transaction at a time. Priorities are between those that are
 *     ready for one destination.
 * (4) An active part holds its entry's detail. A part that is waiting or ready stands in the heap of times, for its next attempt or its chore.
 */
#include "daemon/queue/lane.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/due.h"
#include "daemon/queue/pause.h"
#include "daemon/queue/remote.h"

static uint64_t hash_bytes(struct span key, uint64_t account_id)
{
	uint64_t h = 1469598103934665603ull ^ (account_id * 0x9e3779b97f4a7c15ull);

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (uint8_t)key.ptr[i]) * 1099511628211ull;
	return h ^ (h >> 29);
}

static void grow_buckets(struct queue *q)
{
	size_t count = q->lane_bucket_count ? q->lane_bucket_count * 2 : 64;
	struct lane **buckets = calloc(count, sizeof(struct lane *));

	if (!buckets)
		return; /* longer chains, no harm */
	for (size_t i = 0; i < q->lane_bucket_count; i++) {
		struct lane *lane = q->lane_buckets[i];

		while (lane) {
			struct lane *next = lane->hash_next;

			lane->hash_next = buckets[lane->hash & (count - 1)];
			buckets[lane->hash & (count - 1)] = lane;
			lane = next;
		}
	}
	free(q->lane_buckets);
	q->lane_buckets = buckets;
	q->lane_bucket_count = count;
}

static struct lane *lane_make(struct queue *q, bool local, uint64_t account_id, struct span hop, uint64_t hash)
{
	struct lane *lane;

	if (q->lane_count >= q->lane_bucket_count)
		grow_buckets(q);
	lane = q->lane_bucket_count ? calloc(1, sizeof(*lane) + hop.len) : NULL;
	if (!lane)
		return NULL;
	if (due_reserve(q, 1)) {
		free(lane);
		return NULL;
	}
	lane->timer.kind = TIMER_LANE;
	lane->local = local;
	lane->account_id = account_id;
	lane->limit = local ? 1 : LANE_LIMIT_START;
	lane->batch_max = local ? LOCAL_BATCH_MAX : 1;
	lane->hash = hash;
	lane->key_len = (uint32_t)hop.len;
	lane->paused = !local && pause_is_set(q, hop);
	if (hop.len)
		memcpy(lane->key, hop.ptr, hop.len);
	lane->hash_next = q->lane_buckets[hash & (q->lane_bucket_count - 1)];
	q->lane_buckets[hash & (q->lane_bucket_count - 1)] = lane;
	q->lane_count++;
	return lane;
}

static void list_remove(struct queue *q, struct lane *lane)
{
	struct lane_chain *chain = &q->lists[lane->list];

	if (lane->list == LIST_NONE)
		return;
	if (lane->previous)
		lane->previous->next = lane->next;
	else
		chain->head = lane->next;
	if (lane->next)
		lane->next->previous = lane->previous;
	else
		chain->tail = lane->previous;
	chain->count--;
	lane->next = lane->previous = NULL;
	lane->list = LIST_NONE;
}

static void lane_free_unused(struct queue *q, struct lane *lane)
{
	struct lane **link;

	if (lane->references || lane->active)
		return;
	due_remove(q, &lane->timer);
	list_remove(q, lane);
	link = &q->lane_buckets[lane->hash & (q->lane_bucket_count - 1)];
	while (*link != lane)
		link = &(*link)->hash_next;
	*link = lane->hash_next;
	q->lane_count--;
	due_unreserve(q, 1);
	free(lane->ranks);
	free(lane->last_error);
	free(lane);
}

void lane_let_go(struct queue *q, struct lane *lane)
{
	lane->references--;
	lane_free_unused(q, lane);
}

static struct lane *find(const struct queue *q, bool local, uint64_t account_id, struct span hop, uint64_t hash)
{
	struct lane *lane = q->lane_bucket_count ? q->lane_buckets[hash & (q->lane_bucket_count - 1)] : NULL;

	while (lane && !(lane->hash == hash && lane->local == local && lane->account_id == account_id && span_equals(span_make(lane->key, lane->key_len), hop)))
		lane = lane->hash_next;
	return lane;
}

struct lane *lane_find(const struct queue *q, struct span hop)
{
	return find(q, false, 0, hop, hash_bytes(hop, 0));
}

struct lane *lane_hold(struct queue *q, bool local, uint64_t account_id, struct span hop, bool ranked)
{
	uint64_t hash = hash_bytes(hop, account_id);
	struct lane *lane = find(q, local, account_id, hop, hash);

	if (!lane)
		lane = lane_make(q, local, account_id, hop, hash);
	if (!lane)
		return NULL;
	lane->references++;
	if (ranked && !lane->ranks) {
		lane->ranks = calloc(LANE_RANKS, sizeof(*lane->ranks));
		if (!lane->ranks) {
			lane_let_go(q, lane);
			return NULL;
		}
	}
	return lane;
}

static void list_append(struct queue *q, struct lane *lane, enum lane_list list)
{
	struct lane_chain *chain = &q->lists[list];

	lane->previous = chain->tail;
	lane->next = NULL;
	if (chain->tail)
		chain->tail->next = lane;
	else
		chain->head = lane;
	chain->tail = lane;
	chain->count++;
	lane->list = list;
}

static bool is_stopped(const struct lane *lane)
{
	return lane->timer.slot || lane->paused;
}

static enum lane_list list_for(const struct lane *lane)
{
	if (!lane->ready_count || lane->active >= lane->limit || (is_stopped(lane) && !lane->forced.head))
		return LIST_NONE;
	if (lane->local)
		return LIST_LOCAL;
	return lane->failures || lane->slow ? LIST_FAILING : LIST_REMOTE;
}

void lane_update(struct queue *q, struct lane *lane)
{
	enum lane_list want = list_for(lane);

	if (want == lane->list)
		return;
	list_remove(q, lane);
	if (want == LIST_NONE)
		return;
	list_append(q, lane, want);
	if (want == LIST_LOCAL)
		pthread_cond_signal(&q->local_work);
	else
		remote_wake(q);
}

struct lane *lane_next(struct queue *q, enum lane_list list)
{
	return q->lists[list].head;
}

/* ---- what is ready ---- */

/* Where a part of its priority stands; the one that counts more comes first. */
static struct ready *ready_of(struct lane *lane, const struct part *p)
{
	int priority = p->entry->priority;

	if (p->forced)
		return &lane->forced;
	if (priority == 0)
		return &lane->normal;
	return &lane->ranks[priority > 0 ? 9 - priority : 8 - priority];
}

static struct part *first_ready(const struct lane *lane)
{
	if (lane->forced.head || is_stopped(lane))
		return lane->forced.head;
	for (size_t i = 0; lane->ranks && i < LANE_RANKS / 2; i++)
		if (lane->ranks[i].head)
			return lane->ranks[i].head;
	if (lane->normal.head)
		return lane->normal.head;
	for (size_t i = LANE_RANKS / 2; lane->ranks && i < LANE_RANKS; i++)
		if (lane->ranks[i].head)
			return lane->ranks[i].head;
	return NULL;
}

static void ready_add(struct lane *lane, struct part *p)
{
	struct ready *r = ready_of(lane, p);

	p->previous = r->tail;
	p->next = NULL;
	if (r->tail)
		r->tail->next = p;
	else
		r->head = p;
	r->tail = p;
	lane->ready_count++;
}

static void ready_remove(struct lane *lane, struct part *p)
{
	struct ready *r = ready_of(lane, p);

	if (p->previous)
		p->previous->next = p->next;
	else
		r->head = p->next;
	if (p->next)
		p->next->previous = p->previous;
	else
		r->tail = p->previous;
	p->next = p->previous = NULL;
	lane->ready_count--;
}

/* ---- the states of parts ---- */

static void count_part(struct queue *q, const struct part *p, bool in)
{
	uint64_t free_ones = p->open - p->held, held = p->held;

	if (!p->entry->linked)
		return;
	q->held += in ? held : -held;
	if (p->state == PART_ACTIVE)
		q->active += in ? free_ones : -free_ones;
	else
		q->waiting += in ? free_ones : -free_ones;
}

static bool is_busy(enum part_state state)
{
	return state == PART_READY || state == PART_ACTIVE;
}

static void set_state(struct queue *q, struct part *p, enum part_state state)
{
	struct entry *e = p->entry;
	enum part_state from = p->state;

	if (state == from)
		return;
	if (from == PART_READY) {
		ready_remove(p->lane, p);
		lane_update(q, p->lane);
	}
	count_part(q, p, false);
	p->state = state;
	count_part(q, p, true);
	e->busy += (uint32_t)is_busy(state) - (uint32_t)is_busy(from);
	if (state == PART_READY) {
		ready_add(p->lane, p);
		lane_update(q, p->lane);
	}
	if (state == PART_ACTIVE)
		detail_hold(e);
	else if (from == PART_ACTIVE)
		detail_let_go(q, e);
}

static void end_part(struct queue *q, struct part *p)
{
	struct lane *lane = p->lane;

	due_remove(q, &p->timer);
	set_state(q, p, PART_DONE);
	p->lane = NULL;
	due_unreserve(q, 1);
	if (lane)
		lane_let_go(q, lane);
}

void part_place(struct queue *q, struct part *p)
{
	int64_t now_ms = clock_mono_ms();
	bool due = p->forced || p->due_ms <= now_ms;
	int64_t at_ms = p->chore_ms;

	if (p->state == PART_DONE)
		return;
	if (p->open == 0) {
		end_part(q, p);
		return;
	}
	if (p->held == p->open) {
		due_remove(q, &p->timer);
		set_state(q, p, PART_HELD);
		p->forced = false;
		return;
	}
	if (!due && (!at_ms || p->due_ms < at_ms))
		at_ms = p->due_ms;
	if (at_ms)
		due_add(q, &p->timer, at_ms);
	else
		due_remove(q, &p->timer);
	set_state(q, p, due ? PART_READY : PART_WAITING);
}

void part_wait(struct queue *q, struct part *p, int64_t due_ms)
{
	p->due_ms = due_ms;
	part_place(q, p);
}

void part_force(struct queue *q, struct part *p)
{
	if (p->state == PART_READY)
		set_state(q, p, PART_WAITING);
	p->forced = true;
	part_place(q, p);
}

void part_claim(struct queue *q, struct part *p)
{
	due_remove(q, &p->timer);
	set_state(q, p, PART_ACTIVE);
}

/* For an attempt: what an operator wanted is done by it. */
static struct part *take_part(struct queue *q, struct part *p)
{
	part_claim(q, p);
	p->forced = false;
	return p;
}

void part_change(struct queue *q, struct part *p, struct rcpt *r, enum recipient_state state, enum queue_hold hold)
{
	struct entry *e = p->entry;
	bool is_open = state == RECIPIENT_WAITING;

	count_part(q, p, false);
	p->held += (is_open && hold) - (uint32_t)(r->state == RECIPIENT_WAITING && r->hold);
	p->open -= r->state == RECIPIENT_WAITING && !is_open;
	count_part(q, p, true);
	if (r->state == RECIPIENT_WAITING && !is_open && --e->open == 0 && e->linked)
		q->open_messages--;
	r->state = state;
	r->hold = hold;
	r->dirty = true;
}

static void recount(struct part *p)
{
	p->open = p->held = 0;
	for (uint32_t n = p->first; n < p->first + p->count; n++) {
		const struct rcpt *r = &p->entry->detail->rcpts[n];

		p->open += r->state == RECIPIENT_WAITING;
		p->held += r->state == RECIPIENT_WAITING && r->hold;
	}
}

struct part *part_split(struct queue *q, struct part *p, uint32_t at)
{
	struct part *rest;

	if (due_reserve(q, 1))
		return NULL;
	rest = malloc(sizeof(*rest));
	if (!rest) {
		due_unreserve(q, 1);
		return NULL;
	}
	*rest = *p;
	rest->timer.slot = 0;
	rest->first = at;
	rest->count = p->first + p->count - at;
	rest->lane->references++;
	count_part(q, p, false);
	p->count -= rest->count;
	p->sibling = rest;
	recount(p);
	recount(rest);
	count_part(q, p, true);
	count_part(q, rest, true);
	p->entry->busy++;
	detail_hold(p->entry);
	return rest;
}

void part_move(struct queue *q, struct part *p, struct lane *lane)
{
	struct lane *old = p->lane;

	p->lane = lane;
	lane_let_go(q, old);
}

void part_drop(struct queue *q, struct part *p)
{
	end_part(q, p);
}

struct part *lane_take(struct queue *q, struct lane *lane, size_t max, uint64_t max_bytes)
{
	struct part *first = NULL, *p, **link = &first;
	uint64_t bytes = 0;

	for (size_t i = 0; i < max && (i == 0 || bytes < max_bytes) && (p = first_ready(lane)) != NULL; i++) {
		*link = take_part(q, p);
		bytes += p->entry->has_file ? 65536 : p->entry->size;
		link = &p->next;
	}
	lane->active++;
	list_remove(q, lane); /* so that lanes take turns */
	lane_update(q, lane);
	return first;
}

void lane_give(struct queue *q, struct lane *lane)
{
	lane->active--;
	lane_update(q, lane);
	lane_free_unused(q, lane);
}

static void cool(struct queue *q, const struct ready *r)
{
	for (const struct part *p = r->head; p; p = p->next)
		detail_settle(q, p->entry, true);
}

void lane_hold_back(struct queue *q, struct lane *lane, int64_t until_ms)
{
	if (until_ms)
		due_add(q, &lane->timer, until_ms);
	else
		due_remove(q, &lane->timer);
	lane_update(q, lane);
}

bool lane_is_near(const struct entry *e)
{
	for (const struct part *p = e->parts; p; p = p->sibling)
		if (p->state == PART_ACTIVE || (p->state == PART_READY && (p->forced || !is_stopped(p->lane))))
			return true;
	return false;
}

/* What waits for a destination that is not there is not kept in memory. */
void lane_cool(struct queue *q, struct lane *lane)
{
	cool(q, &lane->normal);
	for (size_t i = 0; lane->ranks && i < LANE_RANKS; i++)
		cool(q, &lane->ranks[i]);
}
