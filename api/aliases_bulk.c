/* api/aliases_bulk.c: POST /aliases:bulk: removing many. */
#include <jansson.h>
#include <stdlib.h>

#include "api/alias.h"
#include "api/given.h"
#include "api/import.h"
#include "api/jobs.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

#define MEMORY_MAX ((size_t)64 << 20)
#define PLAN_MAX 20000

struct bulk {
	struct arena arena;
	struct reach reach;
	struct span *addresses;
	size_t count, at;
};

static void bulk_free(void *arg)
{
	struct bulk *b = arg;

	if (b)
		arena_clear(&b->arena);
	free(b);
}

/* In the batch; `s`: as it was before the step. */
static enum err act(const struct bulk *b, const struct api_context *context, const struct snapshot *s, struct span address, struct change *change, struct note *why)
{
	const struct alias *a = snapshot_alias(s, address);
	enum err e;

	*change = (struct change){ .event = -1 };
	if (!a || !reach_has(&b->reach, given_domain_of(a->address))) {
		note_set(why, "there is no such alias");
		return ERR_NOT_FOUND;
	}
	e = directory_alias_remove(context->directory, a->address, why);
	if (!e)
		*change = (struct change){ .verb = "delete", .subject = a->address, .domain = given_domain_of(a->address), .before = alias_json(a), .event = EVENT_ALIAS_CHANGED };
	return e;
}

static enum err step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	const struct snapshot *s = directory_hold(job_context(job)->directory);
	struct bulk *b = arg;
	size_t end = b->count - b->at > JOB_STEP ? b->at + JOB_STEP : b->count;
	enum err e = ERR_OK;

	for (; b->at < end && !e; b->at++) {
		struct note words = { "" };
		struct change change;
		const char *code = "";
		int status = 204;

		e = act(b, job_context(job), s, b->addresses[b->at], &change, &words);
		if (e == ERR_TEMP || e == ERR_CORRUPT) {
			*why = words;
			break;
		}
		if (e)
			status = import_status(e, &code);
		job_item(job, b->addresses[b->at], status, code, words.text);
		e = change.verb ? job_change(job, &change) : ERR_OK;
	}
	snapshot_release(&s);
	*done_out = b->at == b->count;
	return e;
}

static void plan(struct api_call *c, struct bulk *b)
{
	const struct snapshot *s;

	if (b->count > PLAN_MAX) {
		call_reply_problem(c, 422, "limit", NULL, "a dry run takes %d aliases at most", PLAN_MAX);
		return;
	}
	if (!call_begin(c))
		return;
	s = directory_hold(c->context->directory);
	for (size_t i = 0; i < b->count; i++) {
		struct note why = { "" };
		struct change change;
		const char *code;
		int status;
		enum err e = act(b, c->context, s, b->addresses[i], &change, &why);

		if (e == ERR_TEMP || e == ERR_CORRUPT) {
			call_abandon(c, e, &why);
			snapshot_release(&s);
			return;
		}
		if (e) {
			status = import_status(e, &code);
			change = (struct change){ .verb = "fail", .subject = b->addresses[i], .event = -1 };
			change.after = json_pack("{s:i, s:s, s:o}", "status", status, "code", code, "detail", json_span(span_str(why.text)));
		}
		call_change(c, &change);
	}
	snapshot_release(&s);
	(void)call_finish(c, 200, NULL, NULL);
}

static void find_named(struct api_call *c, struct bulk *b)
{
	const struct span *names = body_texts(c, "aliases", &b->count);

	b->addresses = arena_array(&b->arena, b->count, sizeof(*b->addresses));
	for (size_t i = 0; i < b->count && b->addresses; i++)
		b->addresses[i] = arena_copy(&b->arena, names[i]);
}

static struct span text_in(const json_t *filter, const char *field)
{
	const json_t *value = json_object_get(filter, field);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

static void find_filtered(struct api_call *c, const struct snapshot *s, struct bulk *b)
{
	const json_t *filter = json_object_get(c->body, "filter");
	const struct alias_filter f = { .q = given_fold(c, text_in(filter, "q")), .domain = given_domain(c, text_in(filter, "domain")) };
	const struct alias *aliases;
	size_t count = snapshot_aliases(s, &aliases), fitting = 0;

	for (size_t i = 0; i < count; i++)
		fitting += alias_fits(c, &f, &aliases[i]);
	b->addresses = arena_array(&b->arena, fitting, sizeof(*b->addresses));
	for (size_t i = 0; i < count && b->addresses; i++)
		if (alias_fits(c, &f, &aliases[i]))
			b->addresses[b->count++] = arena_copy(&b->arena, aliases[i].address);
}

static struct bulk *bulk_new(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct bulk *b = calloc(1, sizeof(*b));

	if (b) {
		arena_init(&b->arena, MEMORY_MAX);
		if (body_has(c, "aliases"))
			find_named(c, b);
		else
			find_filtered(c, s, b);
		if (reach_copy(c, &b->arena, &b->reach) || !b->addresses) {
			bulk_free(b);
			b = NULL;
		}
	}
	call_release(c, &s);
	return b;
}

void api_aliases_bulk(struct api_call *c)
{
	static const struct job_work work = { .step = step, .free = bulk_free };
	struct bulk *b;

	if (body_has(c, "aliases") == body_has(c, "filter")) {
		call_reply_problem(c, 422, "invalid", "aliases", "either aliases or filter says what is meant");
		return;
	}
	b = bulk_new(c);
	if (!b) {
		call_reply_error(c, ERR_LIMIT, NULL);
	} else if (b->count > JOB_ITEMS_MAX) {
		bulk_free(b);
		call_reply_problem(c, 422, "limit", "filter", "more than %d aliases: take a narrower filter", JOB_ITEMS_MAX);
	} else if (c->dry_run) {
		plan(c, b);
		bulk_free(b);
	} else {
		call_reply_job(c, &work, b, b->count);
	}
}
