/* queue/due.c: a binary heap whose members know their place, so that one leaves from the middle in O(log n).
 *
 * heap[1..heap_len]; room is reserved when parts and lanes are made: after the 250 nothing may need memory to be scheduled.
 */
#include "daemon/queue/due.h"

#include <stdlib.h>

static void put(struct queue *q, struct timer *t, size_t slot)
{
	q->heap[slot] = t;
	t->slot = slot;
}

static void sift_up(struct queue *q, struct timer *t, size_t slot)
{
	while (slot > 1 && q->heap[slot / 2]->at_ms > t->at_ms) {
		put(q, q->heap[slot / 2], slot);
		slot /= 2;
	}
	put(q, t, slot);
}

static void sift_down(struct queue *q, struct timer *t, size_t slot)
{
	for (;;) {
		size_t child = slot * 2;

		if (child > q->heap_len)
			break;
		if (child < q->heap_len && q->heap[child + 1]->at_ms < q->heap[child]->at_ms)
			child++;
		if (q->heap[child]->at_ms >= t->at_ms)
			break;
		put(q, q->heap[child], slot);
		slot = child;
	}
	put(q, t, slot);
}

enum err due_reserve(struct queue *q, size_t more)
{
	size_t want = q->heap_reserved + more + 1;

	if (want > q->heap_cap) {
		size_t cap = want * 2 + 64;
		struct timer **heap = realloc(q->heap, cap * sizeof(struct timer *));

		if (!heap)
			return ERR_TEMP;
		q->heap = heap;
		q->heap_cap = cap;
	}
	q->heap_reserved += more;
	return ERR_OK;
}

void due_unreserve(struct queue *q, size_t fewer)
{
	q->heap_reserved -= fewer;
}

void due_add(struct queue *q, struct timer *t, int64_t at_ms)
{
	due_remove(q, t);
	t->at_ms = at_ms;
	q->heap_len++;
	sift_up(q, t, q->heap_len);
	if (q->heap[1] == t)
		pthread_cond_signal(&q->tick);
}

void due_remove(struct queue *q, struct timer *t)
{
	size_t slot = t->slot;
	struct timer *last;

	if (!slot)
		return;
	t->slot = 0;
	last = q->heap[q->heap_len--];
	if (last == t)
		return;
	if (slot > 1 && q->heap[slot / 2]->at_ms > last->at_ms)
		sift_up(q, last, slot);
	else
		sift_down(q, last, slot);
}

struct timer *due_first(const struct queue *q)
{
	return q->heap_len ? q->heap[1] : NULL;
}
