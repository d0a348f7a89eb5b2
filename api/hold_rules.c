/* api/hold_rules.c: /hold_rules: mail that is held when it is accepted. */
#include <jansson.h>

#include "api/given.h"
#include "api/listing.h"
#include "api/queue_bulk.h"
#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/events/events.h"
#include "daemon/queue/steering.h"

static struct span id_text(struct api_call *c, uint64_t id)
{
	return arena_printf(&c->arena, "hold_%llu", (unsigned long long)id);
}

static json_t *rule_json(struct api_call *c, const struct hold_rule *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "id", json_span(id_text(c, r->id)), "sender", json_span(r->sender), "recipient", json_span(r->recipient), "note", json_span(r->note), "created_at",
			 json_time(r->created_ms), "expires_at", json_time(r->expires_ms), "matched", (json_int_t)r->matched);
}

/* ---- lists ---- */

struct rule_list {
	struct api_call *c;
	struct hold_rule *rules;
};

static struct span key(void *arg, size_t i)
{
	const struct rule_list *l = arg;

	return arena_printf(&l->c->arena, "%llu", (unsigned long long)l->rules[i].id);
}

static int compare(void *arg, size_t i, struct span after)
{
	const struct rule_list *l = arg;
	uint64_t id = 0;

	if (span_to_u64(after, UINT64_MAX, &id) != ERR_OK)
		return 1;
	return l->rules[i].id < id ? -1 : l->rules[i].id > id;
}

static json_t *show(void *arg, size_t i)
{
	const struct rule_list *l = arg;

	return rule_json(l->c, &l->rules[i]);
}

void api_hold_rules_list(struct api_call *c)
{
	struct rule_list l = { .c = c };
	struct listing listing = { .arg = &l, .key = key, .compare = compare, .show = show };
	enum err e = hold_rules(c->context->queue, &c->arena, &l.rules, &listing.count);

	if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	else
		listing_reply(c, &listing);
}

/* ---- one ---- */

static enum err find(struct api_call *c, uint64_t id, struct hold_rule *out)
{
	struct hold_rule *list;
	size_t count;
	enum err e = hold_rules(c->context->queue, &c->arena, &list, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		if (list[i].id == id) {
			*out = list[i];
			return ERR_OK;
		}
	}
	return e == ERR_OK ? ERR_NOT_FOUND : e;
}

/* Of the path; the answer is given when there is none. */
static bool find_named(struct api_call *c, struct hold_rule *out)
{
	const struct note why = { "there is no such rule" };
	uint64_t id = 0;
	enum err e = ERR_NOT_FOUND;

	if (span_starts(c->args[0], SPAN("hold_")) && span_to_u64(span_skip(c->args[0], sizeof("hold_") - 1), INT64_MAX, &id) == ERR_OK)
		e = find(c, id, out);
	if (e == ERR_OK)
		return true;
	if (c->open)
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
	else
		call_reply_error(c, e, e == ERR_NOT_FOUND ? &why : NULL);
	return false;
}

void api_hold_rule_get(struct api_call *c)
{
	struct hold_rule rule;
	json_t *out;

	if (!find_named(c, &rule))
		return;
	out = rule_json(c, &rule);
	call_reply_json(c, 200, &out);
}

/* ---- changes ---- */

static enum err add(struct api_call *c, struct hold_rule *rule, struct note *why)
{
	enum err e;

	if (c->dry_run)
		return hold_rule_check(rule, why);
	e = hold_rule_add(c->context->queue, rule, &rule->id, why);
	return e == ERR_OK ? find(c, rule->id, rule) : e;
}

/* What waits already and fits is held by a job. */
static enum err add_job(struct api_call *c, const struct hold_rule *rule, struct job **out, uint64_t *id_out)
{
	const struct queue_filter filter = { .sender = rule->sender, .recipient = rule->recipient };
	struct queue_bulk *bulk = queue_bulk_new(c, QUEUE_HOLD, &filter);

	return bulk ? job_add(c, &queue_bulk_work, bulk, 0, out, id_out) : ERR_TEMP;
}

static void finish(struct api_call *c, const struct hold_rule *rule, struct job **job, uint64_t job_id)
{
	struct change change = { .verb = "create", .subject = id_text(c, rule->id), .event = EVENT_HOLD_RULE_CHANGED, .after = rule_json(c, rule) };
	json_t *out = rule_json(c, rule);
	bool done;

	json_object_set_new(out, "job", *job ? json_span(arena_printf(&c->arena, "job_%llu", (unsigned long long)job_id)) : json_null());
	call_location(c, "hold_rules", change.subject);
	done = call_finish(c, 201, &out, &change);
	job_begin(c, job, done);
}

void api_hold_rule_create(struct api_call *c)
{
	struct hold_rule rule = {
		.sender = queue_pattern(body_text(c, "sender")),
		.recipient = queue_pattern(body_text(c, "recipient")),
		.note = body_text(c, "note"),
		.created_ms = clock_real_ms(),
		.expires_ms = body_time(c, "expires_at"),
	};
	struct note why = { "" };
	struct job *job = NULL;
	uint64_t job_id = 0;
	enum err e;

	if (rule.sender.len == 0 && rule.recipient.len == 0) {
		call_reply_problem(c, 422, "invalid", "sender", "whose mail? A sender, a recipient or both are needed");
		return;
	}
	if (rule.expires_ms && rule.expires_ms <= rule.created_ms) {
		call_reply_problem(c, 422, "invalid", "expires_at", "that time is over");
		return;
	}
	if (!call_begin(c))
		return;
	e = add(c, &rule, &why);
	if (e == ERR_OK && body_flag(c, "apply_now") && !c->dry_run)
		e = add_job(c, &rule, &job, &job_id);
	if (e == ERR_OK)
		finish(c, &rule, &job, job_id);
	else
		call_abandon(c, e, &why);
}

void api_hold_rule_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = EVENT_HOLD_RULE_CHANGED };
	struct hold_rule rule;
	enum err e = ERR_OK;

	if (!call_begin(c) || !find_named(c, &rule))
		return;
	change.subject = id_text(c, rule.id);
	change.before = rule_json(c, &rule);
	if (!c->dry_run)
		e = hold_rule_remove(c->context->queue, rule.id);
	if (e == ERR_OK) {
		call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(change.before);
	call_abandon(c, e, NULL);
}
