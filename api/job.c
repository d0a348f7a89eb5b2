/* api/job.c: /jobs: long work, its progress and the results of its items. */
#include <jansson.h>
#include <stdio.h>

#include "api/job_row.h"
#include "api/resources.h"
#include "api/routes.h"

static const char *const state_names[] = {
	[JOB_WAITING] = "waiting",
	[JOB_RUNNING] = "running",
	[JOB_DONE] = "done",
	[JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
};
#define STATES (sizeof state_names / sizeof state_names[0])

const char *job_state_name(int64_t state)
{
	return state >= 0 && (size_t)state < STATES ? state_names[state] : "failed";
}

json_t *job_json(const struct db_job *row)
{
	char id[32];

	snprintf(id, sizeof id, "job_%llu", (unsigned long long)row->id);
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o}", "id", id, "operation", json_span(row->operation), "state", job_state_name(row->state), "actor", json_span(row->actor),
			 "created_at", json_time(row->created_ms), "finished_at", json_time(row->finished_ms), "total", (json_int_t)row->total, "done", (json_int_t)row->done, "failed",
			 (json_int_t)row->failed, "detail", json_span(row->detail));
}

/* A domain admin sees what they began themselves; a token of some domains what was begun with it: its owner may reach more. */
static bool only_own(const struct api_call *c)
{
	return !c->caller.all_domains;
}

static bool sees(const struct api_call *c, const struct db_job *row)
{
	return (!only_own(c) || row->account_id == c->caller.account_id) && (!c->caller.token_limited || row->token_id == c->caller.token_id);
}

/* ---- lists ---- */

struct listing {
	struct db_job_filter filter;
	uint64_t before, job, after_n;
	size_t limit, count;
	bool failed_only;
	json_t *list;
	uint64_t last; /* id or number of the last one taken */
};

static enum err take_job(void *arg, const struct db_job *row)
{
	struct listing *l = arg;

	if (l->count++ < l->limit) {
		json_array_append_new(l->list, job_json(row));
		l->last = row->id;
	}
	return ERR_OK;
}

static enum err read_jobs(struct db *db, void *arg)
{
	struct listing *l = arg;

	return db_job_each(db, &l->filter, l->before, l->limit + 1, take_job, l);
}

static void reply_listing(struct api_call *c, enum err e, struct listing *l)
{
	struct page page = { .list = l->list, .total = -1 };

	if (e != ERR_OK) {
		json_decref(l->list);
		call_reply_error(c, e, NULL);
		return;
	}
	if (l->count > l->limit)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)l->last));
	call_reply_page(c, &page);
}

static bool read_paging(struct api_call *c, struct listing *l, uint64_t *after)
{
	struct paging paging;

	*after = 0;
	if (!call_paging(c, &paging))
		return false;
	l->limit = paging.limit;
	l->list = json_array();
	if (span_to_u64(paging.after, INT64_MAX, after) != ERR_OK)
		*after = 0;
	return true;
}

void api_jobs_list(struct api_call *c)
{
	struct listing l = { .filter = { .of_account = only_own(c), .account_id = c->caller.account_id, .token_id = c->caller.token_limited ? c->caller.token_id : 0, .state = -1 } };
	struct span state = call_query(c, "state");

	for (size_t i = 0; i < STATES; i++)
		if (span_equals(state, span_str(state_names[i])))
			l.filter.state = (int64_t)i;
	if (read_paging(c, &l, &l.before))
		reply_listing(c, directory_read(c->context->directory, read_jobs, &l), &l);
}

/* ---- one ---- */

struct lookup {
	struct api_call *c;
	uint64_t id;
	struct db_job row; /* the call's arena */
};

static enum err take_row(void *arg, const struct db_job *row)
{
	struct lookup *l = arg;

	l->row = *row;
	l->row.operation = arena_copy(&l->c->arena, row->operation);
	l->row.actor = arena_copy(&l->c->arena, row->actor);
	l->row.detail = arena_copy(&l->c->arena, row->detail);
	return ERR_OK;
}

static enum err read_row(struct db *db, void *arg)
{
	struct lookup *l = arg;

	return db_job_find(db, l->id, take_row, l);
}

static bool find_job(struct api_call *c, struct db_job *out)
{
	struct lookup l = { .c = c };
	enum err e = ERR_NOT_FOUND;

	if (span_starts(c->args[0], SPAN("job_")) && span_to_u64(span_skip(c->args[0], 4), INT64_MAX, &l.id) == ERR_OK)
		e = directory_read(c->context->directory, read_row, &l);
	if (e == ERR_OK && !sees(c, &l.row))
		e = ERR_NOT_FOUND;
	if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	*out = l.row;
	return e == ERR_OK;
}

void api_job_get(struct api_call *c)
{
	struct db_job row;
	json_t *out;

	if (!find_job(c, &row))
		return;
	out = job_json(&row);
	call_reply_json(c, 200, &out);
}

static enum err take_item(void *arg, const struct db_job_item *item)
{
	struct listing *l = arg;

	if (l->count++ < l->limit) {
		json_array_append_new(l->list, json_pack("{s:I, s:o, s:I, s:o, s:o}", "n", (json_int_t)item->n, "subject", json_span(item->subject), "status", (json_int_t)item->status,
							 "code", item->code.len ? json_span(item->code) : json_null(), "detail", item->detail.len ? json_span(item->detail) : json_null()));
		l->last = item->n;
	}
	return ERR_OK;
}

static enum err read_items(struct db *db, void *arg)
{
	struct listing *l = arg;

	return db_job_item_each(db, l->job, l->after_n, l->limit + 1, l->failed_only, take_item, l);
}

void api_job_items_list(struct api_call *c)
{
	struct listing l = { .failed_only = call_query_flag(c, "failed") };
	struct db_job row;

	if (!find_job(c, &row) || !read_paging(c, &l, &l.after_n))
		return;
	l.job = row.id;
	reply_listing(c, directory_read(c->context->directory, read_items, &l), &l);
}

void api_job_cancel(struct api_call *c)
{
	struct db_job row;
	json_t *out;

	if (!find_job(c, &row))
		return;
	if (!c->context->jobs || !jobs_cancel(c->context->jobs, row.id)) {
		call_reply_problem(c, 409, "conflict", NULL, "the job is over");
		return;
	}
	if (!find_job(c, &row))
		return;
	out = job_json(&row);
	call_reply_json(c, 202, &out);
}
