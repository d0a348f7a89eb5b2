/* queue/list.c: looking. A page of rows is read at a time, so that deliveries that read theirs back come between. */
#include "daemon/queue/list.h"

#include "daemon/base/arena.h"
#include "daemon/base/clock.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/filter.h"
#include "db/queue_message.h"

#define PAGE_ROWS 25

static int64_t next_ms_of(const struct part *p)
{
	int64_t now_ms = clock_mono_ms(), at_ms = p->due_ms;

	if (p->state == PART_READY && p->lane->timer.slot && !p->forced)
		at_ms = p->lane->timer.at_ms;
	return clock_real_ms() + (at_ms > now_ms ? at_ms - now_ms : 0);
}

/* What memory alone knows of an open one. */
static void add_schedule(const struct part *p, struct queue_recipient *to)
{
	if (to->state != RECIPIENT_WAITING)
		return;
	to->remote = !p->lane->local;
	to->destination = span_make(p->lane->key, p->lane->key_len);
	if (p->state == PART_ACTIVE && !to->hold)
		to->state = RECIPIENT_ACTIVE;
	else if (to->hold)
		to->state = RECIPIENT_HELD;
	to->next_ms = to->state == RECIPIENT_WAITING ? next_ms_of(p) : 0;
}

void list_recipient(const struct entry *e, const struct part *p, uint32_t n, struct queue_recipient *out)
{
	const struct rcpt *r = &e->detail->rcpts[n];

	*out = (struct queue_recipient){ .address = r->address, .original = r->original, .state = r->state, .hold = r->hold, .remote = r->kind == RCPT_REMOTE, .route = r->route, .attempts = r->attempts, .notify = r->notify, .last_reply = r->reply, .status = span_str(r->status), .last_ms = r->last_ms };
	add_schedule(p, out);
}

void list_message(const struct entry *e, struct queue_entry *out)
{
	*out = (struct queue_entry){ .id = e->id, .accepted_ms = e->accepted_ms, .source = e->detail->source, .account_id = e->account_id, .reverse_path = e->detail->reverse_path };
}

static void copy_texts(struct queue_recipient *r, struct arena *a)
{
	struct span *texts[] = { &r->address, &r->original, &r->route, &r->last_reply, &r->status, &r->destination };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_copy(a, *texts[i]);
}

enum seen { SEEN_OPEN,
	    SEEN_FINISHED, /* memory says so, whatever the rows still say */
	    SEEN_STALE };  /* the rows were read before something was written: read them again */

static enum seen merge(struct queue *q, struct queue_entry *out, struct arena *a)
{
	const struct entry *e;
	enum seen seen = SEEN_OPEN;

	pthread_mutex_lock(&q->lock);
	e = entry_find(q, &out->id);
	if (!e || !e->open || e->rcpt_count != out->recipient_count)
		seen = SEEN_FINISHED;
	for (const struct part *p = seen == SEEN_OPEN ? e->parts : NULL; p; p = p->sibling) {
		for (uint32_t n = p->first; n < p->first + p->count; n++) {
			struct queue_recipient *to = &out->recipients[n];

			if (e->detail) {
				list_recipient(e, p, n, to);
				copy_texts(to, a);
			} else if (p->state == PART_DONE && to->state == RECIPIENT_WAITING) {
				seen = SEEN_STALE;
			} else {
				add_schedule(p, to);
				to->destination = arena_copy(a, to->destination);
			}
		}
	}
	pthread_mutex_unlock(&q->lock);
	return seen;
}

static void fill_message(const struct queue_row *row, struct queue_entry *out)
{
	*out = (struct queue_entry){
		.accepted_ms = row->accepted_ms,
		.expires_ms = row->expires_ms,
		.release_ms = row->release_ms,
		.deliver_by_ms = row->deliver_by_ms,
		.source = (enum queue_source)row->source,
		.account_id = row->account_id,
		.reverse_path = row->reverse_path,
		.subject = row->subject,
		.envid = row->envid,
		.size = row->size,
		.priority = (int)row->priority,
		.require_tls = row->flags & ROW_REQUIRE_TLS,
	};
	memcpy(out->id.bytes, row->id, sizeof(out->id.bytes));
}

static enum err fill_recipients(struct queue *q, const struct queue_row *row, struct arena *a, struct queue_entry *out)
{
	struct queue_recipient_row *rows;
	size_t count;
	enum err e = db_queue_recipients(q->reader, row->id, a, &rows, &count);

	if (e)
		return e;
	out->recipients = arena_array(a, count, sizeof(*out->recipients));
	out->recipient_count = count;
	if (!out->recipients)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		const struct queue_recipient_row *r = &rows[i];
		bool finished = r->state == RECIPIENT_DELIVERED || r->state == RECIPIENT_FAILED;

		out->recipients[i] = (struct queue_recipient){ .address = r->address, .original = r->original.len ? r->original : r->address, .state = finished ? (enum recipient_state)r->state : RECIPIENT_WAITING, .hold = (enum queue_hold)r->hold, .remote = r->kind == RCPT_REMOTE, .route = r->route, .attempts = r->attempts, .notify = (unsigned)r->notify, .last_reply = r->reply, .status = r->status, .last_ms = r->last_ms };
	}
	return ERR_OK;
}

/* The recipients of a message. False: it is finished, or it failed. queue.lock is always inside reader_lock, which is held. */
static bool read_recipients(struct queue *q, const struct queue_row *row, struct arena *a, struct queue_entry *out, enum err *failed)
{
	enum seen seen = SEEN_STALE;

	while (seen == SEEN_STALE) {
		*failed = fill_recipients(q, row, a, out);
		if (*failed)
			return false;
		seen = merge(q, out, a);
	}
	return seen == SEEN_OPEN;
}

static bool fits_one(const struct queue_filter *f, const struct queue_entry *e)
{
	for (size_t i = 0; i < e->recipient_count; i++)
		if (filter_fits_recipient(f, e, &e->recipients[i]))
			return true;
	return false;
}

/* What one call looks at. */
struct look {
	const struct queue_filter *filter;
	const uint8_t *after;
	size_t limit, left; /* messages to return, to look at */
	struct arena *a;    /* of what is returned */
	struct queue_entry *out;
	size_t count;
	bool more;
};

/* In the caller's arena only what fits: 20,000 that do not would fill it. */
static enum err look_at(struct queue *q, struct look *l, const struct queue_row *row, struct arena *scratch)
{
	struct queue_entry *to = &l->out[l->count];
	enum err e = ERR_OK;

	fill_message(row, to);
	if (!filter_fits_message(l->filter, to))
		return ERR_OK;
	if (l->filter) {
		arena_reset(scratch);
		if (!read_recipients(q, row, scratch, to, &e) || !fits_one(l->filter, to))
			return e;
		fill_message(row, to);
	}
	if (!read_recipients(q, row, l->a, to, &e))
		return e;
	to->reverse_path = arena_copy(l->a, to->reverse_path);
	to->subject = arena_copy(l->a, to->subject);
	to->envid = arena_copy(l->a, to->envid);
	l->count++;
	return l->a->failed ? ERR_LIMIT : ERR_OK;
}

/* One page of rows, without those that are finished. */
static enum err look_at_page(struct queue *q, struct look *l, struct queue_id *last, struct arena *page, struct arena *scratch)
{
	size_t want = l->left < PAGE_ROWS ? l->left : PAGE_ROWS, rows_count = 0, i = 0;
	struct queue_row *rows = NULL;
	enum err e;

	arena_reset(page);
	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_page(q->reader, l->after, want, page, &rows, &rows_count);
	for (; !e && i < rows_count && l->count < l->limit; i++)
		e = look_at(q, l, &rows[i], scratch);
	pthread_mutex_unlock(&q->reader_lock);
	l->more = i < rows_count || rows_count == want;
	l->left -= i;
	if (i > 0) {
		memcpy(last->bytes, rows[i - 1].id, sizeof(last->bytes));
		l->after = last->bytes;
	}
	return e;
}

#define PAGE_ARENA_MAX (2u * 1024u * 1024u)
#define SCRATCH_ARENA_MAX (64u * 1024u * 1024u)

enum err queue_list(struct queue *q, const struct queue_filter *filter, const struct queue_id *after, size_t limit, struct arena *a, struct queue_entry **out, size_t *count_out, struct queue_id *last_out, bool *more_out)
{
	struct look l = { .filter = filter, .after = after ? after->bytes : NULL, .limit = limit, .left = QUEUE_LOOK_MAX, .a = a, .more = limit > 0 };
	struct queue_id last = after ? *after : (struct queue_id){ 0 };
	struct arena page, scratch;
	enum err e = ERR_OK;

	*count_out = 0;
	*more_out = false;
	*out = l.out = arena_array(a, limit, sizeof(**out));
	if (!l.out)
		return ERR_LIMIT;
	arena_init(&page, PAGE_ARENA_MAX);
	arena_init(&scratch, SCRATCH_ARENA_MAX);
	while (!e && l.more && l.left && l.count < limit)
		e = look_at_page(q, &l, &last, &page, &scratch);
	arena_clear(&page);
	arena_clear(&scratch);
	*count_out = l.count;
	*more_out = l.more;
	*last_out = last;
	return e;
}

enum err queue_find(struct queue *q, const struct queue_id *id, struct arena *a, struct queue_entry *out)
{
	struct queue_row row;
	enum err e;

	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_find(q->reader, id->bytes, a, &row);
	if (!e) {
		fill_message(&row, out);
		if (!read_recipients(q, &row, a, out, &e) && !e)
			e = ERR_NOT_FOUND;
	}
	pthread_mutex_unlock(&q->reader_lock);
	if (!e && a->failed)
		e = ERR_LIMIT;
	return e;
}

struct queue_stats queue_stats(struct queue *q)
{
	struct queue_stats s;
	const struct entry *e;

	pthread_mutex_lock(&q->lock);
	s = (struct queue_stats){ .messages = q->open_messages, .waiting = q->waiting, .active = q->active, .held = q->held, .paused = q->pause_count };
	for (e = q->first; e && !e->open; e = e->next)
		;
	if (e)
		s.oldest_ms = e->accepted_ms;
	pthread_mutex_unlock(&q->lock);
	return s;
}

const char *queue_hold_name(enum queue_hold hold)
{
	switch (hold) {
	case HOLD_NONE: break;
	case HOLD_OPERATOR: return "operator";
	case HOLD_RULE: return "rule";
	case HOLD_BREAKER: return "breaker";
	case HOLD_DOMAIN: return "domain";
	}
	return "";
}
