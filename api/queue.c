/* api/queue.c: /queue: what waits, and how to get it moving. */
#include "daemon/queue/queue.h"

#include <jansson.h>

#include "api/resources.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX 500

static const char *state_name(enum recipient_state state)
{
	switch (state) {
	case RECIPIENT_WAITING: return "waiting";
	case RECIPIENT_ACTIVE: return "active";
	case RECIPIENT_DELIVERED: return "delivered";
	case RECIPIENT_FAILED: return "failed";
	}
	return "unknown";
}

static json_t *entry_json(const struct queue_entry *e)
{
	char id[QUEUE_ID_TEXT];
	json_t *recipients = json_array();

	for (size_t i = 0; i < e->recipient_count; i++) {
		const struct queue_recipient *r = &e->recipients[i];

		json_array_append_new(recipients, json_pack("{s:o, s:s, s:i, s:o, s:o, s:o}", "address", json_span(r->address), "state", state_name(r->state), "attempts", (int)r->attempts,
							    "next_at", json_time(r->next_ms), "last_at", json_time(r->last_ms), "last_reply", json_span(r->last_reply)));
	}
	queue_id_text(&e->id, id);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:o}", "id", id, "accepted_at", json_time(e->accepted_ms), "expires_at", json_time(e->expires_ms),
			 "from", json_span(e->reverse_path), "subject", json_span(e->subject), "size", (json_int_t)e->size, "recipients", recipients);
}

/* The value of a query parameter; empty when it is not there. Ours are of letters and digits: nothing to decode. */
static struct span query_value(struct span query, struct span name)
{
	struct span rest = query, pair;
	size_t equals;

	while (span_split(&rest, '&', &pair))
		if (span_find_char(pair, '=', &equals) && span_equals(span_take(pair, equals), name))
			return span_skip(pair, equals + 1);
	return SPAN("");
}

void api_queue_list(struct api_call *c)
{
	struct span limit_text = query_value(c->request->query, SPAN("limit")), cursor = query_value(c->request->query, SPAN("cursor"));
	uint64_t limit = PAGE_DEFAULT;
	struct queue_id after;
	struct queue_entry *entries;
	size_t count;
	char next[QUEUE_ID_TEXT] = "";
	json_t *list;
	enum err e;

	if ((limit_text.len && (span_to_u64(limit_text, PAGE_MAX, &limit) != ERR_OK || limit == 0)) || (cursor.len && queue_id_parse(cursor, &after) != ERR_OK)) {
		call_reply_problem(c, 400, "bad_query", NULL, "limit is 1 to %d, cursor what a page gave as next_cursor", PAGE_MAX);
		return;
	}
	e = queue_list(c->context->queue, cursor.len ? &after : NULL, limit, &c->arena, &entries, &count);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, entry_json(&entries[i]));
	if (count == limit)
		queue_id_text(&entries[count - 1].id, next);
	call_reply_page(c, &(struct page){ .list = list, .next_cursor = span_str(next), .total = -1 });
}

static bool path_id(struct api_call *c, struct queue_id *out)
{
	if (queue_id_parse(c->args[0], out) == ERR_OK)
		return true;
	call_reply_problem(c, 404, "not_found", NULL, "there is no such message in the queue");
	return false;
}

void api_queue_get(struct api_call *c)
{
	struct queue_id id;
	struct queue_entry entry;
	enum err e;
	json_t *out;

	if (!path_id(c, &id))
		return;
	e = queue_find(c->context->queue, &id, &c->arena, &entry);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = entry_json(&entry);
	call_reply_json(c, 200, &out);
}

static void steer(struct api_call *c, enum err (*verb)(struct queue *q, const struct queue_id *id))
{
	struct queue_id id;
	struct note why = { "" };
	enum err e;

	if (!path_id(c, &id))
		return;
	e = verb(c->context->queue, &id);
	if (e == ERR_STATE)
		note_set(&why, "an attempt is under way: try again when it has ended");
	if (e == ERR_OK)
		call_reply_empty(c);
	else
		call_reply_error(c, e, &why);
}

void api_queue_retry(struct api_call *c)
{
	steer(c, queue_retry);
}

void api_queue_delete(struct api_call *c)
{
	steer(c, queue_remove);
}
