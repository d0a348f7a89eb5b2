/* queue/load.c: the scan at start. Rows come recipient by recipient, in order of messages; one message is gathered, then made.
 *
 * Wall times become monotonic ones here, each within the bounds that this daemon could have set: a clock that was stepped
 * while it was down neither floods nor stalls the queue.
 */
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

#define GATHER_MAX (8u * 1024u * 1024u)
#define WAIT_MAX_MS (9 * 3600000LL) /* the longest retry, with its spread */

struct loader {
	struct queue *q;
	const struct snapshot *snapshot;
	struct arena arena; /* of the message that is gathered */
	bool gathering;
	struct queue_row row;
	struct rcpt *rcpts;
	struct span *hops;
	int64_t *next_ms;
	size_t count, cap;
	int64_t real_ms, mono_ms;
	size_t messages;
};

static int64_t clamp(int64_t value, int64_t max)
{
	return value < 0 ? 0 : value > max ? max
					   : value;
}

static void start_parts(struct loader *l, struct entry *e)
{
	struct queue *q = l->q;

	for (uint32_t i = 0; i < e->part_count; i++) {
		struct part *p = &e->parts[i];
		int64_t wait_ms = WAIT_MAX_MS;

		if (p->state != PART_WAITING)
			continue;
		for (uint32_t r = p->first; r < p->first + p->count; r++) {
			int64_t left_ms = l->next_ms[r] ? clamp(l->next_ms[r] - l->real_ms, WAIT_MAX_MS) : 0;

			if (e->rcpts[r].state == RECIPIENT_WAITING && left_ms < wait_ms)
				wait_ms = left_ms;
		}
		if (wait_ms == 0)
			part_ready(q, p);
		else
			part_wait(q, p, l->mono_ms + wait_ms);
	}
}

static enum err make_entry(struct loader *l)
{
	struct queue *q = l->q;
	struct queue_id id;
	struct entry *e = NULL;
	struct entry_plan plan = { .accepted_ms = l->row.accepted_ms, .size = l->row.size, .reverse_path = l->row.reverse_path, .body_file = l->row.body_file, .rcpts = l->rcpts, .hops = l->hops, .count = l->count };
	char text[QUEUE_ID_TEXT];
	enum err err = ERR_OK;

	memcpy(id.bytes, l->row.id, sizeof(id.bytes));
	plan.id = id;
	plan.expires_mono_ms = l->mono_ms + clamp(l->row.expires_ms - l->real_ms, setting_rules[SETTING_QUEUE_DAYS].max * DAY_MS);
	plan.smtputf8 = l->row.flags & ROW_SMTPUTF8;
	plan.body_8bit = l->row.flags & ROW_8BIT;
	if (!entry_find(q, &id))
		err = entry_new(q, &plan, &e);
	if (e) {
		queue_id_text(&id, text);
		/* It fails with a DSN when its turn comes. */
		if (e->body_file && !body_exists(q, l->row.body_file))
			log_event(LOG_ERROR, "queue", "corrupt", "qid=%s missing=%s", text, log_quote(l->row.body_file).text);
		pthread_mutex_lock(&q->lock);
		entry_link(q, e);
		start_parts(l, e);
		if (e->open == 0)
			flush_mark(q, e, true);
		pthread_mutex_unlock(&q->lock);
		l->messages++;
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
	l->cap = 4;
	l->rcpts = arena_array(&l->arena, l->cap, sizeof(*l->rcpts));
	l->hops = arena_array(&l->arena, l->cap, sizeof(*l->hops));
	l->next_ms = arena_array(&l->arena, l->cap, sizeof(*l->next_ms));
	l->gathering = true;
	return l->arena.failed ? ERR_TEMP : ERR_OK;
}

static enum err grow(struct loader *l)
{
	size_t cap = l->cap * 2;
	struct rcpt *rcpts = arena_array(&l->arena, cap, sizeof(*rcpts));
	struct span *hops = arena_array(&l->arena, cap, sizeof(*hops));
	int64_t *next_ms = arena_array(&l->arena, cap, sizeof(*next_ms));

	if (l->arena.failed)
		return ERR_TEMP;
	memcpy(rcpts, l->rcpts, l->count * sizeof(*rcpts));
	memcpy(hops, l->hops, l->count * sizeof(*hops));
	memcpy(next_ms, l->next_ms, l->count * sizeof(*next_ms));
	l->rcpts = rcpts;
	l->hops = hops;
	l->next_ms = next_ms;
	l->cap = cap;
	return ERR_OK;
}

static enum err add_row(void *arg, const struct queue_row *row, const struct queue_recipient_row *recipient)
{
	struct loader *l = arg;
	struct rcpt *r;
	enum err e = ERR_OK;

	if (l->gathering && memcmp(l->row.id, row->id, sizeof(row->id)) != 0)
		e = make_entry(l);
	if (!e && !l->gathering)
		e = begin_message(l, row);
	if (!e && l->count == l->cap)
		e = grow(l);
	if (e)
		return e;
	r = &l->rcpts[l->count];
	*r = (struct rcpt){ .kind = (enum rcpt_kind)recipient->kind, .state = (enum recipient_state)recipient->state, .account_id = recipient->account_id, .attempts = recipient->attempts, .last_ms = recipient->last_ms };
	if (recipient->kind < RCPT_LOCAL || recipient->kind > RCPT_LOOP)
		r->kind = RCPT_UNKNOWN;
	/* A row whose number is not its place would be updated in another's stead. */
	if (recipient->n != l->count)
		return ERR_CORRUPT;
	r->address = arena_copy(&l->arena, recipient->address);
	r->original = recipient->original.len ? arena_copy(&l->arena, recipient->original) : r->address;
	if (r->kind == RCPT_REMOTE)
		l->hops[l->count] = route_hop(l->snapshot, route_domain(r->address), &l->arena);
	l->next_ms[l->count++] = recipient->next_ms;
	return l->arena.failed ? ERR_TEMP : ERR_OK;
}

enum err load_rows(struct queue *q, struct note *why)
{
	struct loader l = { .q = q, .real_ms = clock_real_ms(), .mono_ms = clock_mono_ms() };
	enum err e;

	l.snapshot = directory_hold(q->config.directory);
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
