/* api/queue_bulk.c: /queue:bulk: the same done to many messages, by id or by filter.
 *
 * (1) Each message is a commit of the queue, its audit entry and its result belong to the batch of the step.
 * (2) What is accepted after the job was asked for is not meant.
 * (3) Who does not see a message whole does not steer it.
 */
#include "api/queue_bulk.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/queue_order.h"
#include "api/queue_view.h"
#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/events/events.h"

#define BULK_STEP 25 /* of a batch */
#define PLAN_PAGE 100
#define PLAN_EXAMPLES 100

struct queue_bulk {
	struct queue_wish wish;
	struct queue_order order;
	struct reach reach;
	struct queue_id *ids; /* null: by the filter */
	size_t id_count, at;
	struct queue_id after;
	bool has_after;
	struct arena arena;
};

static void bulk_free(void *arg)
{
	struct queue_bulk *b = arg;

	arena_clear(&b->arena);
	free(b);
}

static bool may_steer(const struct queue_bulk *b, const struct queue_entry *e)
{
	return queue_view_shows(&b->reach, e) && queue_view_shows_all(&b->reach, e);
}

/* ---- the job ---- */

static enum err note_result(struct job *job, struct span id, enum err e, enum queue_action action, const struct note *why)
{
	struct change change = { .verb = queue_order_verb(action), .subject = id, .event = EVENT_QUEUE_CHANGED };

	switch (e) {
	case ERR_OK:
		job_item(job, id, 204, "", "");
		return job_change(job, &change);
	case ERR_STATE: job_item(job, id, 409, "conflict", why->text[0] ? why->text : queue_order_refusal(action)); return ERR_OK;
	case ERR_NOT_FOUND: job_item(job, id, 404, "not_found", "it is not in the queue any more"); return ERR_OK;
	case ERR_SYNTAX: job_item(job, id, 422, "invalid", why->text[0] ? why->text : "the value is not valid"); return ERR_OK;
	case ERR_DENIED:
	case ERR_EXISTS:
	case ERR_LIMIT:
	case ERR_TEMP:
	case ERR_CORRUPT: break;
	}
	return e;
}

static enum err steer_one(struct job *job, struct queue_bulk *b, const struct queue_id *id, const struct queue_filter *filter)
{
	struct queue_order order = b->order;
	struct note why = { "" };
	char text[QUEUE_ID_TEXT];
	enum err e;

	order.filter = filter;
	e = queue_steer(job_context(job)->queue, id, &order, NULL, &why);
	queue_id_text(id, text);
	return note_result(job, span_str(text), e, b->order.action, &why);
}

/* ERR_NOT_FOUND: it is not there, or not theirs. */
static enum err find_theirs(struct queue *q, const struct queue_bulk *b, const struct queue_id *id, struct arena *a, struct queue_entry *out)
{
	enum err e = queue_find(q, id, a, out);

	return e == ERR_OK && !may_steer(b, out) ? ERR_NOT_FOUND : e;
}

static enum err step_ids(struct job *job, struct queue_bulk *b, struct arena *a, bool *done_out)
{
	struct queue_entry entry;
	enum err e = ERR_OK;

	for (size_t i = 0; i < BULK_STEP && b->at < b->id_count && e == ERR_OK; i++) {
		const struct queue_id *id = &b->ids[b->at++];
		char text[QUEUE_ID_TEXT];

		e = b->reach.all_domains ? ERR_OK : find_theirs(job_context(job)->queue, b, id, a, &entry);
		queue_id_text(id, text);
		e = e == ERR_OK ? steer_one(job, b, id, NULL) : note_result(job, span_str(text), e, b->order.action, &(struct note){ "" });
	}
	*done_out = b->at == b->id_count;
	return e;
}

/* What has nothing to be done to is no failure; what can't go because an attempt is under way is one. */
static bool is_meant(const struct queue_bulk *b, const struct queue_entry *e, const struct queue_filter *filter)
{
	struct queue_order order = b->order;

	order.filter = filter;
	return order.action == QUEUE_BOUNCE || order.action == QUEUE_DELETE || queue_order_fits(&order, e) == ERR_OK;
}

static enum err step_filter(struct job *job, struct queue_bulk *b, struct arena *a, bool *done_out)
{
	struct queue_entry *entries;
	struct queue_filter filter;
	size_t count = 0;
	bool more = false;
	enum err e = queue_list(job_context(job)->queue, &b->wish.filter, b->has_after ? &b->after : NULL, BULK_STEP, a, &entries, &count, &b->after, &more);

	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		queue_wish_of(&b->wish, &entries[i], &filter);
		if (may_steer(b, &entries[i]) && is_meant(b, &entries[i], &filter))
			e = steer_one(job, b, &entries[i].id, &filter);
	}
	b->has_after = true;
	*done_out = !more;
	return e;
}

static enum err bulk_step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	struct queue_bulk *b = arg;
	struct arena a;
	enum err e;

	(void)why;
	arena_init(&a, CALL_ARENA_MAX);
	e = b->ids ? step_ids(job, b, &a, done_out) : step_filter(job, b, &a, done_out);
	arena_clear(&a);
	return e;
}

const struct job_work queue_bulk_work = { .step = bulk_step, .free = bulk_free };

/* ---- what is asked ---- */

/* What an action can't be done to need not be looked at, nor told as a failure. */
static void narrow(struct queue_bulk *b)
{
	struct queue_filter *f = &b->wish.filter;

	if (f->accepted_before_ms == 0)
		f->accepted_before_ms = clock_real_ms() + 1;
	if (f->has_state || (b->order.action != QUEUE_RETRY && b->order.action != QUEUE_RELEASE))
		return;
	f->has_state = true;
	f->state = b->order.action == QUEUE_RETRY ? RECIPIENT_WAITING : RECIPIENT_HELD;
}

static struct queue_bulk *bulk_new(const struct api_call *c, enum queue_action action)
{
	struct queue_bulk *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	arena_init(&b->arena, CALL_ARENA_MAX);
	b->order.action = action;
	if (reach_copy(c, &b->arena, &b->reach) == ERR_OK)
		return b;
	bulk_free(b);
	return NULL;
}

struct queue_bulk *queue_bulk_new(const struct api_call *c, enum queue_action action, const struct queue_filter *filter)
{
	struct queue_bulk *b = bulk_new(c, action);

	if (!b)
		return NULL;
	b->wish.filter = *filter;
	b->wish.filter.sender = arena_copy(&b->arena, filter->sender);
	b->wish.filter.recipient = arena_copy(&b->arena, filter->recipient);
	narrow(b);
	return b;
}

static bool read_ids(struct api_call *c, struct queue_bulk *b)
{
	const struct span *texts = body_texts(c, "ids", &b->id_count);

	b->ids = arena_array(&b->arena, b->id_count ? b->id_count : 1, sizeof *b->ids);
	for (size_t i = 0; b->ids && i < b->id_count; i++) {
		if (queue_id_parse(texts[i], &b->ids[i]) != ERR_OK) {
			call_reply_problem(c, 422, "invalid", "ids", "\"%.*s\" is no id of the queue", (int)texts[i].len, texts[i].ptr);
			return false;
		}
	}
	if (!b->ids)
		call_reply_error(c, ERR_TEMP, NULL);
	return b->ids != NULL;
}

static bool read_order(struct api_call *c, struct queue_bulk *b)
{
	struct note why = { "" };

	b->order.words = arena_copy(&b->arena, body_text(c, "words"));
	b->order.route = arena_copy(&b->arena, body_text(c, "route"));
	b->order.expires_ms = body_time(c, "expires_at");
	if (b->order.action == QUEUE_ROUTE && !body_has(c, "route")) {
		call_reply_problem(c, 422, "invalid", "route", "where to? \"\" is the way that DNS and relays say");
		return false;
	}
	if (b->order.action == QUEUE_EXPIRE && !body_has(c, "expires_at")) {
		call_reply_problem(c, 422, "invalid", "expires_at", "when?");
		return false;
	}
	if (queue_order_check(&b->order, &why) != ERR_OK) {
		call_reply_problem(c, 422, "invalid", b->order.action == QUEUE_ROUTE ? "route" : "expires_at", "%s", why.text);
		return false;
	}
	return true;
}

static bool read_which(struct api_call *c, struct queue_bulk *b)
{
	enum err e;

	if (!body_has(c, "filter"))
		return read_ids(c, b);
	e = queue_wish_read(c, true, &b->arena, &b->wish);
	if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	narrow(b);
	return e == ERR_OK;
}

/* ---- the plan ---- */

struct plan {
	struct api_call *c;
	const struct queue_bulk *bulk;
	json_t *changes;
	uint64_t total;
};

static void plan_one(struct plan *p, const struct queue_entry *e, const struct queue_filter *filter)
{
	struct queue_order order = p->bulk->order;
	char id[QUEUE_ID_TEXT];

	order.filter = filter;
	if (!may_steer(p->bulk, e) || queue_order_fits(&order, e) != ERR_OK)
		return;
	queue_id_text(&e->id, id);
	if (p->total++ < PLAN_EXAMPLES)
		json_array_append_new(p->changes, json_pack("{s:s, s:s, s:o, s:n}", "verb", queue_order_verb(order.action), "subject", id, "before", queue_view_json(p->c, &p->bulk->reach, e), "after"));
}

static enum err plan_ids(struct plan *p)
{
	struct queue_entry entry;
	struct arena a;
	enum err e = ERR_OK;

	arena_init(&a, CALL_ARENA_MAX);
	for (size_t i = 0; i < p->bulk->id_count && (e == ERR_OK || e == ERR_NOT_FOUND); i++) {
		e = queue_find(p->c->context->queue, &p->bulk->ids[i], &a, &entry);
		if (e == ERR_OK)
			plan_one(p, &entry, NULL);
		arena_reset(&a);
	}
	arena_clear(&a);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err plan_filter(struct plan *p)
{
	struct queue_id after;
	struct arena a;
	bool more = true, behind = false;
	enum err e = ERR_OK;

	arena_init(&a, CALL_ARENA_MAX);
	while (e == ERR_OK && more) {
		struct queue_filter filter;
		struct queue_entry *entries;
		size_t count = 0;

		e = queue_list(p->c->context->queue, &p->bulk->wish.filter, behind ? &after : NULL, PLAN_PAGE, &a, &entries, &count, &after, &more);
		for (size_t i = 0; i < count && e == ERR_OK; i++) {
			queue_wish_of(&p->bulk->wish, &entries[i], &filter);
			plan_one(p, &entries[i], &filter);
		}
		behind = true;
		arena_reset(&a);
	}
	arena_clear(&a);
	return e;
}

/* What the job would do, as far as it can be seen now. */
static void reply_plan(struct api_call *c, const struct queue_bulk *b)
{
	struct plan p = { .c = c, .bulk = b, .changes = json_array() };
	enum err e = b->ids ? plan_ids(&p) : plan_filter(&p);
	json_t *out = json_pack("{s:b, s:o, s:I}", "dry_run", 1, "changes", p.changes, "total", (json_int_t)p.total);

	if (e == ERR_OK) {
		call_reply_json(c, 200, &out);
		return;
	}
	json_decref(out);
	call_reply_error(c, e, NULL);
}

void api_queue_bulk(struct api_call *c)
{
	enum queue_action action;
	struct queue_bulk *b;

	if (body_has(c, "ids") == body_has(c, "filter")) {
		call_reply_problem(c, 422, "invalid", NULL, "either ids or filter: {} is all of the queue");
		return;
	}
	b = queue_order_action(body_text(c, "action"), &action) ? bulk_new(c, action) : NULL;
	if (!b) {
		call_reply_error(c, ERR_TEMP, NULL);
		return;
	}
	if (!read_order(c, b) || !read_which(c, b)) {
		bulk_free(b);
		return;
	}
	if (!c->dry_run) {
		call_reply_job(c, &queue_bulk_work, b, b->id_count);
		return;
	}
	reply_plan(c, b);
	bulk_free(b);
}
