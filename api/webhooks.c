/* api/webhooks.c: /webhooks and the log of their deliveries. A secret is shown once, when it is made. */
#include "daemon/ops/webhooks.h"

#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "daemon/events/events.h"
#include "daemon/ops/webhook_rows.h"

#define SECRET_MAX 128u
#define ANY (-1)

static const char *const states[] = { [DELIVERY_WAITING] = "waiting", [DELIVERY_DONE] = "delivered", [DELIVERY_GIVEN_UP] = "given_up" };

static json_t *webhook_json(struct api_call *c, const struct webhook *w)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b, s:o}", "id", json_span(arena_printf(&c->arena, "whk_%llu", (unsigned long long)w->id)), "url", json_span(w->url), "types",
			 json_spans(w->types, w->type_count), "enabled", (int)w->enabled, "has_old_secret", (int)w->has_old_secret, "failing", (int)w->failing, "created_at", json_time(w->created_ms));
}

static json_t *delivery_json(struct api_call *c, const struct delivery *d)
{
	return json_pack("{s:o, s:I, s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:o}", "id", json_span(arena_printf(&c->arena, "dlv_%llu", (unsigned long long)d->id)), "event", (json_int_t)d->event, "type",
			 json_span(d->type), "subject", json_span(d->subject), "state", states[d->state], "attempts", (int)d->attempts, "next_at", json_time(d->next_ms), "last_at",
			 json_time(d->last_ms), "last_status", d->last_status ? json_integer(d->last_status) : json_null(), "last_error", d->last_error.len ? json_span(d->last_error) : json_null());
}

/* "whk_17"; 0: not one of ours. */
static uint64_t id_of(struct span text, struct span prefix)
{
	uint64_t id;

	if (!span_starts(text, prefix) || span_to_u64(span_skip(text, prefix.len), INT64_MAX, &id) != ERR_OK)
		return 0;
	return id;
}

static bool find(struct api_call *c, struct webhook *out)
{
	enum err e = webhook_find(c->context->directory, id_of(c->args[0], SPAN("whk_")), &c->arena, out);

	if (e == ERR_OK)
		return true;
	if (c->open)
		call_abandon(c, e, NULL);
	else if (e == ERR_NOT_FOUND)
		call_reply_problem(c, 404, "not_found", NULL, "there is no such webhook");
	else
		call_reply_error(c, e, NULL);
	return false;
}

static uint64_t newest_event(const struct api_call *c)
{
	return c->context->events ? events_last_id(c->context->events) : 0;
}

/* ---- lists ---- */

static uint64_t number_after(const struct paging *p)
{
	uint64_t id;

	return p->after.len && span_to_u64(p->after, INT64_MAX, &id) == ERR_OK ? id : 0;
}

void api_webhooks_list(struct api_call *c)
{
	struct page page = { .total = 0 };
	struct webhook *list;
	struct paging paging;
	size_t count, shown = 0;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	e = webhook_list(c->context->directory, WEBHOOK_PLAIN, &c->arena, &list, &count);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	page.total = (int64_t)count;
	for (size_t i = 0; i < count; i++) {
		if (list[i].id <= number_after(&paging))
			continue;
		if (shown == paging.limit) {
			page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)list[i - 1].id));
			break;
		}
		json_array_append_new(page.list, given_fields(c, webhook_json(c, &list[i])));
		shown++;
	}
	call_reply_page(c, &page);
}

void api_webhook_get(struct api_call *c)
{
	struct webhook w;
	json_t *out;

	if (!find(c, &w))
		return;
	out = webhook_json(c, &w);
	call_reply_json(c, 200, &out);
}

/* ---- changes ---- */

static void read_fields(struct api_call *c, struct webhook *w)
{
	if (body_has(c, "url"))
		w->url = body_text(c, "url");
	if (body_has(c, "types"))
		w->types = body_texts(c, "types", &w->type_count);
	if (body_has(c, "enabled"))
		w->enabled = body_flag(c, "enabled");
}

/* What the fields' own rules do not know. */
static void is_wrong(struct api_call *c, enum err e, const struct note *why)
{
	bool types = e == ERR_SYNTAX && strncmp(why->text, "there are no events", 19) == 0;

	if (e == ERR_SYNTAX || e == ERR_DENIED)
		given_is_wrong(c, ERR_SYNTAX, types ? "types" : "url", why);
	else
		call_abandon(c, e, why);
}

static void answer_with_secret(struct api_call *c, int status, uint64_t id, struct buf *secret, struct change *change)
{
	struct webhook w = { .id = 0 };
	json_t *out = NULL;
	enum err e = webhook_find(c->context->directory, id, &c->arena, &w);

	if (e != ERR_OK) {
		call_abandon(c, e, NULL);
		return;
	}
	change->subject = arena_printf(&c->arena, "whk_%llu", (unsigned long long)id);
	change->after = webhook_json(c, &w);
	out = webhook_json(c, &w);
	json_object_set_new(out, "secret", json_span(buf_span(secret)));
	if (call_finish(c, status, &out, change))
		webhooks_kick(c->context->webhooks);
}

void api_webhook_create(struct api_call *c)
{
	struct change change = { .verb = "create", .event = EVENT_WEBHOOK_CHANGED };
	struct webhook w = { .enabled = true };
	struct note why = { "" };
	struct buf secret;
	uint64_t id = 0;
	enum err e;

	if (!call_begin(c))
		return;
	read_fields(c, &w);
	buf_init(&secret, SECRET_MAX);
	e = webhook_add(c->context->directory, &w, newest_event(c), &id, &secret, &why);
	if (e == ERR_OK) {
		call_location(c, "webhooks", arena_printf(&c->arena, "whk_%llu", (unsigned long long)id));
		answer_with_secret(c, 201, id, &secret, &change);
	} else {
		is_wrong(c, e, &why);
	}
	buf_wipe(&secret);
}

void api_webhook_update(struct api_call *c)
{
	struct change change = { .verb = "update", .event = EVENT_WEBHOOK_CHANGED };
	struct note why = { "" };
	struct webhook w;
	json_t *out;
	enum err e;

	if (!call_begin(c) || !find(c, &w))
		return;
	change.before = webhook_json(c, &w);
	if (!call_if_match(c, change.before)) {
		json_decref(change.before);
		return;
	}
	read_fields(c, &w);
	e = webhook_set(c->context->directory, &w, newest_event(c), &why);
	if (e != ERR_OK) {
		json_decref(change.before);
		is_wrong(c, e, &why);
		return;
	}
	change.subject = arena_printf(&c->arena, "whk_%llu", (unsigned long long)w.id);
	change.after = webhook_json(c, &w);
	out = webhook_json(c, &w);
	if (call_finish(c, 200, &out, &change))
		webhooks_kick(c->context->webhooks);
}

void api_webhook_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = EVENT_WEBHOOK_CHANGED };
	struct webhook w;
	enum err e;

	if (!call_begin(c) || !find(c, &w))
		return;
	change.before = webhook_json(c, &w);
	if (!call_if_match(c, change.before)) {
		json_decref(change.before);
		return;
	}
	e = webhook_remove(c->context->directory, w.id);
	if (e != ERR_OK) {
		json_decref(change.before);
		call_abandon(c, e, NULL);
		return;
	}
	change.subject = arena_printf(&c->arena, "whk_%llu", (unsigned long long)w.id);
	if (call_finish(c, 204, NULL, &change))
		webhooks_kick(c->context->webhooks);
}

void api_webhook_rotate_secret(struct api_call *c)
{
	struct change change = { .verb = "rotate_secret", .event = EVENT_WEBHOOK_CHANGED };
	struct webhook w;
	struct buf secret;
	enum err e;

	if (!call_begin(c) || !find(c, &w))
		return;
	buf_init(&secret, SECRET_MAX);
	e = webhook_rotate(c->context->directory, w.id, &secret);
	if (e == ERR_OK)
		answer_with_secret(c, 200, w.id, &secret, &change);
	else
		call_abandon(c, e, NULL);
	buf_wipe(&secret);
}

/* ---- deliveries ---- */

static void finish_delivery(struct api_call *c, const struct webhook *w, uint64_t id, const char *verb)
{
	struct change change = { .verb = verb, .event = -1 };
	struct delivery d;
	json_t *out;
	enum err e = delivery_find(c->context->directory, w->id, id, &c->arena, &d);

	if (e != ERR_OK) {
		call_abandon(c, e, NULL);
		return;
	}
	change.subject = arena_printf(&c->arena, "whk_%llu", (unsigned long long)w->id);
	out = delivery_json(c, &d);
	if (call_finish(c, 202, &out, &change))
		webhooks_kick(c->context->webhooks);
}

void api_webhook_test(struct api_call *c)
{
	struct webhook w;
	uint64_t id = 0;
	enum err e;

	if (!call_begin(c) || !find(c, &w))
		return;
	e = delivery_test(c->context->directory, w.id, newest_event(c), &id);
	if (e == ERR_OK)
		finish_delivery(c, &w, id, "test");
	else
		call_abandon(c, e, NULL);
}

void api_webhook_redeliver(struct api_call *c)
{
	uint64_t id = id_of(c->args[1], SPAN("dlv_"));
	struct webhook w;
	enum err e;

	if (!call_begin(c) || !find(c, &w))
		return;
	e = delivery_again(c->context->directory, w.id, id);
	if (e == ERR_OK)
		finish_delivery(c, &w, id, "redeliver");
	else
		call_abandon(c, e, NULL);
}

static int state_of(struct span name)
{
	for (int state = 0; state <= DELIVERY_GIVEN_UP; state++)
		if (span_equals(name, span_str(states[state])))
			return state;
	return ANY;
}

void api_webhook_deliveries_list(struct api_call *c)
{
	struct page page = { .total = -1 };
	struct delivery *list = NULL;
	struct paging paging;
	struct webhook w;
	size_t count = 0;
	enum err e;

	if (!find(c, &w) || !call_paging(c, &paging))
		return;
	e = delivery_list(c->context->directory, w.id, state_of(call_query(c, "state")), number_after(&paging), paging.limit + 1, &c->arena, &list, &count);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count && i < paging.limit; i++)
		json_array_append_new(page.list, delivery_json(c, &list[i]));
	if (count > paging.limit)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)list[paging.limit - 1].id));
	call_reply_page(c, &page);
}
