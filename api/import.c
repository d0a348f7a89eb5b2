/* api/import.c: rows becoming things of the directory.
 *
 *   job:   (step: nothing yet) ─▶ committed: prepare some ─▶ step: apply them ─▶ committed: prepare more ─▶ ... ─▶ done
 *   plan:  all prepared and applied in one batch, which is rolled back
 *
 * What is slow (hashing a password) happens between two batches: nobody waits for the change lock meanwhile.
 */
#include "api/import.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/jobs.h"

#define BATCH_ROWS 500
#define BATCH_COST 20 /* about a second */
#define BATCH_BYTES_MAX ((size_t)64 << 20)
#define PLAN_ROWS_MAX 20000

struct import {
	const struct import_kind *kind;
	struct rows *rows;
	struct reach reach;
	struct arena own;   /* as long as this */
	struct arena batch; /* of what is prepared */
	char *items;
	size_t count;
	bool updates;
	bool is_over; /* no rows are left */
};

int import_status(enum err e, const char **code_out)
{
	static const struct {
		int status;
		const char *code;
	} answers[] = {
		[ERR_OK] = { 200, "" },
		[ERR_SYNTAX] = { 422, "invalid" },
		[ERR_STATE] = { 409, "conflict" },
		[ERR_DENIED] = { 403, "not_allowed" },
		[ERR_NOT_FOUND] = { 404, "not_found" },
		[ERR_EXISTS] = { 409, "exists" },
		[ERR_LIMIT] = { 422, "limit" },
		[ERR_TEMP] = { 503, "temporary" },
		[ERR_CORRUPT] = { 500, "corrupt" },
	};

	*code_out = answers[e].code;
	return answers[e].status;
}

/* Here what is not found is the domain. */
static int status_of(const struct import_item *item, const char **code_out)
{
	if (item->error != ERR_NOT_FOUND)
		return import_status(item->error, code_out);
	*code_out = "no_such_domain";
	return 422;
}

static void import_free(void *arg)
{
	struct import *i = arg;

	if (!i)
		return;
	rows_free(&i->rows);
	arena_wipe(&i->batch);
	arena_clear(&i->own);
	free(i->items);
	free(i);
}

static struct import_item *item_at(struct import *i, size_t n)
{
	/* calloc() and the size of a struct: aligned. */
	return (struct import_item *)(void *)(i->items + n * i->kind->item_size);
}

static void prepare(struct import *i, const struct api_context *context, bool is_plan)
{
	unsigned cost = 0;
	struct row row;

	arena_wipe(&i->batch);
	memset(i->items, 0, BATCH_ROWS * i->kind->item_size);
	i->count = 0;
	while (i->count < BATCH_ROWS && cost < BATCH_COST && i->batch.used_bytes < i->batch.max_bytes / 2) {
		struct import_item *item = item_at(i, i->count);

		if (!rows_next(i->rows, &row)) {
			i->is_over = true;
			return;
		}
		item->updates = i->updates;
		item->subject = arena_copy(&i->batch, span_take(row.values[0], ADDRESS_MAX));
		cost += i->kind->prepare(context, &i->reach, &row, is_plan, &i->batch, item);
		i->count++;
	}
}

static enum err apply(struct import *i, const struct api_context *context, size_t n, struct change *change, int *status_out)
{
	struct import_item *item = item_at(i, n);

	*status_out = 0;
	*change = (struct change){ .event = -1 };
	if (!item->error)
		item->error = i->kind->apply(context, &i->reach, item, &i->batch, change, status_out, &item->why);
	return item->error;
}

/* ---- as a job ---- */

static enum err step(struct job *job, void *arg, bool *done_out, struct note *why)
{
	struct import *i = arg;
	enum err e = ERR_OK;

	for (size_t n = 0; n < i->count && !e; n++) {
		struct import_item *item = item_at(i, n);
		struct change change;
		const char *code = "";
		int status;

		e = apply(i, job_context(job), n, &change, &status);
		if (e == ERR_TEMP || e == ERR_CORRUPT) {
			*why = item->why;
			return e;
		}
		if (e) {
			status = status_of(item, &code);
			e = ERR_OK;
		} else if (!change.verb) {
			code = "unchanged";
		} else {
			e = job_change(job, &change);
		}
		job_item(job, item->subject, status, code, item->why.text);
	}
	*done_out = i->is_over;
	return e;
}

static void committed(struct job *job, void *arg)
{
	struct import *i = arg;

	for (size_t n = 0; i->kind->committed && n < i->count; n++)
		i->kind->committed(job_context(job), item_at(i, n));
	if (!i->is_over)
		prepare(i, job_context(job), false);
	else
		i->count = 0;
}

/* ---- as a plan ---- */

static json_t *failure(const struct import_item *item)
{
	const char *code;
	int status = status_of(item, &code);

	return json_pack("{s:i, s:s, s:o}", "status", status, "code", code, "detail", json_span(span_str(item->why.text)));
}

static void plan(struct api_call *c, struct import *i)
{
	if (rows_total(i->rows) > PLAN_ROWS_MAX) {
		call_reply_problem(c, 422, "limit", NULL, "a dry run takes %d rows at most", PLAN_ROWS_MAX);
		return;
	}
	if (!call_begin(c))
		return;
	while (!i->is_over) {
		prepare(i, c->context, true);
		for (size_t n = 0; n < i->count; n++) {
			struct change change;
			int status;
			enum err e = apply(i, c->context, n, &change, &status);

			if (e == ERR_TEMP || e == ERR_CORRUPT) {
				call_abandon(c, e, &item_at(i, n)->why);
				return;
			}
			if (e)
				change = (struct change){ .verb = "fail", .subject = item_at(i, n)->subject, .after = failure(item_at(i, n)), .event = -1 };
			if (change.verb)
				call_change(c, &change);
		}
	}
	(void)call_finish(c, 200, NULL, NULL);
}

static struct import *import_new(struct api_call *c, const struct import_kind *kind)
{
	struct import *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->kind = kind;
	i->updates = call_query_flag(c, "update");
	arena_init(&i->own, 1 << 20);
	arena_init(&i->batch, BATCH_BYTES_MAX);
	i->items = calloc(BATCH_ROWS, kind->item_size);
	if (i->items && reach_copy(c, &i->own, &i->reach) == ERR_OK)
		return i;
	import_free(i);
	return NULL;
}

void import_reply(struct api_call *c, const struct import_kind *kind)
{
	static const struct job_work work = { step, committed, import_free };
	struct import *i = import_new(c, kind);

	if (!i) {
		call_reply_error(c, ERR_TEMP, NULL);
	} else if (!rows_open(c, kind->list, kind->columns, kind->column_count, &i->rows)) {
		import_free(i);
	} else if (c->dry_run) {
		plan(c, i);
		import_free(i);
	} else {
		call_reply_job(c, &work, i, rows_total(i->rows));
	}
}

bool import_next_address(struct span *rest, struct span *out)
{
	size_t from = 0, to;
	bool quoted = false;

	*out = SPAN("");
	if (rest->len == 0)
		return false;
	while (from < rest->len && strchr(" ,;\t\n", rest->ptr[from]))
		from++;
	for (to = from; to < rest->len && (quoted || !strchr(" ,;\t\n", rest->ptr[to])); to++)
		quoted ^= rest->ptr[to] == '"';
	*out = span_make(rest->ptr + from, to - from);
	*rest = span_skip(*rest, to);
	return out->len > 0;
}
