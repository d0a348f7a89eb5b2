/* ops/webhook_collect.c: events become rows, one for each webhook that asked for them, in one transaction with how far each has come. */
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/events/events.h"
#include "daemon/ops/event_json.h"
#include "daemon/ops/webhook_state.h"
#include "db/control_webhook.h"

#define WAITING_MAX 10000
#define COLLECT_EVENTS 200
#define COLLECT_BYTES (4u * 1024u * 1024u)
#define PAYLOAD_MAX 65536u

struct collecting {
	struct webhooks *w;
	struct arena arena;
	struct db_delivery *rows;
	size_t count, room;
	uint64_t last; /* event that was looked at */
	bool anew;     /* numbers began anew: trace.db is another one */
};

static bool wants(const struct hook *h, const struct event *event)
{
	if (!h->row.enabled || h->full || event->id <= h->row.last_event)
		return false;
	for (size_t i = 0; i < h->row.type_count; i++)
		if (event_pattern_fits(h->row.types[i], event->type))
			return true;
	return false;
}

static bool add_row(struct collecting *c, const struct hook *h, const struct event *event, struct span payload)
{
	if (c->count == c->room)
		return false;
	c->rows[c->count++] = (struct db_delivery){
		.webhook = h->row.id,
		.event = event->id,
		.subject = arena_copy(&c->arena, event->subject),
		.type = span_str(event_name(event->type)),
		.payload = payload,
		.next_ms = clock_real_ms(),
	};
	return !c->arena.failed;
}

static bool take_event(void *arg, const struct event *event)
{
	struct collecting *c = arg;
	struct webhooks *w = c->w;
	struct span payload = SPAN("");
	size_t before = c->count;
	struct buf json;

	for (size_t i = 0; i < w->hook_count; i++) {
		if (!wants(&w->hooks[i], event))
			continue;
		if (!payload.len) {
			buf_init(&json, PAYLOAD_MAX);
			if (event_json(event, &json))
				payload = arena_copy(&c->arena, buf_span(&json));
			buf_clear(&json);
		}
		if (!payload.len || !add_row(c, &w->hooks[i], event, payload)) {
			/* The whole event with the next round; one that can never be written is left out. */
			c->count = before;
			return false;
		}
	}
	c->last = event->id;
	return true;
}

static enum err write_rows(struct db *db, void *arg)
{
	struct collecting *c = arg;
	enum err e = ERR_OK;
	uint64_t id;

	for (size_t i = 0; !e && i < c->count; i++)
		e = db_delivery_add(db, &c->rows[i], &id);
	for (size_t i = 0; !e && i < c->w->hook_count; i++) {
		const struct hook *h = &c->w->hooks[i];

		if (!h->row.enabled || h->full || (h->row.last_event >= c->last && !c->anew))
			continue;
		e = db_webhook_set_last_event(db, h->row.id, c->last);
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	}
	/* A webhook that was removed meanwhile takes its rows along. */
	return e == ERR_STATE ? ERR_TEMP : e;
}

static enum err count_waiting(struct db *db, void *arg)
{
	struct webhooks *w = arg;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < w->hook_count; i++) {
		int64_t count = 0;

		e = db_delivery_count_waiting(db, w->hooks[i].row.id, WAITING_MAX, &count);
		w->hooks[i].full = count >= WAITING_MAX;
	}
	return e;
}

/* The oldest event that some webhook has not had; false: none wants any. */
static bool first_missing(const struct webhooks *w, uint64_t *after_out)
{
	bool any = false;

	for (size_t i = 0; i < w->hook_count; i++) {
		const struct hook *h = &w->hooks[i];

		if (!h->row.enabled || h->full)
			continue;
		if (!any || h->row.last_event < *after_out)
			*after_out = h->row.last_event;
		any = true;
	}
	return any;
}

static void tell_lost(struct webhooks *w, uint64_t after)
{
	for (size_t i = 0; i < w->hook_count; i++)
		if (w->hooks[i].row.enabled && !w->hooks[i].full && w->hooks[i].row.last_event == after)
			webhooks_tell_failing(w, w->hooks[i].row.id, SPAN("events were lost before they could be sent"));
}

/* What is written is had. */
static void move_on(struct collecting *c)
{
	for (size_t i = 0; i < c->w->hook_count; i++) {
		struct hook *h = &c->w->hooks[i];

		if (!h->full && (h->row.last_event < c->last || c->anew))
			h->row.last_event = c->last;
	}
}

bool webhooks_collect(struct webhooks *w)
{
	struct collecting c = { .w = w, .room = (size_t)COLLECT_EVENTS * WEBHOOKS_MAX };
	uint64_t after = 0, newest = events_last_id(w->config.events);
	bool lost = false;
	enum err e;

	if (directory_read(w->config.directory, count_waiting, w) != ERR_OK || !first_missing(w, &after) || after == newest)
		return false;
	arena_init(&c.arena, COLLECT_BYTES);
	c.rows = arena_array(&c.arena, c.room, sizeof(*c.rows));
	c.last = after;
	c.anew = after > newest;
	e = c.rows ? events_read(w->config.events, after, COLLECT_EVENTS, take_event, &c, &lost) : ERR_TEMP;
	/* Numbers that nobody has: go on behind them. */
	if (!e && c.last == after)
		c.last = lost ? newest : after + 1;
	if (!e)
		e = directory_write(w->config.directory, write_rows, &c, NULL);
	webhooks_wrote(w, e, "deliveries");
	if (!e && lost)
		tell_lost(w, after);
	if (!e)
		move_on(&c);
	arena_clear(&c.arena);
	return !e && c.last < newest;
}
