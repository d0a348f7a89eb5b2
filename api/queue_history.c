/* api/queue_history.c: /queue/history: what the queue has finished, of the trace. */
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "api/trace_page.h"

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

void api_queue_history_list(struct api_call *c)
{
	struct trace_filter f = trace_page_filter(c);

	f.finished = true;
	trace_page_reply(c, &f, entry_json);
}
