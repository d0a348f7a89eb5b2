/* queue/entry.c: entries: one block of memory each, a hash by id, a list in order of acceptance. */
#include "daemon/queue/entry.h"

#include <stdlib.h>

#include "daemon/queue/accept.h"
#include "daemon/queue/content.h"
#include "daemon/queue/due.h"
#include "daemon/queue/lane.h"

/* The random end of an id. */
static size_t hash_id(const struct queue_id *id)
{
	size_t h;

	memcpy(&h, id->bytes + sizeof(id->bytes) - sizeof(h), sizeof(h));
	return h;
}

static struct span keep(char **at, struct span s)
{
	struct span copy = span_make(*at, s.len);

	if (s.len)
		memcpy(*at, s.ptr, s.len);
	(*at)[s.len] = '\0';
	*at += s.len + 1;
	return copy;
}

static bool is_together(const struct entry_plan *plan, size_t a, size_t b)
{
	const struct rcpt *x = &plan->rcpts[a], *y = &plan->rcpts[b];

	if (x->kind == RCPT_REMOTE || y->kind == RCPT_REMOTE)
		return x->kind == y->kind && span_equals(plan->hops[a], plan->hops[b]);
	return x->account_id == y->account_id;
}

static bool is_open(const struct rcpt *r)
{
	return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_ACTIVE;
}

static struct entry *entry_alloc(const struct entry_plan *plan)
{
	size_t text = plan->reverse_path.len + plan->body_file.len + 2, size, parts = 0;
	struct entry *e;
	char *at;

	for (size_t i = 0; i < plan->count; i++) {
		text += plan->rcpts[i].address.len + plan->rcpts[i].original.len + 2;
		parts += i == 0 || !is_together(plan, i - 1, i);
	}
	size = sizeof(*e) + parts * sizeof(struct part) + plan->count * sizeof(struct rcpt) + text;
	e = calloc(1, size);
	if (!e)
		return NULL;
	e->parts = (struct part *)(e + 1);
	e->rcpts = (struct rcpt *)(e->parts + parts);
	at = (char *)(e->rcpts + plan->count);
	e->reverse_path = keep(&at, plan->reverse_path);
	if (plan->body_file.len)
		e->body_file = keep(&at, plan->body_file).ptr;
	for (size_t i = 0; i < plan->count; i++) {
		struct rcpt *r = &e->rcpts[i];

		*r = plan->rcpts[i];
		r->address = keep(&at, plan->rcpts[i].address);
		r->original = keep(&at, plan->rcpts[i].original);
		r->reply = NULL;
		e->open += is_open(r);
	}
	e->rcpt_count = (uint32_t)plan->count;
	return e;
}

/* Cuts the recipients into parts; a part without open recipients is done from the start. */
static bool make_parts(struct queue *q, struct entry *e, const struct entry_plan *plan)
{
	struct part *p = NULL;

	for (size_t i = 0; i < plan->count; i++) {
		if (i == 0 || !is_together(plan, i - 1, i)) {
			p = &e->parts[e->part_count++];
			*p = (struct part){ .entry = e, .first = (uint32_t)i, .state = PART_DONE, .timer = { .kind = TIMER_PART } };
		}
		p->count++;
		if (!is_open(&plan->rcpts[i]))
			continue;
		if (plan->rcpts[i].attempts > p->attempts)
			p->attempts = plan->rcpts[i].attempts;
		if (p->state == PART_WAITING)
			continue;
		if (due_reserve(q, 1))
			return false;
		p->lane = lane_hold(q, plan->rcpts[i].kind != RCPT_REMOTE, plan->rcpts[i].account_id, plan->rcpts[i].kind == RCPT_REMOTE ? plan->hops[i] : SPAN(""));
		if (!p->lane) {
			due_unreserve(q, 1);
			return false;
		}
		p->state = PART_WAITING;
	}
	return true;
}

enum err entry_new(struct queue *q, const struct entry_plan *plan, struct entry **out)
{
	struct entry *e = entry_alloc(plan);
	bool made;

	*out = NULL;
	if (!e)
		return ERR_TEMP;
	e->id = plan->id;
	e->accepted_ms = plan->accepted_ms;
	e->expires_mono_ms = plan->expires_mono_ms;
	e->size = plan->size;
	e->smtputf8 = plan->smtputf8;
	e->body_8bit = plan->body_8bit;
	pthread_mutex_lock(&q->lock);
	made = make_parts(q, e, plan);
	if (!made)
		entry_free(q, &e);
	pthread_mutex_unlock(&q->lock);
	*out = e;
	return made ? ERR_OK : ERR_TEMP;
}

void entry_free(struct queue *q, struct entry **entry)
{
	struct entry *e = *entry;

	*entry = NULL;
	if (!e)
		return;
	for (uint32_t i = 0; i < e->part_count; i++) {
		if (e->parts[i].state == PART_DONE)
			continue;
		part_detach(q, &e->parts[i]);
		part_end(q, &e->parts[i]);
	}
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		free(e->rcpts[i].reply);
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
	q->waiting += e->open;
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
	for (uint32_t i = 0; i < e->part_count; i++)
		if (e->parts[i].state == PART_WAITING)
			part_ready(q, &e->parts[i]);
}

void entry_settle(struct queue *q, struct entry *e)
{
	if (e->busy || !e->content)
		return;
	q->fresh_bytes -= e->content->accounted_bytes;
	content_release(&e->content);
}
