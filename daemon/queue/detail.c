/* queue/detail.c: one block of memory with the words of a message.
 *
 * (1) What is dropped is written: a detail with news (entry.dirty, entry.writing) stays.
 * (2) Two threads may read the same back at once; the first that comes installs it.
 */
#include "daemon/queue/detail.h"

#include <stdlib.h>

#include "daemon/base/arena.h"
#include "daemon/base/log.h"
#include "daemon/queue/content.h"
#include "daemon/queue/flush.h"
#include "db/queue_message.h"

#define READ_MAX (64u * 1024u * 1024u)

static struct span keep(char **at, struct span s)
{
	struct span copy = span_make(*at, s.len);

	if (s.len)
		memcpy(*at, s.ptr, s.len);
	(*at)[s.len] = '\0';
	*at += s.len + 1;
	return copy;
}

static size_t text_bytes(const struct queue_row *row, const struct queue_recipient_row *recipients, size_t count)
{
	size_t text = row->reverse_path.len + row->envid.len + row->body_file.len + 3;

	for (size_t i = 0; i < count; i++) {
		const struct queue_recipient_row *r = &recipients[i];

		text += r->address.len + r->original.len + r->orcpt.len + r->route.len + r->reverse_path.len + r->reply.len + 6;
	}
	return text;
}

static void fill_rcpt(struct rcpt *to, const struct queue_recipient_row *r, char **at)
{
	*to = (struct rcpt){
		.account_id = r->account_id,
		.kind = (enum rcpt_kind)r->kind,
		.state = r->state == RECIPIENT_DELIVERED || r->state == RECIPIENT_FAILED ? (enum recipient_state)r->state : RECIPIENT_WAITING,
		.hold = (enum queue_hold)r->hold,
		.notify = (unsigned)r->notify,
		.attempts = r->attempts,
		.last_ms = r->last_ms,
		.told_ms = r->told_ms,
	};
	if (r->kind < RCPT_LOCAL || r->kind > RCPT_EXPANDED)
		to->kind = RCPT_UNKNOWN;
	to->address = keep(at, r->address);
	to->original = r->original.len ? keep(at, r->original) : to->address;
	to->orcpt = keep(at, r->orcpt);
	to->route = keep(at, r->route);
	to->reply = keep(at, r->reply);
	if (r->reverse_path.ptr)
		to->reverse_path = keep(at, r->reverse_path);
	if (r->status.len && r->status.len < sizeof(to->status))
		memcpy(to->status, r->status.ptr, r->status.len);
}

struct detail *detail_new(const struct queue_row *row, const struct queue_recipient_row *recipients, size_t count)
{
	size_t bytes = sizeof(struct detail) + count * sizeof(struct rcpt) + text_bytes(row, recipients, count);
	struct detail *d = calloc(1, bytes);
	char *at;

	if (!d)
		return NULL;
	at = (char *)(d->rcpts + count);
	d->bytes = bytes;
	d->source = (enum queue_source)row->source;
	d->ret = (enum dsn_return)row->ret;
	d->deliver_by = (unsigned)row->deliver_by;
	d->expires_ms = row->expires_ms;
	d->release_ms = row->release_ms;
	d->deliver_by_ms = row->deliver_by_ms;
	d->reverse_path = keep(&at, row->reverse_path);
	d->envid = keep(&at, row->envid);
	if (row->body_file.len)
		d->body_file = keep(&at, row->body_file).ptr;
	for (size_t i = 0; i < count; i++)
		fill_rcpt(&d->rcpts[i], &recipients[i], &at);
	return d;
}

void detail_free(struct detail **detail, uint32_t rcpt_count)
{
	struct detail *d = *detail;

	*detail = NULL;
	if (!d)
		return;
	for (uint32_t i = 0; i < rcpt_count; i++) {
		free(d->rcpts[i].own_reply);
		free(d->rcpts[i].own_route);
	}
	free(d);
}

static enum err read_back(struct queue *q, const struct entry *e, struct detail **out)
{
	struct queue_recipient_row *rows = NULL;
	struct queue_row row;
	struct arena a;
	size_t count = 0;
	enum err err;

	arena_init(&a, READ_MAX);
	pthread_mutex_lock(&q->reader_lock);
	err = db_queue_find(q->reader, e->id.bytes, &a, &row);
	if (!err)
		err = db_queue_recipients(q->reader, e->id.bytes, &a, &rows, &count);
	pthread_mutex_unlock(&q->reader_lock);
	if (err == ERR_LIMIT)
		err = ERR_TEMP; /* memory */
	if (err == ERR_NOT_FOUND || (!err && count != e->rcpt_count))
		err = ERR_CORRUPT;
	if (!err) {
		*out = detail_new(&row, rows, count);
		err = *out ? ERR_OK : ERR_TEMP;
	}
	arena_clear(&a);
	return err;
}

enum err detail_need(struct queue *q, struct entry *e)
{
	struct detail *d = NULL;
	char id[QUEUE_ID_TEXT];
	bool there;
	enum err err;

	pthread_mutex_lock(&q->lock);
	there = e->detail != NULL;
	pthread_mutex_unlock(&q->lock);
	if (there)
		return ERR_OK;
	err = read_back(q, e, &d);
	if (err) {
		queue_id_text(&e->id, id);
		log_event(LOG_ERROR, "queue", "not_read_back", "qid=%s error=%s", id, err_name(err));
		return err;
	}
	pthread_mutex_lock(&q->lock);
	if (!e->detail) {
		e->detail = d;
		d = NULL;
	}
	pthread_mutex_unlock(&q->lock);
	detail_free(&d, e->rcpt_count);
	return ERR_OK;
}

void detail_hold(struct entry *e)
{
	e->holds++;
}

void detail_let_go(struct queue *q, struct entry *e)
{
	if (--e->holds)
		return;
	if (e->open)
		detail_settle(q, e, false);
	else if (!e->dirty)
		flush_mark(q, e, true); /* it was kept from being removed meanwhile */
}

static bool is_in_a_round(const struct entry *e)
{
	for (uint32_t i = 0; i < e->rcpt_count; i++)
		if (e->detail->rcpts[i].tried)
			return true;
	return false;
}

void detail_settle(struct queue *q, struct entry *e, bool cold)
{
	if (e->holds || (e->busy && !cold))
		return;
	if (e->content) {
		q->fresh_bytes -= e->content->accounted_bytes;
		content_release(&e->content);
	}
	if (e->detail && e->open && !e->dirty && !e->writing && !(e->busy && is_in_a_round(e)))
		detail_free(&e->detail, e->rcpt_count);
}
