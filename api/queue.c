/* api/queue.c: /queue: what waits, and how to get it moving. */
#include "daemon/queue/queue.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/jobs.h"
#include "api/queue_filter.h"
#include "api/resources.h"
#include "daemon/events/events.h"

#define SCAN_PAGE 100
#define BULK_STEP 25  /* of a batch: each is a commit of the queue */
#define SCAN_MAX 5000 /* messages looked at for one page: the cursor goes on behind them */

/* ---- as JSON ---- */

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

/* A reverse-path from outside proves nothing: who forges one must not show a domain's admin whom others get mail from. */
static bool is_from_reach(const struct api_call *c, const struct queue_entry *e)
{
	return c->caller.all_domains || (e->source != FROM_MX && call_reaches_domain(c, address_domain(e->reverse_path)));
}

/* Who sends from a domain of theirs sees all recipients, others those in their domains. */
static json_t *entry_json(const struct api_call *c, const struct queue_entry *e)
{
	char id[QUEUE_ID_TEXT];
	json_t *recipients = json_array();
	bool sees_all = is_from_reach(c, e);

	for (size_t i = 0; i < e->recipient_count; i++) {
		const struct queue_recipient *r = &e->recipients[i];

		if (!sees_all && !call_reaches_domain(c, address_domain(r->address)))
			continue;
		json_array_append_new(recipients, json_pack("{s:o, s:s, s:i, s:o, s:o, s:o}", "address", json_span(r->address), "state", state_name(r->state), "attempts", (int)r->attempts,
							    "next_at", json_time(r->next_ms), "last_at", json_time(r->last_ms), "last_reply", json_span(r->last_reply)));
	}
	queue_id_text(&e->id, id);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:o}", "id", id, "accepted_at", json_time(e->accepted_ms), "expires_at", json_time(e->expires_ms),
			 "from", json_span(e->reverse_path), "subject", json_span(e->subject), "size", (json_int_t)e->size, "recipients", recipients);
}

static bool is_visible(const struct api_call *c, const struct queue_entry *e)
{
	bool visible = is_from_reach(c, e);

	for (size_t i = 0; i < e->recipient_count && !visible; i++)
		visible = call_reaches_domain(c, address_domain(e->recipients[i].address));
	return visible;
}

/* ---- lists ---- */

struct listing {
	struct queue_query filter;
	struct queue_id after;
	bool has_after, more;
	size_t limit, taken, seen;
	json_t *list;
};

/* Entries of one page of the queue that fit, until the list is full. */
static void take_fitting(struct api_call *c, struct listing *l, const struct queue_entry *entries, size_t count)
{
	for (size_t i = 0; i < count && l->taken < l->limit; i++) {
		l->after = entries[i].id;
		l->has_after = true;
		l->seen++;
		if (queue_filter_fits(&l->filter, &entries[i]) && is_visible(c, &entries[i])) {
			json_array_append_new(l->list, entry_json(c, &entries[i]));
			l->taken++;
		}
	}
}

static enum err scan(struct api_call *c, struct listing *l)
{
	struct arena page;
	enum err e = ERR_OK;

	arena_init(&page, CALL_ARENA_MAX);
	l->more = true;
	while (e == ERR_OK && l->more && l->taken < l->limit && l->seen < SCAN_MAX) {
		struct queue_entry *entries;
		struct queue_id last;
		size_t count = 0;

		e = queue_list(c->context->queue, NULL, l->has_after ? &l->after : NULL, SCAN_PAGE, &page, &entries, &count, &last, &l->more);
		if (e == ERR_OK) {
			take_fitting(c, l, entries, count);
		}
		l->more = l->more || l->taken == l->limit;
		arena_reset(&page);
	}
	arena_clear(&page);
	return e;
}

void api_queue_list(struct api_call *c)
{
	struct listing l = { .list = NULL };
	struct page page = { .total = -1 };
	struct paging paging;
	char next[QUEUE_ID_TEXT];
	enum err e;

	if (!call_paging(c, &paging))
		return;
	l.limit = paging.limit;
	l.has_after = paging.after.len > 0 && queue_id_parse(paging.after, &l.after) == ERR_OK;
	queue_filter_of_query(c, &l.filter);
	l.list = json_array();
	e = scan(c, &l);
	if (e != ERR_OK) {
		json_decref(l.list);
		call_reply_error(c, e, NULL);
		return;
	}
	if (l.more) {
		queue_id_text(&l.after, next);
		page.next_cursor = cursor_make(c, span_str(next));
	}
	page.list = l.list;
	call_reply_page(c, &page);
}

/* ---- one ---- */

static bool find_entry(struct api_call *c, struct queue_entry *out)
{
	struct queue_id id;
	enum err e = queue_id_parse(c->args[0], &id);

	if (e == ERR_OK)
		e = queue_find(c->context->queue, &id, &c->arena, out);
	if (e == ERR_TEMP || (e == ERR_OK && is_visible(c, out))) {
		if (e != ERR_OK)
			call_reply_error(c, e, NULL);
		return e == ERR_OK;
	}
	call_reply_problem(c, 404, "not_found", NULL, "there is no such message in the queue");
	return false;
}

void api_queue_get(struct api_call *c)
{
	struct queue_entry entry;
	json_t *out;

	if (!find_entry(c, &entry))
		return;
	out = entry_json(c, &entry);
	call_reply_json(c, 200, &out);
}

/* The queue has a file of its own: what is done there is done, the audit entry follows. */
static void steer(struct api_call *c, const char *name, enum queue_action action)
{
	struct queue_entry entry;
	char id[QUEUE_ID_TEXT];
	struct change change = { .verb = name, .event = EVENT_QUEUE_CHANGED };
	struct note why = { "" };
	enum err e;

	if (!find_entry(c, &entry) || !call_begin(c))
		return;
	queue_id_text(&entry.id, id);
	change.subject = span_str(id);
	change.before = entry_json(c, &entry);
	e = queue_steer(c->context->queue, &entry.id, &(struct queue_order){ .action = action }, NULL, &why);
	if (e == ERR_STATE)
		note_set(&why, "an attempt is under way: try again when it has ended");
	if (e == ERR_OK) {
		call_finish(c, 204, NULL, &change);
		return;
	}
	json_decref(change.before);
	call_abandon(c, e, &why);
}

void api_queue_retry(struct api_call *c)
{
	steer(c, "retry", QUEUE_RETRY);
}

void api_queue_delete(struct api_call *c)
{
	steer(c, "delete", QUEUE_DELETE);
}

/* ---- many ---- */

struct bulk {
	struct queue_query filter;
	bool removes;
	struct queue_id *ids; /* null: by the filter */
	size_t id_count, at;
	struct queue_id after;
	bool has_after;
	struct arena arena;
};

static void bulk_free(void *arg)
{
	struct bulk *b = arg;

	arena_clear(&b->arena);
	free(b);
}

static enum err bulk_one(struct job *job, struct bulk *b, const struct queue_id *id)
{
	struct queue *q = job_context(job)->queue;
	enum err e = queue_steer(q, id, &(struct queue_order){ .action = b->removes ? QUEUE_DELETE : QUEUE_RETRY }, NULL, NULL);
	char text[QUEUE_ID_TEXT];
	struct change change = { .verb = b->removes ? "delete" : "retry", .event = EVENT_QUEUE_CHANGED };

	queue_id_text(id, text);
	change.subject = span_str(text);
	if (e == ERR_STATE)
		job_item(job, change.subject, 409, "conflict", "an attempt is under way");
	else if (e == ERR_NOT_FOUND)
		job_item(job, change.subject, 404, "not_found", "it is not in the queue any more");
	else if (e == ERR_OK)
		job_item(job, change.subject, 204, "", "");
	else
		return e;
	return e == ERR_OK ? job_change(job, &change) : ERR_OK;
}

static enum err bulk_ids(struct job *job, struct bulk *b, bool *done_out)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < BULK_STEP && b->at < b->id_count && e == ERR_OK; i++)
		e = bulk_one(job, b, &b->ids[b->at++]);
	*done_out = b->at == b->id_count;
	return e;
}

static enum err bulk_step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	struct bulk *b = arg;
	struct queue_entry *entries;
	struct queue_id last;
	struct arena page;
	size_t count = 0;
	bool more = false;
	enum err e;

	(void)why;
	if (b->ids)
		return bulk_ids(job, b, done_out);
	arena_init(&page, CALL_ARENA_MAX);
	e = queue_list(job_context(job)->queue, NULL, b->has_after ? &b->after : NULL, BULK_STEP, &page, &entries, &count, &last, &more);
	for (size_t i = 0; i < count && e == ERR_OK; i++) {
		b->after = entries[i].id;
		b->has_after = true;
		if (queue_filter_fits(&b->filter, &entries[i]))
			e = bulk_one(job, b, &entries[i].id);
	}
	*done_out = !more;
	arena_clear(&page);
	return e;
}

static bool read_ids(struct api_call *c, struct bulk *b)
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

/* What the job would do, as far as it can be seen now. */
static void reply_bulk_plan(struct api_call *c, const struct bulk *b)
{
	struct listing l = { .filter = b->filter, .limit = SCAN_MAX, .list = json_array() };
	json_t *changes = json_array(), *out, *entry;
	size_t i;
	enum err e = ERR_OK;

	if (!b->ids)
		e = scan(c, &l);
	for (i = 0; i < b->id_count; i++) {
		char text[QUEUE_ID_TEXT];

		queue_id_text(&b->ids[i], text);
		json_array_append_new(l.list, json_pack("{s:s}", "id", text));
	}
	json_array_foreach(l.list, i, entry)
		json_array_append_new(changes, json_pack("{s:s, s:O, s:O, s:n}", "verb", b->removes ? "delete" : "retry", "subject", json_object_get(entry, "id"), "before", entry, "after"));
	json_decref(l.list);
	out = json_pack("{s:b, s:o}", "dry_run", 1, "changes", changes);
	if (e == ERR_OK) {
		call_reply_json(c, 200, &out);
		return;
	}
	json_decref(out);
	call_reply_error(c, e, NULL);
}

void api_queue_bulk(struct api_call *c)
{
	static const struct job_work work = { .step = bulk_step, .free = bulk_free };
	struct bulk *b;

	if (body_has(c, "ids") == body_has(c, "filter")) {
		call_reply_problem(c, 422, "invalid", NULL, "either ids or filter: {} is all of the queue");
		return;
	}
	b = calloc(1, sizeof *b);
	if (!b) {
		call_reply_error(c, ERR_TEMP, NULL);
		return;
	}
	arena_init(&b->arena, CALL_ARENA_MAX);
	b->removes = span_equals(body_text(c, "action"), SPAN("delete"));
	if (body_has(c, "filter"))
		queue_filter_of_body(c, &b->arena, &b->filter);
	else if (!read_ids(c, b)) {
		bulk_free(b);
		return;
	}
	if (c->dry_run) {
		reply_bulk_plan(c, b);
		bulk_free(b);
		return;
	}
	call_reply_job(c, &work, b, b->id_count);
}
