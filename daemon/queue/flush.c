/* queue/flush.c: how results become durable.
 *
 *   (news) --flush_mark--> dirty --flush_take--> in the batch --commit--> written, or gone
 *                            ^                       |
 *                            +------- failed --------+
 *
 * (1) One batch at a time is on its way; an entry that gets news meanwhile is dirty again and comes with the next.
 * (2) A failed recipient and the DSN that tells of it are written in the same transaction.
 * (3) A body file goes after the row, a ledger row after both.
 */
#include "daemon/queue/flush.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/accept.h"
#include "daemon/queue/body.h"
#include "daemon/queue/detail.h"
#include "daemon/queue/entry.h"
#include "daemon/store/message.h"
#include "db/checkpointer.h"
#include "db/queue_message.h"

#define FLUSH_MAX 256
#define WAL_BYTES 65536u                          /* pages that a batch of removals touches, about */
#define RECIPIENTS_MAX (2 * QUEUE_MAX_RECIPIENTS) /* written in one batch, about */

struct flush_item {
	struct entry *e;
	uint8_t id[QUEUE_ROW_ID];
	bool remove;
	struct accept *dsns;
	size_t first, count; /* updates */
};

struct texts {
	char *reply; /* malloc */
	char status[12];
};

struct flush {
	struct queue *q;
	struct db_member member;
	struct queue_recipient_row *updates;
	struct texts *texts; /* of the updates: copies */
	size_t update_count, item_count;
	struct flush_item items[FLUSH_MAX];
};

void flush_mark(struct queue *q, struct entry *e, bool urgent)
{
	if (e->finished)
		return;
	q->flush_urgent |= urgent;
	if (!q->flush_due_ms) {
		q->flush_due_ms = clock_mono_ms() + FLUSH_DELAY_MS;
		pthread_cond_signal(&q->tick);
	}
	if (e->dirty)
		return;
	e->dirty = true;
	e->dirty_next = NULL;
	if (q->dirty_last)
		q->dirty_last->dirty_next = e;
	else
		q->dirty_first = e;
	q->dirty_last = e;
	q->dirty_count++;
}

int64_t flush_next_ms(const struct queue *q)
{
	return q->flush_running || !q->dirty_count ? 0 : q->flush_due_ms;
}

static int64_t stored_next_ms(const struct part *p, int64_t mono_ms, int64_t real_ms)
{
	bool waits = p->state == PART_WAITING || p->state == PART_HELD;

	return waits && p->due_ms > mono_ms ? real_ms + (p->due_ms - mono_ms) : 0;
}

static void take_updates(struct flush *f, struct flush_item *item)
{
	int64_t mono_ms = clock_mono_ms(), real_ms = clock_real_ms();

	for (const struct part *p = item->e->parts; p; p = p->sibling) {
		for (uint32_t i = p->first; i < p->first + p->count; i++) {
			struct rcpt *r = &item->e->detail->rcpts[i];
			struct queue_recipient_row *row = &f->updates[f->update_count];
			struct texts *texts = &f->texts[f->update_count];

			if (!r->dirty)
				continue;
			texts->reply = r->own_reply ? strdup(r->own_reply) : NULL;
			memcpy(texts->status, r->status, sizeof(texts->status));
			*row = (struct queue_recipient_row){ .n = i, .state = r->state, .attempts = r->attempts, .last_ms = r->last_ms, .told_ms = r->told_ms, .hold = r->hold, .reply = span_str(texts->reply), .status = span_str(texts->status) };
			if (row->state == RECIPIENT_WAITING)
				row->next_ms = stored_next_ms(p, mono_ms, real_ms);
			f->update_count++;
			r->dirty = false;
			item->count++;
		}
	}
}

/* One that somebody works on is not removed under him: it comes when he lets go. */
static void take_entry(struct queue *q, struct flush *f)
{
	struct entry *e = q->dirty_first;
	struct flush_item *item = &f->items[f->item_count];

	q->dirty_first = e->dirty_next;
	if (!q->dirty_first)
		q->dirty_last = NULL;
	q->dirty_count--;
	e->dirty = false;
	if (e->open == 0 && e->holds)
		return;
	f->item_count++;
	*item = (struct flush_item){ .e = e, .remove = e->open == 0, .dsns = e->dsns, .first = f->update_count };
	memcpy(item->id, e->id.bytes, sizeof(item->id));
	e->dsns = NULL;
	e->finished = item->remove;
	e->writing = true;
	for (const struct accept *a = item->dsns; a; a = accept_next(a))
		f->member.weight_bytes += accept_weight(a);
	if (!item->remove)
		take_updates(f, item);
}

static enum err write_item(struct db *db, const struct flush *f, const struct flush_item *item)
{
	enum err e = ERR_OK;

	for (struct accept *a = item->dsns; a && !e; a = accept_next(a))
		e = accept_store(db, a);
	if (!e && item->remove)
		e = db_queue_delete(db, item->id);
	for (size_t i = item->first; !e && i < item->first + item->count; i++)
		e = db_queue_recipient_update(db, item->id, &f->updates[i]);
	return e;
}

static enum err flush_run(struct db *db, void *arg)
{
	const struct flush *f = arg;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < f->item_count; i++)
		e = write_item(db, f, &f->items[i]);
	return e;
}

static void item_written(struct queue *q, struct flush_item *item)
{
	for (struct accept *a = accept_pop(&item->dsns); a; a = accept_pop(&item->dsns))
		accept_adopt(&a);
	item->e->writing = false;
	if (!item->remove) {
		detail_settle(q, item->e, false);
		return;
	}
	entry_unlink(q, item->e);
	item->e->dirty_next = q->finished;
	q->finished = item->e;
	q->finished_count++;
}

/* Back to dirty. */
static void item_failed(struct queue *q, const struct flush *f, struct flush_item *item)
{
	struct entry *e = item->e;

	for (struct accept *a = accept_pop(&item->dsns); a; a = accept_pop(&item->dsns))
		accept_push(&e->dsns, a);
	for (size_t i = item->first; i < item->first + item->count; i++)
		e->detail->rcpts[f->updates[i].n].dirty = true;
	e->finished = false;
	e->writing = false;
	flush_mark(q, e, false);
}

static void flush_free(struct flush *f)
{
	for (size_t i = 0; i < f->update_count; i++)
		free(f->texts[i].reply);
	free(f->texts);
	free(f->updates);
	free(f);
}

/* On the committer's thread. */
static void flush_done(void *arg, enum err result)
{
	struct flush *f = arg, *next;
	struct queue *q = f->q;
	struct doubtful_body *doubtful = NULL;

	if (!result) {
		checkpointer_touch(q->config.checkpointer, q->config.path, &db_schema_queue, f->member.weight_bytes + WAL_BYTES);
		for (size_t i = 0; i < f->item_count; i++)
			for (struct accept *a = f->items[i].dsns; a; a = accept_next(a))
				accept_tell(a);
	}
	pthread_mutex_lock(&q->lock);
	q->flush_running = false;
	for (size_t i = 0; i < f->item_count; i++) {
		if (result)
			item_failed(q, f, &f->items[i]);
		else
			item_written(q, &f->items[i]);
	}
	if (result) {
		unsigned shift = q->flush_failures < 6 ? q->flush_failures++ : 6;

		q->flush_due_ms = clock_mono_ms() + (1000LL << shift);
		log_event(LOG_ERROR, "queue", "results_not_written", "messages=%zu error=%s", f->item_count, err_name(result));
	} else {
		q->flush_failures = 0;
		doubtful = body_take_doubtful(q);
	}
	next = flush_take(q, false);
	/* While a batch is on its way the scheduler does not wait for what becomes dirty. */
	if (!next && q->dirty_count)
		pthread_cond_signal(&q->tick);
	if (q->finished)
		pthread_cond_signal(&q->local_work);
	pthread_cond_broadcast(&q->settled);
	pthread_mutex_unlock(&q->lock);
	flush_submit(next);
	body_remove_doubtful(q, doubtful);
	flush_free(f);
}

/* How many updates the next entries may need. */
static size_t count_updates(const struct queue *q, size_t *entries_out)
{
	size_t updates = 0, entries = 0;

	for (const struct entry *e = q->dirty_first; e && entries < FLUSH_MAX && updates < RECIPIENTS_MAX; e = e->dirty_next) {
		updates += e->open ? e->rcpt_count : 0;
		entries++;
	}
	*entries_out = entries;
	return updates;
}

static struct flush *flush_new(struct queue *q, size_t entries, size_t updates)
{
	struct flush *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->updates = calloc(updates + 1, sizeof(*f->updates));
	f->texts = calloc(updates + 1, sizeof(*f->texts));
	if (!f->updates || !f->texts) {
		flush_free(f);
		return NULL;
	}
	f->q = q;
	f->member = (struct db_member){ .run = flush_run, .done = flush_done, .arg = f, .weight_bytes = 64 * entries + 256 * updates };
	return f;
}

static bool is_wanted(const struct queue *q, bool now)
{
	if (q->flush_running || !q->dirty_count)
		return false;
	if (clock_mono_ms() >= q->flush_due_ms)
		return true;
	return q->flush_failures == 0 && (now || q->flush_urgent || q->dirty_count >= FLUSH_MAX);
}

struct flush *flush_take(struct queue *q, bool now)
{
	size_t entries, updates;
	struct flush *f;

	if (!is_wanted(q, now))
		return NULL;
	updates = count_updates(q, &entries);
	f = flush_new(q, entries, updates);
	if (!f) {
		q->flush_due_ms = clock_mono_ms() + 1000;
		return NULL;
	}
	while (entries--)
		take_entry(q, f);
	if (!q->dirty_count)
		q->flush_urgent = false;
	if (f->item_count == 0) {
		flush_free(f);
		f = NULL;
	}
	q->flush_due_ms = q->dirty_count ? clock_mono_ms() + FLUSH_DELAY_MS : 0;
	q->flush_running = f != NULL;
	return f;
}

void flush_submit(struct flush *f)
{
	if (f)
		db_group_submit(f->q->group, &f->member);
}

void flush_along(struct queue *q)
{
	struct flush *f;

	pthread_mutex_lock(&q->lock);
	f = flush_take(q, true);
	pthread_mutex_unlock(&q->lock);
	flush_submit(f);
}

/* ---- afterwards ---- */

struct ledger_row {
	uint64_t account_id;
	uint8_t id[QUEUE_ROW_ID];
};

static int compare_ledger(const void *left, const void *right)
{
	const struct ledger_row *a = left, *b = right;

	return (a->account_id > b->account_id) - (a->account_id < b->account_id);
}

static void ledger_done(struct queue *q, struct ledger_row *rows, size_t count, uint8_t (*ids)[QUEUE_ROW_ID])
{
	const struct snapshot *s = directory_hold(q->config.directory);

	qsort(rows, count, sizeof(*rows), compare_ledger);
	for (size_t i = 0, n = 0; i < count; i += n) {
		struct mailstore *m = NULL;

		for (n = 0; i + n < count && rows[i + n].account_id == rows[i].account_id; n++)
			memcpy(ids[n], rows[i + n].id, QUEUE_ROW_ID);
		/* Opening makes the folder: never for an account that is gone. */
		if (!snapshot_account(s, rows[i].account_id) || store_open(q->config.store, rows[i].account_id, &m, NULL))
			continue;
		message_ledger_done(m, (const uint8_t(*)[QUEUE_ROW_ID])ids, n);
		store_close(&m);
	}
	snapshot_release(&s);
}

void flush_clean(struct queue *q, struct entry *finished)
{
	size_t count = 0, filled = 0;
	struct ledger_row *rows;
	uint8_t(*ids)[QUEUE_ROW_ID];

	for (struct entry *e = finished; e; e = e->dirty_next) {
		if (e->detail->body_file)
			body_remove(q, e->detail->body_file);
		count += e->rcpt_count;
	}
	rows = calloc(count + 1, sizeof(*rows));
	ids = calloc(count + 1, sizeof(*ids));
	for (struct entry *e = finished; e && rows && ids; e = e->dirty_next) {
		for (uint32_t i = 0; i < e->rcpt_count; i++) {
			const struct rcpt *r = &e->detail->rcpts[i];

			if (r->kind != RCPT_LOCAL || r->state != RECIPIENT_DELIVERED)
				continue;
			rows[filled].account_id = r->account_id;
			memcpy(rows[filled++].id, e->id.bytes, QUEUE_ROW_ID);
		}
	}
	if (filled)
		ledger_done(q, rows, filled, ids);
	free(rows);
	free(ids);
	pthread_mutex_lock(&q->lock);
	while (finished) {
		struct entry *e = finished;

		finished = e->dirty_next;
		entry_free(q, &e);
	}
	pthread_mutex_unlock(&q->lock);
}
