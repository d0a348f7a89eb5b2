/* api/queue_view.c: messages of the queue as JSON, and how much of them somebody sees. */
#include "api/queue_view.h"

#include <jansson.h>

#include "api/queue_filter.h"

static const char *const sources[] = { [FROM_MX] = "in", [FROM_SUBMISSION] = "out", [FROM_US] = "dsn" };

static const char *state_name(enum recipient_state state)
{
	switch (state) {
	case RECIPIENT_WAITING: return "waiting";
	case RECIPIENT_ACTIVE: return "active";
	case RECIPIENT_DELIVERED: return "delivered";
	case RECIPIENT_FAILED: return "failed";
	case RECIPIENT_HELD: return "held";
	}
	return "unknown";
}

/* ---- who sees what ---- */

/* A reverse-path from outside proves nothing: who forges one must not show a domain's admin whom others get mail from. */
static bool is_from_reach(const struct reach *r, const struct queue_entry *e)
{
	return r->all_domains || (e->source != FROM_MX && reach_has(r, address_domain(e->reverse_path)));
}

bool queue_view_shows_recipient(const struct reach *r, const struct queue_entry *e, const struct queue_recipient *to)
{
	return is_from_reach(r, e) || reach_has(r, address_domain(to->address)) || reach_has(r, address_domain(to->original));
}

bool queue_view_shows(const struct reach *r, const struct queue_entry *e)
{
	bool shows = is_from_reach(r, e);

	for (size_t i = 0; i < e->recipient_count && !shows; i++)
		shows = queue_view_shows_recipient(r, e, &e->recipients[i]);
	return shows;
}

bool queue_view_shows_all(const struct reach *r, const struct queue_entry *e)
{
	bool all = true;

	for (size_t i = 0; i < e->recipient_count && all; i++)
		all = queue_view_shows_recipient(r, e, &e->recipients[i]);
	return all;
}

/* ---- as JSON ---- */

static json_t *notify_json(unsigned notify)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = { { NOTIFY_NEVER, "never" }, { NOTIFY_SUCCESS, "success" }, { NOTIFY_FAILURE, "failure" }, { NOTIFY_DELAY, "delay" } };
	json_t *list;

	if (notify == 0)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (notify & names[i].bit)
			json_array_append_new(list, json_string(names[i].name));
	return list;
}

static json_t *recipient_json(const struct queue_recipient *r)
{
	json_t *out = json_pack("{s:o, s:s, s:i, s:o, s:o, s:o}", "address", json_span(r->address), "state", state_name(r->state), "attempts", (int)r->attempts, "next_at", json_time(r->next_ms), "last_at",
				json_time(r->last_ms), "last_reply", json_span(r->last_reply));

	if (!out)
		return NULL;
	json_object_set_new(out, "status", json_span_or_null(r->status));
	json_object_set_new(out, "hold", r->state == RECIPIENT_HELD ? json_string(queue_hold_name(r->hold)) : json_null());
	json_object_set_new(out, "destination", r->remote ? json_span_or_null(r->destination) : json_null());
	json_object_set_new(out, "route", json_span_or_null(r->route));
	json_object_set_new(out, "original", span_equals(r->original, r->address) ? json_null() : json_span_or_null(r->original));
	json_object_set_new(out, "notify", notify_json(r->notify));
	return out;
}

json_t *queue_view_json(struct api_call *c, const struct reach *r, const struct queue_entry *e)
{
	char id[QUEUE_ID_TEXT];
	json_t *recipients = json_array(), *out;

	for (size_t i = 0; i < e->recipient_count; i++)
		if (queue_view_shows_recipient(r, e, &e->recipients[i]))
			json_array_append_new(recipients, recipient_json(&e->recipients[i]));
	queue_id_text(&e->id, id);
	out = json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:o}", "id", id, "accepted_at", json_time(e->accepted_ms), "expires_at", json_time(e->expires_ms), "from", json_span(e->reverse_path), "subject",
			json_span(e->subject), "size", (json_int_t)e->size, "recipients", recipients);
	if (!out)
		return NULL;
	json_object_set_new(out, "direction", json_string(sources[e->source <= FROM_US ? e->source : FROM_MX]));
	json_object_set_new(out, "account", e->account_id ? json_span(arena_printf(&c->arena, "usr_%llu", (unsigned long long)e->account_id)) : json_null());
	json_object_set_new(out, "envelope_id", json_span_or_null(e->envid));
	json_object_set_new(out, "priority", json_integer(e->priority));
	json_object_set_new(out, "require_tls", json_boolean(e->require_tls));
	json_object_set_new(out, "release_at", json_time(e->release_ms));
	json_object_set_new(out, "deliver_by", json_time(e->deliver_by_ms));
	return out;
}
