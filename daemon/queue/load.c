/* queue/load.c: the scan at start. Rows come recipient by recipient, in order of messages; one message is gathered, then made: its
 * schedule, without its words. */
#include "daemon/queue/load.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/setting.h"
#include "daemon/queue/body.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/lane.h"
#include "daemon/queue/route.h"
#include "db/queue_message.h"

#define GATHER_MAX (16u * 1024u * 1024u)

struct loader {
	struct queue *q;
	const struct snapshot *snapshot;
	struct arena arena; /* of the message that is gathered */
	bool gathering;
	struct queue_row row;
	struct queue_recipient_row *rows;
	struct span *hops;
	size_t count, cap;
	bool open;
	int64_t real_ms, mono_ms, notice_ms;
	size_t messages;
};

/* False: it was accepted a moment ago, and is there already. */
static bool link_one(struct queue *q, struct entry *e)
{
	if (entry_find(q, &e->id)) {
		entry_free(q, &e);
		return false;
	}
	entry_link(q, e);
	entry_start(q, e);
	if (e->open == 0)
		flush_mark(q, e, true);
	return true;
}

static enum err make_entry(struct loader *l)
{
	struct queue *q = l->q;
	struct queue_id id;
	struct entry *e = NULL;
	struct entry_plan plan = {
		.row = &l->row,
		.recipients = l->rows,
		.hops = l->hops,
		.count = l->count,
		.real_ms = l->real_ms,
		.mono_ms = l->mono_ms,
		.lifetime_max_ms = setting_rules[SETTING_QUEUE_DAYS].max * DAY_MS,
		.notice_ms = l->notice_ms,
		.with_detail = !l->open, /* it is about to be removed */
	};
	char text[QUEUE_ID_TEXT];
	enum err err;

	memcpy(id.bytes, l->row.id, sizeof(id.bytes));
	err = entry_new(q, &plan, &e);
	if (e) {
		queue_id_text(&id, text);
		/* It fails with a DSN when its turn comes. */
		if (l->row.body_file.len && !body_exists(q, l->row.body_file))
			log_event(LOG_ERROR, "queue", "corrupt", "qid=%s missing=%s", text, log_quote(l->row.body_file).text);
		pthread_mutex_lock(&q->lock);
		l->messages += link_one(q, e);
		pthread_mutex_unlock(&q->lock);
	}
	l->gathering = false;
	l->count = 0;
	return err;
}

static enum err begin_message(struct loader *l, const struct queue_row *row)
{
	arena_reset(&l->arena);
	l->row = *row;
	l->row.reverse_path = arena_copy(&l->arena, row->reverse_path);
	l->row.body_file = arena_copy(&l->arena, row->body_file);
	l->row.subject = l->row.envid = SPAN("");
	l->cap = 4;
	l->rows = arena_array(&l->arena, l->cap, sizeof(*l->rows));
	l->hops = arena_array(&l->arena, l->cap, sizeof(*l->hops));
	l->gathering = true;
	l->open = false;
	return l->arena.failed ? ERR_TEMP : ERR_OK;
}

static enum err grow(struct loader *l)
{
	size_t cap = l->cap * 2;
	struct queue_recipient_row *rows = arena_array(&l->arena, cap, sizeof(*rows));
	struct span *hops = arena_array(&l->arena, cap, sizeof(*hops));

	if (l->arena.failed)
		return ERR_TEMP;
	memcpy(rows, l->rows, l->count * sizeof(*rows));
	memcpy(hops, l->hops, l->count * sizeof(*hops));
	l->rows = rows;
	l->hops = hops;
	l->cap = cap;
	return ERR_OK;
}

/* Of the texts only what says where it goes. */
static void add_recipient(struct loader *l, const struct queue_row *row, const struct queue_recipient_row *recipient)
{
	struct queue_recipient_row *r = &l->rows[l->count];

	*r = *recipient;
	r->address = r->original = r->orcpt = r->reply = r->status = SPAN("");
	r->route = r->reverse_path = SPAN("");
	if (recipient->kind < RCPT_LOCAL || recipient->kind > RCPT_EXPANDED)
		r->kind = RCPT_UNKNOWN;
	if (recipient->kind == RCPT_REMOTE)
		l->hops[l->count] = recipient->route.len ? arena_copy(&l->arena, recipient->route) : route_hop(l->snapshot, route_domain(recipient->address), route_domain(row->reverse_path), &l->arena);
	l->open |= recipient->state != RECIPIENT_DELIVERED && recipient->state != RECIPIENT_FAILED;
	l->count++;
}

static enum err add_row(void *arg, const struct queue_row *row, const struct queue_recipient_row *recipient)
{
	struct loader *l = arg;
	enum err e = ERR_OK;

	if (l->gathering && memcmp(l->row.id, row->id, sizeof(row->id)) != 0)
		e = make_entry(l);
	if (!e && !l->gathering)
		e = begin_message(l, row);
	if (!e && l->count == l->cap)
		e = grow(l);
	if (e)
		return e;
	/* A row whose number is not its place would be updated in another's stead. */
	if (recipient->n != l->count)
		return ERR_CORRUPT;
	add_recipient(l, row, recipient);
	return l->arena.failed ? ERR_TEMP : ERR_OK;
}

enum err load_rows(struct queue *q, struct note *why)
{
	struct loader l = { .q = q, .real_ms = clock_real_ms(), .mono_ms = clock_mono_ms() };
	enum err e;

	l.snapshot = directory_hold(q->config.directory);
	l.notice_ms = snapshot_number(l.snapshot, SETTING_QUEUE_NOTICE_HOURS) * 3600000;
	arena_init(&l.arena, GATHER_MAX);
	pthread_mutex_lock(&q->reader_lock);
	e = db_queue_scan(q->reader, add_row, &l);
	pthread_mutex_unlock(&q->reader_lock);
	if (!e && l.gathering)
		e = make_entry(&l);
	arena_clear(&l.arena);
	snapshot_release(&l.snapshot);
	if (e)
		note_set(why, "cannot read %s", q->config.path);
	else if (l.messages)
		log_event(LOG_INFO, "queue", "loaded", "messages=%zu", l.messages);
	return e;
}
