/* api/destinations.c: /queue/destinations: next hops that mail waits for, and pausing them. */
#include <jansson.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/events/events.h"
#include "daemon/queue/steering.h"

static json_t *pause_json(const struct queue_pause *p)
{
	return json_pack("{s:o, s:o, s:o}", "reason", json_span(p->reason), "since", json_time(p->created_ms), "until", json_time(p->until_ms));
}

static json_t *destination_json(const struct queue_destination *d)
{
	return json_pack("{s:o, s:b, s:o, s:I, s:i, s:i, s:i, s:o, s:o, s:o}", "name", json_span(d->name), "paused", (int)d->paused, "pause", d->paused ? pause_json(&d->pause) : json_null(), "messages",
			 (json_int_t)d->messages, "active", (int)d->active, "limit", (int)d->limit, "failures", (int)d->failures, "held_until", json_time(d->held_until_ms), "oldest_at",
			 json_time(d->oldest_ms), "last_error", json_span_or_null(d->last_error));
}

/* ---- lists ---- */

struct destination_list {
	struct api_call *c;
	struct queue_destination *list;
	struct span part;
	int paused; /* -1: any */
};

static bool fits(void *arg, size_t i)
{
	const struct destination_list *l = arg;

	return (l->paused < 0 || l->list[i].paused == (l->paused != 0)) && given_holds(l->list[i].name, l->part);
}

static struct span key(void *arg, size_t i)
{
	return ((const struct destination_list *)arg)->list[i].name;
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	return destination_json(&((const struct destination_list *)arg)->list[i]);
}

void api_destinations_list(struct api_call *c)
{
	struct destination_list l = { .c = c, .part = given_fold(c, call_query(c, "q")), .paused = call_has_query(c, "paused") ? call_query_flag(c, "paused") : -1 };
	struct listing listing = { .arg = &l, .fits = fits, .key = key, .compare = compare, .show = show };
	enum err e = queue_destinations(c->context->queue, &c->arena, &l.list, &listing.count);

	if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	else
		listing_reply(c, &listing);
}

/* ---- one ---- */

void api_destination_get(struct api_call *c)
{
	struct queue_destination d;
	enum err e = queue_destination_find(c->context->queue, given_hop(c, c->args[0]), &c->arena, &d);
	json_t *out;

	if (e == ERR_NOT_FOUND) {
		call_reply_problem(c, 404, "not_found", NULL, "no mail waits for that, and it is not paused");
		return;
	}
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = destination_json(&d);
	call_reply_json(c, 200, &out);
}

/* ERR_NOT_FOUND: it is not paused. */
static enum err find_pause(struct api_call *c, struct span name, struct queue_pause *out)
{
	struct queue_destination d;
	enum err e = queue_destination_find(c->context->queue, name, &c->arena, &d);

	if (e == ERR_OK && !d.paused)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		*out = d.pause;
	return e;
}

/* A domain whose mail goes over a relay is no destination: pausing it would stop nothing. Unless mail waits for it from before. */
static bool is_relayed(struct api_call *c, struct span name, struct span *hop_out)
{
	const struct snapshot *s = call_directory(c);
	const struct relay_host *via = span_find_char(name, ':', &(size_t){ 0 }) ? NULL : snapshot_relay_for(s, name, SPAN(""));
	struct queue_destination d;

	*hop_out = via ? arena_printf(&c->arena, "%.*s:%u", (int)via->host.len, via->host.ptr, (unsigned)via->port) : SPAN("");
	call_release(c, &s);
	return via && queue_destination_find(c->context->queue, name, &c->arena, &d) == ERR_NOT_FOUND;
}

/* The queue has a file of its own: what is done there is done, the audit entry follows. */
void api_destination_pause_put(struct api_call *c)
{
	struct queue_pause old, fresh = { .destination = given_hop(c, c->args[0]), .reason = body_text(c, "reason"), .created_ms = clock_real_ms(), .until_ms = body_time(c, "until") };
	struct change change = { .verb = "pause", .subject = fresh.destination, .event = EVENT_DESTINATION_CHANGED };
	struct note why = { "" };
	json_t *before = NULL, *out;
	struct span hop;
	enum err e;

	if (is_relayed(c, fresh.destination, &hop)) {
		call_reply_problem(c, 422, "invalid", NULL, "mail for that domain goes over a relay: pause %.*s", (int)hop.len, hop.ptr);
		return;
	}
	if (fresh.until_ms && fresh.until_ms <= fresh.created_ms) {
		call_reply_problem(c, 422, "invalid", "until", "that time is over");
		return;
	}
	if (!call_begin(c))
		return;
	e = find_pause(c, fresh.destination, &old);
	if (e == ERR_OK)
		before = pause_json(&old);
	if ((e == ERR_OK || e == ERR_NOT_FOUND))
		e = c->dry_run ? queue_pause_check(&fresh, &why) : queue_pause_set(c->context->queue, &fresh, &why);
	if (e != ERR_OK) {
		json_decref(before);
		call_abandon(c, e, &why);
		return;
	}
	change.before = before;
	change.after = pause_json(&fresh);
	out = pause_json(&fresh);
	if (!before)
		call_header(c, "Location", c->request->path);
	call_finish(c, before ? 200 : 201, &out, &change);
}

void api_destination_pause_delete(struct api_call *c)
{
	struct change change = { .verb = "resume", .subject = given_hop(c, c->args[0]), .event = EVENT_DESTINATION_CHANGED };
	const struct note why = { "it is not paused" };
	struct queue_pause old;
	enum err e;

	if (!call_begin(c))
		return;
	e = find_pause(c, change.subject, &old);
	if (e == ERR_OK)
		change.before = pause_json(&old);
	if (e == ERR_OK && !c->dry_run)
		e = queue_pause_end(c->context->queue, change.subject);
	if (e != ERR_OK) {
		json_decref(change.before);
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
		return;
	}
	call_finish(c, 204, NULL, &change);
}
