/* api/trace_page.c: see trace_page.h. */
#include "api/trace_page.h"

#include <jansson.h>

#include "api/given.h"

static int state_of(struct span name)
{
	for (int state = 0; state <= TRACE_REJECTED; state++)
		if (span_equals(name, span_str(trace_state_name((enum trace_state)state))))
			return state;
	return TRACE_PAGE_ANY;
}

struct trace_filter trace_page_filter(struct api_call *c)
{
	struct trace_filter f = {
		.sender = given_pattern(c, call_query(c, "sender")),
		.recipient = given_pattern(c, call_query(c, "recipient")),
		.text = call_query(c, "q"),
		.domain = call_query(c, "domain"),
		.state = state_of(call_query(c, "state")),
		.direction = TRACE_PAGE_ANY,
		.since_ms = call_query_time(c, "since"),
		.until_ms = call_query_time(c, "until"),
	};

	if (f.domain.len)
		f.domain = given_domain(c, f.domain);
	if (!c->caller.all_domains) {
		f.domains = c->caller.domains;
		f.domain_count = c->caller.domain_count;
	}
	return f;
}

void trace_page_reply(struct api_call *c, const struct trace_filter *f, json_t *(*show)(struct api_call *c, const struct trace_row *r))
{
	struct page page = { .total = -1 };
	struct trace_row *rows = NULL;
	struct paging paging;
	uint64_t before = 0;
	size_t count = 0;
	bool more = false;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	if (paging.after.len && span_to_u64(paging.after, INT64_MAX, &before) != ERR_OK)
		before = 0;
	e = trace_search(c->context->trace, f, before, paging.limit, &c->arena, &rows, &count, &more);
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
		json_array_append_new(page.list, show(c, &rows[i]));
	if (more && count)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)rows[count - 1].id));
	call_reply_page(c, &page);
}
