/* api/queue.c: /queue: what waits, each message with its attempts, and steering one. Many are steered in queue_bulk.c. */
#include "daemon/queue/queue.h"

#include <jansson.h>

#include "api/given.h"
#include "api/queue_filter.h"
#include "api/queue_order.h"
#include "api/queue_view.h"
#include "api/resources.h"
#include "daemon/events/events.h"
#include "daemon/events/trace.h"

/* ---- lists ---- */

void api_queue_list(struct api_call *c)
{
	struct page page = { .total = -1 };
	struct queue_id after, last;
	struct queue_entry *entries;
	struct queue_wish wish;
	struct paging paging;
	struct reach reach;
	char next[QUEUE_ID_TEXT];
	size_t count = 0;
	bool more = false, behind;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	behind = paging.after.len > 0 && queue_id_parse(paging.after, &after) == ERR_OK;
	e = queue_wish_read(c, false, &c->arena, &wish);
	if (e == ERR_OK)
		e = reach_copy(c, &c->arena, &reach);
	if (e == ERR_OK)
		e = queue_list(c->context->queue, &wish.filter, behind ? &after : NULL, paging.limit, &c->arena, &entries, &count, &last, &more);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		if (queue_view_shows(&reach, &entries[i]))
			json_array_append_new(page.list, given_fields(c, queue_view_json(c, &reach, &entries[i])));
	if (more) {
		queue_id_text(&last, next);
		page.next_cursor = cursor_make(c, span_str(next));
	}
	call_reply_page(c, &page);
}

/* ---- one ---- */

static bool find_entry(struct api_call *c, struct reach *reach, struct queue_entry *out)
{
	struct queue_id id;
	enum err e = queue_id_parse(c->args[0], &id);

	if (e == ERR_OK)
		e = queue_find(c->context->queue, &id, &c->arena, out);
	if (e == ERR_OK)
		e = reach_copy(c, &c->arena, reach);
	if (e == ERR_OK && queue_view_shows(reach, out))
		return true;
	if (e == ERR_TEMP || e == ERR_LIMIT)
		call_reply_error(c, e, NULL);
	else
		call_reply_problem(c, 404, "not_found", NULL, "there is no such message in the queue");
	return false;
}

static bool shows_address(const struct reach *reach, const struct queue_entry *e, struct span address)
{
	for (size_t i = 0; i < e->recipient_count; i++)
		if (span_equals(e->recipients[i].address, address))
			return queue_view_shows_recipient(reach, e, &e->recipients[i]);
	return reach->all_domains;
}

/* What the trace has of it: a message may be older than the trace, or in a rush not noted. */
static json_t *attempts_json(struct api_call *c, const struct reach *reach, const struct queue_entry *entry)
{
	struct trace_message m = { .step_count = 0 };
	json_t *list = json_array();
	char id[QUEUE_ID_TEXT];

	queue_id_text(&entry->id, id);
	if (!c->context->trace || trace_find(c->context->trace, span_str(id), &c->arena, &m) != ERR_OK)
		return list;
	for (size_t i = 0; i < m.step_count; i++) {
		const struct trace_step *s = &m.steps[i];

		if (s->recipient.len == 0 || span_equals(span_str(s->what), SPAN("expanded")) || !shows_address(reach, entry, s->recipient))
			continue;
		json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "at", json_time(s->at_ms), "recipient", json_span(s->recipient), "result", s->what, "host", json_span_or_null(s->host),
						      "tls", json_span_or_null(s->tls), "reply", json_span(s->detail), "next_at", json_time(s->next_ms)));
	}
	return list;
}

void api_queue_get(struct api_call *c)
{
	struct queue_entry entry;
	struct reach reach;
	json_t *out;

	if (!find_entry(c, &reach, &entry))
		return;
	out = queue_view_json(c, &reach, &entry);
	json_object_set_new(out, "attempts", attempts_json(c, &reach, &entry));
	call_reply_json(c, 200, &out);
}

/* ---- steering ---- */

static void answer_error(struct api_call *c, enum err e, enum queue_action action, struct note *why)
{
	if (e == ERR_STATE && !why->text[0])
		note_set(why, "%s", queue_order_refusal(action));
	if (e == ERR_SYNTAX && (action == QUEUE_ROUTE || action == QUEUE_EXPIRE))
		given_is_wrong(c, e, action == QUEUE_ROUTE ? "route" : "expires_at", why);
	else
		call_abandon(c, e, why);
}

/* The queue has a file of its own: what is done there is done, the audit entry follows. */
static void steer(struct api_call *c, struct queue_order order)
{
	struct queue_filter filter = { .recipient = given_pattern(c, queue_pattern(call_query(c, "recipient"))) };
	struct change change = { .verb = queue_order_verb(order.action), .event = EVENT_QUEUE_CHANGED };
	struct note why = { "" };
	struct queue_entry entry;
	struct reach reach;
	char id[QUEUE_ID_TEXT];
	enum err e;

	if (!find_entry(c, &reach, &entry))
		return;
	if (!queue_view_shows_all(&reach, &entry)) {
		call_reply_problem(c, 403, "not_allowed", NULL, "it goes to domains that are not yours to steer, too");
		return;
	}
	if (!call_begin(c))
		return;
	queue_id_text(&entry.id, id);
	change.subject = span_str(id);
	change.before = queue_view_json(c, &reach, &entry);
	order.filter = &filter;
	e = queue_order_check(&order, &why);
	if (e == ERR_OK && c->dry_run)
		e = queue_order_fits(&order, &entry);
	else if (e == ERR_OK)
		e = queue_steer(c->context->queue, &entry.id, &order, NULL, &why);
	if (e == ERR_OK) {
		call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(change.before);
	answer_error(c, e, order.action, &why);
}

void api_queue_retry(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_RETRY });
}

void api_queue_hold(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_HOLD });
}

void api_queue_release(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_RELEASE });
}

void api_queue_bounce(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_BOUNCE, .words = body_text(c, "words") });
}

void api_queue_delete(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_DELETE });
}

void api_queue_route(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_ROUTE, .route = body_text(c, "route") });
}

void api_queue_expire(struct api_call *c)
{
	steer(c, (struct queue_order){ .action = QUEUE_EXPIRE, .expires_ms = body_time(c, "expires_at") });
}
