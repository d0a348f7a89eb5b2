/* queue/lane.c: one lane a destination, and the lists of lanes that have work.
 *
 * (1) A lane stands in a list exactly when it has a ready part, a free slot, and is not held back.
 * (2) A lane lives as long as a part that is not done refers to it, or a thread works for it.
 * (3) An account's lane has one slot: all filing of an account is in order, one transaction at a time.
 */
#include "daemon/queue/lane.h"

#include <stdlib.h>

#include "daemon/queue/due.h"
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
	lane->key_len = hop.len;
	if (hop.len)
		memcpy(lane->key, hop.ptr, hop.len);
	lane->hash_next = q->lane_buckets[hash & (q->lane_bucket_count - 1)];
	q->lane_buckets[hash & (q->lane_bucket_count - 1)] = lane;
	q->lane_count++;
	return lane;
}

struct lane *lane_hold(struct queue *q, bool local, uint64_t account_id, struct span hop)
{
	uint64_t hash = hash_bytes(hop, account_id);
	struct lane *lane = q->lane_bucket_count ? q->lane_buckets[hash & (q->lane_bucket_count - 1)] : NULL;

	while (lane && !(lane->hash == hash && lane->local == local && lane->account_id == account_id && span_equals(span_make(lane->key, lane->key_len), hop)))
		lane = lane->hash_next;
	if (!lane)
		lane = lane_make(q, local, account_id, hop, hash);
	if (lane)
		lane->references++;
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

static enum lane_list list_for(const struct lane *lane)
{
	if (!lane->head || lane->active >= lane->limit || lane->timer.slot)
		return LIST_NONE;
	if (lane->local)
		return LIST_LOCAL;
	return lane->failures ? LIST_FAILING : LIST_REMOTE;
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
	free(lane);
}

static void lane_drop(struct queue *q, struct lane *lane)
{
	lane->references--;
	lane_free_unused(q, lane);
}

struct lane *lane_next(struct queue *q, enum lane_list list)
{
	return q->lists[list].head;
}

static void part_set_recipients(struct queue *q, struct part *p, enum recipient_state from, enum recipient_state to)
{
	for (uint32_t i = 0; i < p->count; i++) {
		struct rcpt *r = &p->entry->rcpts[p->first + i];

		if (r->state != from)
			continue;
		r->state = to;
		q->waiting += (to == RECIPIENT_WAITING) - (uint64_t)(from == RECIPIENT_WAITING);
		q->active += (to == RECIPIENT_ACTIVE) - (uint64_t)(from == RECIPIENT_ACTIVE);
	}
}

static struct part *pop_part(struct queue *q, struct lane *lane)
{
	struct part *p = lane->head;

	lane->head = p->next;
	if (lane->head)
		lane->head->previous = NULL;
	else
		lane->tail = NULL;
	p->next = p->previous = NULL;
	p->state = PART_ACTIVE;
	part_set_recipients(q, p, RECIPIENT_WAITING, RECIPIENT_ACTIVE);
	return p;
}

struct part *lane_take(struct queue *q, struct lane *lane, size_t max, uint64_t max_bytes)
{
	struct part *first = NULL, **link = &first;
	uint64_t bytes = 0;

	for (size_t i = 0; i < max && lane->head && (i == 0 || bytes < max_bytes); i++) {
		struct part *p = pop_part(q, lane);

		bytes += p->entry->body_file ? 65536 : p->entry->size;
		*link = p;
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

void lane_hold_back(struct queue *q, struct lane *lane, int64_t until_ms)
{
	if (until_ms)
		due_add(q, &lane->timer, until_ms);
	else
		due_remove(q, &lane->timer);
	lane_update(q, lane);
}

void part_ready(struct queue *q, struct part *p)
{
	struct lane *lane = p->lane;

	due_remove(q, &p->timer);
	if (p->state == PART_ACTIVE)
		part_set_recipients(q, p, RECIPIENT_ACTIVE, RECIPIENT_WAITING);
	else
		p->entry->busy++;
	p->state = PART_READY;
	p->previous = lane->tail;
	p->next = NULL;
	if (lane->tail)
		lane->tail->next = p;
	else
		lane->head = p;
	lane->tail = p;
	lane_update(q, lane);
}

void part_wait(struct queue *q, struct part *p, int64_t due_ms)
{
	if (p->state == PART_ACTIVE) {
		part_set_recipients(q, p, RECIPIENT_ACTIVE, RECIPIENT_WAITING);
		p->entry->busy--;
	}
	p->state = PART_WAITING;
	due_add(q, &p->timer, due_ms);
}

void part_detach(struct queue *q, struct part *p)
{
	struct lane *lane = p->lane;

	due_remove(q, &p->timer);
	if (p->state == PART_READY) {
		if (p->previous)
			p->previous->next = p->next;
		else
			lane->head = p->next;
		if (p->next)
			p->next->previous = p->previous;
		else
			lane->tail = p->previous;
		p->next = p->previous = NULL;
		p->entry->busy--;
		lane_update(q, lane);
	}
	p->state = PART_WAITING;
}

void part_end(struct queue *q, struct part *p)
{
	if (p->state == PART_ACTIVE)
		p->entry->busy--;
	p->state = PART_DONE;
	due_unreserve(q, 1);
	lane_drop(q, p->lane);
	p->lane = NULL;
}
