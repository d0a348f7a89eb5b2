/* api/suppressions.c: /suppressions: addresses elsewhere that failed for good lately and are not written to. */
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/events/events.h"
#include "daemon/queue/steering.h"

static json_t *suppression_json(const struct suppression *s)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:I, s:o, s:o}", "address", json_span(s->address), "source", s->by_operator ? "operator" : "failure", "status", json_span(s->status), "reply",
			 json_span(s->reply), "failures", (json_int_t)s->failures, "created_at", json_time(s->created_ms), "expires_at", json_time(s->expires_ms));
}

void api_suppressions_list(struct api_call *c)
{
	struct page page = { .total = -1 };
	struct suppression *list = NULL;
	struct paging paging;
	size_t count = 0;
	enum err e;

	if (!call_paging(c, &paging))
		return;
	e = suppressions(c->context->queue, given_fold(c, call_query(c, "q")), paging.after, paging.limit + 1, &c->arena, &list, &count);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count && i < paging.limit; i++)
		json_array_append_new(page.list, given_fields(c, suppression_json(&list[i])));
	if (count > paging.limit)
		page.next_cursor = cursor_make(c, list[paging.limit - 1].address);
	call_reply_page(c, &page);
}

/* ERR_SYNTAX: the path names no address. */
static enum err find(struct api_call *c, struct suppression *out)
{
	struct address address;
	enum err e = address_parse(c->args[0], &c->arena, &address);

	return e == ERR_OK ? suppression_find(c->context->queue, &address, &c->arena, out) : ERR_SYNTAX;
}

static void answer_error(struct api_call *c, enum err e, const struct note *why)
{
	const struct note none = { "mail to that address is not suppressed" }, wrong = { "not an address" };

	if (e == ERR_SYNTAX && !why)
		why = &wrong;
	if (e == ERR_NOT_FOUND)
		why = &none;
	if (c->open)
		call_abandon(c, e, why);
	else
		call_reply_error(c, e, why);
}

void api_suppression_get(struct api_call *c)
{
	struct suppression s;
	enum err e = find(c, &s);
	json_t *out;

	if (e != ERR_OK) {
		answer_error(c, e == ERR_SYNTAX ? ERR_NOT_FOUND : e, NULL);
		return;
	}
	out = suppression_json(&s);
	call_reply_json(c, 200, &out);
}

static enum err set(struct api_call *c, struct suppression *s, struct note *why)
{
	enum err e;

	if (c->dry_run)
		return suppression_check(s, why);
	e = suppression_set(c->context->queue, s, why);
	return e == ERR_OK ? find(c, s) : e;
}

/* Mail to one's own users is never looked up there. */
static bool is_ours(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct address address;
	bool ours = address_parse(c->args[0], &c->arena, &address) == ERR_OK && snapshot_has_domain(s, address.domain);

	call_release(c, &s);
	return ours;
}

/* The queue has a file of its own: what is done there is done, the audit entry follows. */
void api_suppression_put(struct api_call *c)
{
	struct suppression old, fresh = {
		.address = c->args[0],
		.by_operator = true,
		.status = body_has(c, "status") ? body_text(c, "status") : SPAN("5.1.1"),
		.reply = body_has(c, "reply") ? body_text(c, "reply") : SPAN("not to be written to, says the administrator"),
		.created_ms = clock_real_ms(),
		.expires_ms = body_time(c, "expires_at"),
	};
	struct change change = { .verb = "create", .event = EVENT_SUPPRESSION_CHANGED };
	struct note why = { "" };
	json_t *out;
	enum err e;

	if (fresh.expires_ms && fresh.expires_ms <= fresh.created_ms) {
		call_reply_problem(c, 422, "invalid", "expires_at", "that time is over");
		return;
	}
	if (is_ours(c)) {
		call_reply_problem(c, 422, "invalid", NULL, "an address of this server: suspend the user, or hold the mail with a rule");
		return;
	}
	if (!call_begin(c))
		return;
	e = find(c, &old);
	if (e == ERR_OK) {
		change.verb = "update";
		change.before = suppression_json(&old);
	}
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		e = set(c, &fresh, &why);
	if (e != ERR_OK) {
		json_decref(change.before);
		answer_error(c, e, why.text[0] ? &why : NULL);
		return;
	}
	change.subject = fresh.address;
	change.after = suppression_json(&fresh);
	out = suppression_json(&fresh);
	if (!change.before)
		call_location(c, "suppressions", fresh.address);
	call_finish(c, change.before ? 200 : 201, &out, &change);
}

void api_suppression_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = EVENT_SUPPRESSION_CHANGED };
	struct suppression s;
	enum err e;

	if (!call_begin(c))
		return;
	e = find(c, &s);
	if (e == ERR_OK) {
		change.subject = s.address;
		change.before = suppression_json(&s);
	}
	if (e == ERR_OK && !c->dry_run)
		e = suppression_remove(c->context->queue, s.address);
	if (e != ERR_OK) {
		json_decref(change.before);
		answer_error(c, e == ERR_SYNTAX ? ERR_NOT_FOUND : e, NULL);
		return;
	}
	call_finish(c, 204, NULL, &change);
}
