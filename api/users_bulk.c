/* api/users_bulk.c: POST /users:bulk: suspending, resuming, removing many.
 *
 * Who is meant is found when the request comes; who they are then is looked at again in each step. A removal takes two steps, like that of one
 * user: suspended in the first, sessions ended and mailboxes erased behind its commit, rows removed in the second.
 */
#include <jansson.h>
#include <stdlib.h>

#include "api/given.h"
#include "api/import.h"
#include "api/jobs.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

#define MEMORY_MAX ((size_t)64 << 20)
#define PLAN_MAX 20000

enum action { SUSPEND,
	      RESUME,
	      REMOVE };

struct target {
	uint64_t id;        /* 0: there is none */
	bool was_suspended; /* before a removal */
	struct span name;   /* as it was given, or the address */
	enum err error;     /* of the first step of a removal */
	struct note why;
};

struct bulk {
	struct arena arena;
	struct reach reach;
	enum action action;
	struct target *targets;
	size_t count, at, end; /* `at` to `end`: the step under way */
	bool is_second;
};

static void bulk_free(void *arg)
{
	struct bulk *b = arg;

	if (b)
		arena_clear(&b->arena);
	free(b);
}

/* ---- one user, in the batch ---- */

static json_t *suspended_json(bool suspended)
{
	return json_pack("{s:b}", "suspended", (int)suspended);
}

static enum err judge(const struct bulk *b, const struct target *t, const struct account *a, struct note *why)
{
	if (!t->id || !a || !reach_has(&b->reach, given_domain_of(a->address))) {
		note_set(why, "there is no such user");
		return ERR_NOT_FOUND;
	}
	if (reach_manages(&b->reach, a->role))
		return ERR_OK;
	note_set(why, "has a role of its own, which this caller does not manage");
	return ERR_DENIED;
}

/* `s`: as it was before the step. `change` is empty when there is nothing to tell. */
static enum err act(const struct bulk *b, const struct api_context *context, const struct snapshot *s, const struct target *t, bool removes, struct change *change, struct note *why)
{
	const struct account *a = snapshot_account(s, t->id);
	const bool suspends = b->action != RESUME;
	enum err e = judge(b, t, a, why);

	*change = (struct change){ .event = -1 };
	if (e)
		return e;
	e = removes ? directory_account_remove(context->directory, t->id, why) : user_set_suspended(context, t->id, suspends, why);
	if (e || (b->action == REMOVE && !removes) || (!removes && a->suspended == suspends))
		return e;
	*change = (struct change){ .verb = removes ? "delete" : "update", .subject = a->address, .domain = given_domain_of(a->address), .event = EVENT_USER_CHANGED };
	change->before = removes ? user_json(a) : suspended_json(!suspends);
	change->after = removes ? NULL : suspended_json(suspends);
	return ERR_OK;
}

/* ---- as a job ---- */

static void note_suspended(struct target *t, const struct snapshot *s)
{
	const struct account *a = snapshot_account(s, t->id);

	t->was_suspended = a && a->suspended;
}

static enum err settle(struct job *job, struct bulk *b, struct target *t, const struct snapshot *s)
{
	struct change change;
	const char *code = "";
	int status = b->action == REMOVE ? 204 : 200;

	if (b->action == REMOVE && !b->is_second)
		note_suspended(t, s);
	if (!t->error)
		t->error = act(b, job_context(job), s, t, b->is_second, &change, &t->why);
	else
		change = (struct change){ .event = -1 };
	if (t->error == ERR_TEMP || t->error == ERR_CORRUPT)
		return t->error;
	if (b->action == REMOVE && !b->is_second)
		return ERR_OK;
	if (t->error)
		status = import_status(t->error, &code);
	job_item(job, t->name, status, code, t->why.text);
	return change.verb ? job_change(job, &change) : ERR_OK;
}

static enum err step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	const struct snapshot *s = directory_hold(job_context(job)->directory);
	struct bulk *b = arg;
	enum err e = ERR_OK;

	b->end = b->count - b->at > JOB_STEP ? b->at + JOB_STEP : b->count;
	for (size_t i = b->at; i < b->end && !e; i++) {
		e = settle(job, b, &b->targets[i], s);
		if (e)
			*why = b->targets[i].why;
	}
	snapshot_release(&s);
	*done_out = b->end == b->count && (b->action != REMOVE || b->is_second);
	return e;
}

static void erase(const struct api_context *context, struct target *t)
{
	t->error = user_erase_mailbox(context, t->id, t->was_suspended, &t->why);
	/* What a session or a delivery holds too long is a conflict of this one, not the end of the job. */
	if (t->error)
		t->error = ERR_STATE;
}

static void committed(struct job *job, void *arg)
{
	struct bulk *b = arg;

	for (size_t i = b->at; i < b->end; i++) {
		struct target *t = &b->targets[i];

		if (t->error)
			continue;
		if (b->action == REMOVE && !b->is_second)
			erase(job_context(job), t);
		else if (b->action == SUSPEND)
			user_end_sessions(job_context(job), t->id);
	}
	if (b->action == REMOVE && !b->is_second) {
		b->is_second = true;
	} else {
		b->is_second = false;
		b->at = b->end;
	}
}

/* ---- as a plan ---- */

static void plan(struct api_call *c, struct bulk *b)
{
	const struct snapshot *s;

	if (b->count > PLAN_MAX) {
		call_reply_problem(c, 422, "limit", NULL, "a dry run takes %d users at most", PLAN_MAX);
		return;
	}
	if (!call_begin(c))
		return;
	s = directory_hold(c->context->directory);
	for (size_t i = 0; i < b->count; i++) {
		struct target *t = &b->targets[i];
		struct change change;
		const char *code;
		int status;

		t->error = act(b, c->context, s, t, b->action == REMOVE, &change, &t->why);
		if (t->error == ERR_TEMP || t->error == ERR_CORRUPT) {
			call_abandon(c, t->error, &t->why);
			snapshot_release(&s);
			return;
		}
		if (t->error) {
			status = import_status(t->error, &code);
			change = (struct change){ .verb = "fail", .subject = t->name, .event = -1 };
			change.after = json_pack("{s:i, s:s, s:o}", "status", status, "code", code, "detail", json_span(span_str(t->why.text)));
		}
		if (change.verb)
			call_change(c, &change);
	}
	snapshot_release(&s);
	(void)call_finish(c, 200, NULL, NULL);
}

/* ---- the request ---- */

static void add_target(struct bulk *b, struct span name, uint64_t id)
{
	struct target *t = &b->targets[b->count++];

	t->name = arena_copy(&b->arena, name);
	t->id = id;
}

static void find_named(struct api_call *c, const struct snapshot *s, struct bulk *b)
{
	size_t count;
	const struct span *names = body_texts(c, "users", &count);

	b->targets = arena_array(&b->arena, count, sizeof(*b->targets));
	for (size_t i = 0; i < count && b->targets; i++) {
		const struct account *a;

		if (user_find(c, s, names[i], &a, NULL) == ERR_OK)
			add_target(b, a->address, a->id);
		else
			add_target(b, names[i], 0);
	}
}

static struct span text_in(const json_t *filter, const char *field)
{
	const json_t *value = json_object_get(filter, field);

	return json_is_string(value) ? span_make(json_string_value(value), json_string_length(value)) : SPAN("");
}

static void find_filtered(struct api_call *c, const struct snapshot *s, struct bulk *b)
{
	const json_t *filter = json_object_get(c->body, "filter"), *suspended = json_object_get(filter, "suspended");
	const struct user_filter f = {
		.q = given_fold(c, text_in(filter, "q")),
		.domain = given_domain(c, text_in(filter, "domain")),
		.role = user_role_of(text_in(filter, "role")),
		.suspended = suspended ? json_is_true(suspended) : -1,
	};
	const struct account *const *accounts;
	size_t count = snapshot_accounts(s, &accounts), fitting = 0;

	for (size_t i = 0; i < count; i++)
		fitting += user_fits(c, &f, accounts[i]);
	b->targets = arena_array(&b->arena, fitting, sizeof(*b->targets));
	for (size_t i = 0; i < count && b->targets; i++)
		if (user_fits(c, &f, accounts[i]))
			add_target(b, accounts[i]->address, accounts[i]->id);
}

static bool is_asked_well(struct api_call *c, enum action action)
{
	if (body_has(c, "users") == body_has(c, "filter")) {
		call_reply_problem(c, 422, "invalid", "users", "either users or filter says who is meant");
		return false;
	}
	/* As the removal of one user asks for it. */
	if (action == REMOVE && c->caller.kind == CALLER_SESSION && !c->caller.proven) {
		call_reply_problem(c, 403, "step_up_required", NULL, "removing users needs a fresh proof of who you are");
		return false;
	}
	return true;
}

static struct bulk *bulk_new(struct api_call *c, enum action action)
{
	const struct snapshot *s = call_directory(c);
	struct bulk *b = calloc(1, sizeof(*b));

	if (b) {
		arena_init(&b->arena, MEMORY_MAX);
		b->action = action;
		if (body_has(c, "users"))
			find_named(c, s, b);
		else
			find_filtered(c, s, b);
		if (reach_copy(c, &b->arena, &b->reach) || !b->targets) {
			bulk_free(b);
			b = NULL;
		}
	}
	call_release(c, &s);
	return b;
}

void api_users_bulk(struct api_call *c)
{
	static const struct job_work work = { step, committed, bulk_free };
	struct span word = body_text(c, "action");
	enum action action = span_equals(word, SPAN("suspend")) ? SUSPEND : span_equals(word, SPAN("resume")) ? RESUME
													      : REMOVE;
	struct bulk *b;

	if (!is_asked_well(c, action))
		return;
	b = bulk_new(c, action);
	if (!b) {
		call_reply_error(c, ERR_LIMIT, NULL);
	} else if (b->count > JOB_ITEMS_MAX) {
		bulk_free(b);
		call_reply_problem(c, 422, "limit", "filter", "more than %d users: take a narrower filter", JOB_ITEMS_MAX);
	} else if (c->dry_run) {
		plan(c, b);
		bulk_free(b);
	} else {
		call_reply_job(c, &work, b, b->count);
	}
}
