/* api/messages.c: /messages: the trace: what happened to each message. Sending is in send.c. */
#include <jansson.h>
#include <stdlib.h>

#include "api/given.h"
#include "api/resources.h"
#include "api/trace_page.h"
#include "daemon/base/encode.h"

static const char *const directions[] = { [TRACE_IN] = "in", [TRACE_OUT] = "out", [TRACE_OURS] = "dsn" };

static const char *direction_name(enum trace_direction direction)
{
	return directions[direction <= TRACE_OURS ? direction : TRACE_IN];
}

/* A queue id; of a refused message the number of its row. */
static struct span id_text(struct api_call *c, const char *queue_id, uint64_t row)
{
	return queue_id[0] ? span_str(queue_id) : arena_printf(&c->arena, "refused_%llu", (unsigned long long)row);
}

static bool reaches_row(const struct api_call *c, const struct trace_row *r)
{
	return call_reaches_domain(c, given_domain_of(r->recipient)) || (r->original.len && call_reaches_domain(c, given_domain_of(r->original)));
}

/* ---- lists ---- */

static json_t *entry_json(struct api_call *c, const struct trace_row *r)
{
	json_t *e = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id", json_span(id_text(c, r->queue_id, r->id)), "recipient", json_span(r->recipient), "original", json_span_or_null(r->original),
			      "sender", json_span(r->sender), "subject", json_span(r->subject), "message_id", json_span(r->message_id));

	if (!e)
		return NULL;
	json_object_set_new(e, "direction", json_string(direction_name(r->direction)));
	json_object_set_new(e, "state", json_string(trace_state_name(r->state)));
	json_object_set_new(e, "size", json_integer((json_int_t)r->size));
	json_object_set_new(e, "attempts", json_integer(r->attempts));
	json_object_set_new(e, "arrived_at", json_time(r->at_ms));
	json_object_set_new(e, "last_at", json_time(r->last_ms));
	json_object_set_new(e, "next_at", json_time(r->next_ms));
	json_object_set_new(e, "last_reply", json_span(r->last_reply));
	return given_fields(c, e);
}

static int direction_of(struct span name)
{
	for (int direction = 0; direction <= TRACE_OURS; direction++)
		if (span_equals(name, span_str(directions[direction])))
			return direction;
	return TRACE_PAGE_ANY;
}

void api_messages_list(struct api_call *c)
{
	struct trace_filter f = trace_page_filter(c);

	f.id = call_query(c, "id");
	f.direction = direction_of(call_query(c, "direction"));
	trace_page_reply(c, &f, entry_json);
}

/* ---- one ---- */

/* Whom the caller may see of it. */
struct view {
	const struct trace_message *m;
	bool all;
};

static bool sees_row(const struct api_call *c, const struct view *v, const struct trace_row *r)
{
	return v->all || reaches_row(c, r);
}

static bool sees_recipient(const struct api_call *c, const struct view *v, struct span recipient)
{
	for (size_t i = 0; i < v->m->row_count; i++)
		if (span_equals(v->m->rows[i].recipient, recipient) && sees_row(c, v, &v->m->rows[i]))
			return true;
	return recipient.len == 0;
}

static bool may_see(struct api_call *c, struct view *v)
{
	const struct trace_arrival *a = &v->m->arrival;

	if (c->caller.role == ROLE_USER) {
		v->all = a->account_id && a->account_id == c->caller.account_id;
		return v->all;
	}
	/* The sender of what comes from outside is a claim. */
	v->all = c->caller.all_domains || (a->direction != TRACE_IN && a->sender.len && call_reaches_domain(c, given_domain_of(a->sender)));
	for (size_t i = 0; i < v->m->row_count; i++)
		if (sees_row(c, v, &v->m->rows[i]))
			return true;
	return v->all;
}

/* What needs attention goes before what is over. */
static enum trace_state worst_state(const struct api_call *c, const struct view *v)
{
	static const enum trace_state order[] = { TRACE_DEFERRED, TRACE_QUEUED, TRACE_BOUNCED, TRACE_REJECTED, TRACE_REMOVED, TRACE_RELAYED };

	for (size_t k = 0; k < sizeof order / sizeof order[0]; k++)
		for (size_t i = 0; i < v->m->row_count; i++)
			if (v->m->rows[i].state == order[k] && sees_row(c, v, &v->m->rows[i]))
				return order[k];
	return TRACE_DELIVERED;
}

static json_t *recipients_json(const struct api_call *c, const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->m->row_count; i++) {
		const struct trace_row *r = &v->m->rows[i];

		if (!sees_row(c, v, r))
			continue;
		json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:i, s:o, s:o, s:o}", "address", json_span(r->recipient), "original", json_span_or_null(r->original), "state", trace_state_name(r->state),
						      "attempts", (int)r->attempts, "last_at", json_time(r->last_ms), "next_at", json_time(r->next_ms), "last_reply", json_span(r->last_reply)));
	}
	return list;
}

static json_t *timeline_json(const struct api_call *c, const struct view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->m->step_count; i++) {
		const struct trace_step *s = &v->m->steps[i];

		if (!v->all && !sees_recipient(c, v, s->recipient))
			continue;
		json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "at", json_time(s->at_ms), "what", s->what, "recipient", json_span_or_null(s->recipient), "host", json_span_or_null(s->host),
						      "detail", json_span_or_null(s->detail), "next_at", json_time(s->next_ms)));
	}
	return list;
}

static json_t *message_json(struct api_call *c, const struct view *v)
{
	const struct trace_arrival *a = &v->m->arrival;
	char id[33] = "";
	struct buf hex;
	json_t *m;

	if (a->queue_id && v->m->row_count == 0) {
		buf_init(&hex, sizeof id);
		hex_encode(span_make((const char *)a->queue_id, 16), &hex);
		memcpy(id, hex.ptr, hex.len);
		buf_clear(&hex);
	}
	m = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "id", json_span(v->m->row_count ? id_text(c, v->m->rows[0].queue_id, v->m->rows[0].id) : span_str(id)), "direction",
		      direction_name(a->direction), "state", trace_state_name(worst_state(c, v)), "sender", json_span(a->sender), "subject", json_span(a->subject), "message_id", json_span(a->message_id),
		      "size", (json_int_t)a->size, "arrived_at", json_time(a->at_ms));
	if (!m)
		return NULL;
	json_object_set_new(m, "peer", json_span_or_null(a->peer));
	json_object_set_new(m, "helo", json_span_or_null(a->helo));
	json_object_set_new(m, "tls", json_span_or_null(a->tls));
	json_object_set_new(m, "account", a->account_id ? json_span(arena_printf(&c->arena, "usr_%llu", (unsigned long long)a->account_id)) : json_null());
	json_object_set_new(m, "named", a->given_count && v->all ? json_spans(a->given, a->given_count) : json_null());
	json_object_set_new(m, "recipients", recipients_json(c, v));
	json_object_set_new(m, "timeline", timeline_json(c, v));
	return m;
}

void api_message_get(struct api_call *c)
{
	struct trace_message message;
	struct view view = { .m = &message };
	enum err e = trace_find(c->context->trace, c->args[0], &c->arena, &message);
	json_t *out;

	if (e == ERR_NOT_FOUND || (e == ERR_OK && !may_see(c, &view))) {
		call_reply_problem(c, 404, "not_found", NULL, "there is no such message in the trace");
		return;
	}
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = message_json(c, &view);
	call_reply_json(c, 200, &out);
}
