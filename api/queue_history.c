/* api/queue_history.c: /queue/history: what the queue has finished, of the trace. */
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "daemon/events/trace.h"

#define ANY (-1)

static json_t *entry_json(struct api_call *c, const struct trace_row *r)
{
	json_t *e = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:i}", "id", r->queue_id, "recipient", json_span(r->recipient), "original", json_span_or_null(r->original), "from", json_span(r->sender), "subject",
			      json_span(r->subject), "state", trace_state_name(r->state), "size", (json_int_t)r->size, "attempts", (int)r->attempts);

	if (!e)
		return NULL;
	json_object_set_new(e, "accepted_at", json_time(r->at_ms));
	json_object_set_new(e, "finished_at", json_time(r->last_ms));
	json_object_set_new(e, "reply", json_span(r->last_reply));
	return given_fields(c, e);
}

static int state_of(struct span name)
{
	static const enum trace_state states[] = { TRACE_DELIVERED, TRACE_RELAYED, TRACE_BOUNCED, TRACE_REMOVED };

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (span_equals(name, span_str(trace_state_name(states[i]))))
			return (int)states[i];
	return ANY;
}

void api_queue_history_list(struct api_call *c)
{
	struct trace_filter f = {
		.sender = call_query(c, "sender"),
		.recipient = call_query(c, "recipient"),
		.domain = given_domain(c, call_query(c, "domain")),
		.text = call_query(c, "q"),
		.state = state_of(call_query(c, "state")),
		.finished = true,
		.direction = ANY,
		.since_ms = call_query_time(c, "since"),
		.until_ms = call_query_time(c, "until"),
	};
	struct page page = { .total = -1 };
	struct trace_row *rows = NULL;
	struct paging paging;
	uint64_t before = 0;
	size_t count = 0;
	bool more = false;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	if (!c->caller.all_domains) {
		f.domains = c->caller.domains;
		f.domain_count = c->caller.domain_count;
	}
	if (paging.after.len && span_to_u64(paging.after, INT64_MAX, &before) != ERR_OK)
		before = 0;
	e = trace_search(c->context->trace, &f, before, paging.limit, &c->arena, &rows, &count, &more);
	if (e == ERR_LIMIT) {
		call_reply_problem(c, 400, "search_too_wide", NULL, "nothing was found in what may be looked at: name a sender, a recipient, a state or a shorter time");
		return;
	}
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, entry_json(c, &rows[i]));
	if (more && count)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)rows[count - 1].id));
	call_reply_page(c, &page);
}
