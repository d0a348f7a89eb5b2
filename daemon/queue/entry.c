/* queue/entry.c: entries and their parts, a hash by id, a list in order of acceptance.
 *
 * Wall times of the rows become monotonic ones here, each within the bounds that this daemon could have set: a clock that was stepped
 * while it was down neither floods nor stalls the queue.
 */
#include "daemon/queue/entry.h"

#include <stdlib.h>

#include "daemon/queue/accept.h"
#include "daemon/queue/chore.h"
#include "daemon/queue/content.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/due.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/outcome.h"
#include "db/queue_message.h"

/* The random end of an id. */
static size_t hash_id(const struct queue_id *id)
{
	size_t h;

	memcpy(&h, id->bytes + sizeof(id->bytes) - sizeof(h), sizeof(h));
	return h;
}

static bool is_together(const struct entry_plan *plan, size_t a, size_t b)
{
	const struct queue_recipient_row *x = &plan->recipients[a], *y = &plan->recipients[b];

	if (x->kind == RCPT_REMOTE || y->kind == RCPT_REMOTE)
		return x->kind == y->kind && span_equals(plan->hops[a], plan->hops[b]);
	return x->account_id == y->account_id;
}

static bool is_open(const struct queue_recipient_row *r)
{
	return r->state != RECIPIENT_DELIVERED && r->state != RECIPIENT_FAILED;
}

/* How far ahead (or behind: 0) a wall time is, within what could have been set. */
static int64_t left_ms(const struct entry_plan *plan, int64_t at_ms, int64_t max_ms)
{
	int64_t left = at_ms - plan->real_ms;

	return left < 0 ? 0 : left > max_ms ? max_ms
					    : left;
}

static void set_times(struct entry *e, const struct entry_plan *plan)
{
	const struct queue_row *row = plan->row;
	int64_t begun_ms = row->accepted_ms > row->release_ms ? row->accepted_ms : row->release_ms;
	int64_t age_ms = plan->real_ms - begun_ms, max_ms = plan->lifetime_max_ms + (row->release_ms ? RELEASE_MAX_MS : 0);

	e->accepted_ms = row->accepted_ms;
	e->expires_mono_ms = plan->mono_ms + left_ms(plan, row->expires_ms, max_ms);
	if (age_ms < 0)
		age_ms = -left_ms(plan, begun_ms, max_ms);
	e->begun_mono_ms = plan->mono_ms - (age_ms < max_ms ? age_ms : max_ms);
	if (row->deliver_by_ms)
		e->deliver_by_mono_ms = plan->mono_ms + left_ms(plan, row->deliver_by_ms, max_ms);
}

static struct entry *entry_alloc(const struct entry_plan *plan)
{
	const struct queue_row *row = plan->row;
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	if (plan->with_detail) {
		e->detail = detail_new(row, plan->recipients, plan->count);
		if (!e->detail) {
			free(e);
			return NULL;
		}
	}
	memcpy(e->id.bytes, row->id, sizeof(e->id.bytes));
	e->account_id = row->account_id;
	e->size = row->size;
	e->priority = (int16_t)(row->priority < -9 ? -9 : row->priority > 9 ? 9
									    : row->priority);
	e->smtputf8 = row->flags & ROW_SMTPUTF8;
	e->body_8bit = row->flags & ROW_8BIT;
	e->body_binary = row->flags & ROW_BINARY;
	e->require_tls = row->flags & ROW_REQUIRE_TLS;
	e->counted = row->flags & ROW_COUNTED;
	e->has_file = row->body_file.len > 0;
	e->rcpt_count = (uint32_t)plan->count;
	set_times(e, plan);
	for (size_t i = 0; i < plan->count; i++)
		e->open += is_open(&plan->recipients[i]);
	return e;
}

static struct part *part_new(struct queue *q, struct entry *e, size_t first)
{
	struct part *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (due_reserve(q, 1)) {
		free(p);
		return NULL;
	}
	p->entry = e;
	p->first = (uint32_t)first;
	p->state = PART_WAITING;
	p->timer.kind = TIMER_PART;
	return p;
}

/* What the sender may still want to hear of it. */
static void note_chores(struct part *p, const struct entry_plan *plan, const struct queue_recipient_row *r)
{
	const struct entry *e = p->entry;
	bool told_delay = r->told_ms || plan->row->reverse_path.len == 0 || (r->notify && !(r->notify & NOTIFY_DELAY));
	int64_t at_ms = chore_due(e, told_delay ? 0 : plan->notice_ms, r->told_ms < plan->row->deliver_by_ms, INT64_MIN);

	if (!p->chore_ms || at_ms < p->chore_ms)
		p->chore_ms = at_ms;
}

/* One recipient more in the part. */
static void part_add(struct part *p, const struct entry_plan *plan, size_t i)
{
	const struct queue_recipient_row *r = &plan->recipients[i];
	int64_t due_ms = plan->mono_ms + left_ms(plan, r->next_ms, r->attempts || !plan->row->release_ms ? RETRY_MAX_MS : RELEASE_MAX_MS);

	p->count++;
	if (!is_open(r))
		return;
	if (p->open++ == 0 || due_ms < p->due_ms)
		p->due_ms = due_ms;
	p->held += r->hold != HOLD_NONE;
	if (r->attempts > p->attempts)
		p->attempts = r->attempts;
	note_chores(p, plan, r);
}

/* Cuts the recipients into parts; a part without open recipients is done from the start. */
static bool make_parts(struct queue *q, struct entry *e, const struct entry_plan *plan)
{
	struct part **link = &e->parts, *p = NULL;

	for (size_t i = 0; i < plan->count; i++) {
		const struct queue_recipient_row *r = &plan->recipients[i];

		if (i == 0 || !is_together(plan, i - 1, i)) {
			p = part_new(q, e, i);
			if (!p)
				return false;
			*link = p;
			link = &p->sibling;
			p->lane = lane_hold(q, r->kind != RCPT_REMOTE, r->account_id, r->kind == RCPT_REMOTE ? plan->hops[i] : SPAN(""), e->priority != 0);
			if (!p->lane)
				return false;
		}
		part_add(p, plan, i);
	}
	for (p = e->parts; p; p = p->sibling)
		if (p->open == 0)
			part_place(q, p);
	return true;
}

enum err entry_new(struct queue *q, const struct entry_plan *plan, struct entry **out)
{
	struct entry *e = entry_alloc(plan);
	bool made;

	*out = NULL;
	if (!e)
		return ERR_TEMP;
	pthread_mutex_lock(&q->lock);
	made = make_parts(q, e, plan);
	if (!made)
		entry_free(q, &e);
	pthread_mutex_unlock(&q->lock);
	*out = e;
	return made ? ERR_OK : ERR_TEMP;
}

static void free_parts(struct queue *q, struct entry *e)
{
	while (e->parts) {
		struct part *p = e->parts;

		e->parts = p->sibling;
		if (p->state != PART_DONE)
			part_drop(q, p);
		free(p);
	}
}

void entry_free(struct queue *q, struct entry **entry)
{
	struct entry *e = *entry;

	*entry = NULL;
	if (!e)
		return;
	free_parts(q, e);
	detail_free(&e->detail, e->rcpt_count);
	if (e->content)
		q->fresh_bytes -= e->content->accounted_bytes;
	content_release(&e->content);
	accept_free_list(&e->dsns);
	free(e);
}

struct entry *entry_find(const struct queue *q, const struct queue_id *id)
{
	struct entry *e = q->bucket_count ? q->buckets[hash_id(id) & (q->bucket_count - 1)] : NULL;

	while (e && memcmp(e->id.bytes, id->bytes, sizeof(id->bytes)) != 0)
		e = e->hash_next;
	return e;
}

static void grow_buckets(struct queue *q)
{
	size_t count = q->bucket_count * 2;
	struct entry **buckets = calloc(count, sizeof(struct entry *));

	if (!buckets)
		return; /* longer chains, no harm */
	for (size_t i = 0; i < q->bucket_count; i++) {
		struct entry *e = q->buckets[i];

		while (e) {
			struct entry *next = e->hash_next;
			size_t at = hash_id(&e->id) & (count - 1);

			e->hash_next = buckets[at];
			buckets[at] = e;
			e = next;
		}
	}
	free(q->buckets);
	q->buckets = buckets;
	q->bucket_count = count;
}

void entry_link(struct queue *q, struct entry *e)
{
	size_t at;

	if (q->entry_count >= q->bucket_count)
		grow_buckets(q);
	at = hash_id(&e->id) & (q->bucket_count - 1);
	e->hash_next = q->buckets[at];
	q->buckets[at] = e;
	q->entry_count++;
	e->previous = q->last;
	e->next = NULL;
	if (q->last)
		q->last->next = e;
	else
		q->first = e;
	q->last = e;
	e->linked = true;
	q->open_messages += e->open > 0;
	for (const struct part *p = e->parts; p; p = p->sibling) {
		q->waiting += p->open - p->held;
		q->held += p->held;
	}
}

void entry_unlink(struct queue *q, struct entry *e)
{
	struct entry **link = &q->buckets[hash_id(&e->id) & (q->bucket_count - 1)];

	while (*link != e)
		link = &(*link)->hash_next;
	*link = e->hash_next;
	q->entry_count--;
	if (e->previous)
		e->previous->next = e->next;
	else
		q->first = e->next;
	if (e->next)
		e->next->previous = e->previous;
	else
		q->last = e->previous;
	e->next = e->previous = NULL;
	e->linked = false;
}

void entry_start(struct queue *q, struct entry *e)
{
	for (struct part *p = e->parts; p; p = p->sibling)
		if (p->state != PART_DONE)
			part_place(q, p);
}
