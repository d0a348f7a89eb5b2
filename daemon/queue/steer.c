/* queue/steer.c: the queue as the API sees it: rows as they are stored, states as they are in memory. */
#include "daemon/base/arena.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/outcome.h"
#include "daemon/queue/tell.h"
#include "db/queue_message.h"

#define PAGE_ROWS 100

static int64_t next_ms_of(const struct part *p)
{
	int64_t now_ms = clock_mono_ms(), at_ms = p->due_ms;

	if (p->state == PART_READY && p->lane->timer.slot && !p->forced)
		at_ms = p->lane->timer.at_ms;
	return clock_real_ms() + (at_ms > now_ms ? at_ms - now_ms : 0);
}

static void merge_words(const struct rcpt *r, struct arena *a, struct queue_recipient *to)
{
	to->state = r->state;
	to->hold = r->hold;
	to->attempts = r->attempts;
	to->last_ms = r->last_ms;
	if (r->own_reply)
		to->last_reply = arena_copy(a, r->reply);
	to->status = arena_copy(a, span_str(r->status));
}

/* False when memory says that it is finished, whatever the rows still say. */
static bool merge(struct queue *q, struct queue_entry *out, struct arena *a)
{
	const struct entry *e;
	bool open;

	pthread_mutex_lock(&q->lock);
	e = entry_find(q, &out->id);
	open = e && e->open && e->rcpt_count == out->recipient_count;
	for (size_t i = 0; open && i < out->recipient_count; i++) {
		const struct part *p = entry_part(e, (uint32_t)i);
		struct queue_recipient *to = &out->recipients[i];

		if (e->detail)
			merge_words(&e->detail->rcpts[i], a, to);
		if (to->state != RECIPIENT_WAITING)
			continue;
		to->state = to->hold ? RECIPIENT_HELD : p->state == PART_ACTIVE ? RECIPIENT_ACTIVE
										: RECIPIENT_WAITING;
		to->next_ms = to->state == RECIPIENT_WAITING ? next_ms_of(p) : 0;
	}
	pthread_mutex_unlock(&q->lock);
	return open;
}

static enum err fill(struct queue *q, const struct queue_row *row, struct arena *a, struct queue_entry *out)
{
	struct queue_recipient_row *rows;
	size_t count;
	enum err e = db_queue_recipients(q->reader, row->id, a, &rows, &count);

	if (e)
		return e;
	*out = (struct queue_entry){ .accepted_ms = row->accepted_ms, .expires_ms = row->expires_ms, .source = (enum queue_source)row->source, .reverse_path = row->reverse_path, .subject = row->subject, .size = row->size };
	memcpy(out->id.bytes, row->id, sizeof(out->id.bytes));
	out->recipients = arena_array(a, count, sizeof(*out->recipients));
	out->recipient_count = count;
	if (!out->recipients)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++)
		out->recipients[i] = (struct queue_recipient){ .address = rows[i].address, .state = (enum recipient_state)rows[i].state, .hold = (enum queue_hold)rows[i].hold, .status = rows[i].status, .attempts = rows[i].attempts, .next_ms = rows[i].next_ms, .last_reply = rows[i].reply, .last_ms = rows[i].last_ms };
	return ERR_OK;
}

/* One page of rows into `out`, without those that are finished. */
static enum err list_page(struct queue *q, const uint8_t **after, size_t limit, struct arena *a, struct queue_entry *out, size_t *count, bool *more_out)
{
	size_t want = limit < PAGE_ROWS ? limit : PAGE_ROWS, rows_count = 0;
	struct queue_row *rows = NULL;
	enum err e;

	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_page(q->reader, *after, want, a, &rows, &rows_count);
	for (size_t i = 0; !e && i < rows_count; i++) {
		e = fill(q, &rows[i], a, &out[*count]);
		/* queue.lock is always inside reader_lock */
		if (!e && merge(q, &out[*count], a))
			(*count)++;
	}
	pthread_mutex_unlock(&q->reader_lock);
	*more_out = rows_count == want;
	if (rows_count)
		*after = rows[rows_count - 1].id;
	return e;
}

enum err queue_list(struct queue *q, const struct queue_filter *filter, const struct queue_id *after, size_t limit, struct arena *a, struct queue_entry **out, size_t *count_out, struct queue_id *last_out, bool *more_out)
{
	const uint8_t *at = after ? after->bytes : NULL;
	bool more = limit > 0;
	enum err e = ERR_OK;

	(void)filter;
	*count_out = 0;
	*more_out = false;
	*out = arena_array(a, limit, sizeof(**out));
	if (!*out)
		return ERR_LIMIT;
	while (!e && more && *count_out < limit)
		e = list_page(q, &at, limit - *count_out, a, *out, count_out, &more);
	if (!e && a->failed)
		e = ERR_LIMIT;
	*more_out = more;
	if (at)
		memcpy(last_out->bytes, at, sizeof(last_out->bytes));
	return e;
}

enum err queue_find(struct queue *q, const struct queue_id *id, struct arena *a, struct queue_entry *out)
{
	struct queue_row row;
	enum err e;

	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_find(q->reader, id->bytes, a, &row);
	if (!e)
		e = fill(q, &row, a, out);
	if (!e && !merge(q, out, a))
		e = ERR_NOT_FOUND;
	pthread_mutex_unlock(&q->reader_lock);
	if (!e && a->failed)
		e = ERR_LIMIT;
	return e;
}

static enum err retry(struct queue *q, const struct queue_id *id)
{
	struct entry *e;
	enum err err = ERR_OK;

	pthread_mutex_lock(&q->lock);
	e = entry_find(q, id);
	if (!e || !e->open)
		err = ERR_NOT_FOUND;
	for (struct part *p = err ? NULL : e->parts; p; p = p->sibling)
		if (p->state == PART_WAITING || p->state == PART_READY)
			part_force(q, p);
	pthread_mutex_unlock(&q->lock);
	if (!err)
		tell_steered(q, id, SPAN("retry"));
	return err;
}

static enum err run_delete(struct db *db, void *arg)
{
	const struct queue_id *id = arg;

	return db_queue_delete(db, id->bytes);
}

/* Out of the schedule while the removal is written; nobody takes a part of it meanwhile. */
static enum err begin_removal(struct entry *e, struct queue *q)
{
	if (!e || !e->open)
		return ERR_NOT_FOUND;
	for (const struct part *p = e->parts; p; p = p->sibling)
		if (p->state == PART_ACTIVE)
			return ERR_STATE;
	for (struct part *p = e->parts; p; p = p->sibling)
		if (p->state != PART_DONE)
			part_claim(q, p);
	return ERR_OK;
}

static void end_removal(struct entry *e, struct queue *q, enum err removed)
{
	for (struct part *p = e->parts; p; p = p->sibling) {
		for (uint32_t n = p->first; !removed && p->state != PART_DONE && n < p->first + p->count; n++) {
			struct rcpt *r = &e->detail->rcpts[n];

			if (r->state != RECIPIENT_WAITING)
				continue;
			part_change(q, p, r, RECIPIENT_FAILED, HOLD_NONE);
			tell_removed(q, e, n);
		}
	}
	/* The rows are gone already; the file and the memory follow. */
	if (!removed)
		flush_mark(q, e, true);
	for (struct part *p = e->parts; p; p = p->sibling)
		if (p->state == PART_ACTIVE)
			part_place(q, p);
}

static enum err remove_entry(struct queue *q, const struct queue_id *id)
{
	struct queue_id copy = *id;
	char text[QUEUE_ID_TEXT];
	struct entry *e;
	enum err err;

	pthread_mutex_lock(&q->lock);
	e = entry_find(q, id);
	err = begin_removal(e, q);
	pthread_mutex_unlock(&q->lock);
	if (err)
		return err;
	/* An entry with active parts is not freed by anybody else. */
	err = detail_need(q, e);
	if (!err)
		err = db_group_run(q->group, run_delete, &copy, 256);
	pthread_mutex_lock(&q->lock);
	end_removal(e, q, err);
	pthread_mutex_unlock(&q->lock);
	if (err)
		return err;
	flush_along(q);
	queue_id_text(id, text);
	log_event(LOG_INFO, "queue", "removed", "qid=%s", text);
	tell_steered(q, id, SPAN("remove"));
	return ERR_OK;
}

enum err queue_steer(struct queue *q, const struct queue_id *id, const struct queue_order *order, size_t *changed_out, struct note *why)
{
	(void)changed_out;
	(void)why;
	if (order->action == QUEUE_RETRY)
		return retry(q, id);
	return order->action == QUEUE_DELETE ? remove_entry(q, id) : ERR_STATE;
}

struct queue_stats queue_stats(struct queue *q)
{
	struct queue_stats s;
	const struct entry *e;

	pthread_mutex_lock(&q->lock);
	s = (struct queue_stats){ .messages = q->open_messages, .waiting = q->waiting, .active = q->active, .held = q->held };
	for (e = q->first; e && !e->open; e = e->next)
		;
	if (e)
		s.oldest_ms = e->accepted_ms;
	pthread_mutex_unlock(&q->lock);
	return s;
}
