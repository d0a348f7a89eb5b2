/* cli/job.c: asks now and then how far a job is, until it has ended. */
#include "daemon/cli/job.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/print.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/run.h"

#define FIRST_PAUSE_MS 50
#define PAUSE_MAX_MS 1000
#define FAILURES_SHOWN 20

static bool has_ended(json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));

	return state && (strcmp(state, "done") == 0 || strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0);
}

static long long number(json_t *job, const char *name)
{
	return (long long)json_integer_value(json_object_get(job, name));
}

static void print_progress(json_t *job, bool last)
{
	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%lld of %lld, %lld failed%s", number(job, "done"), number(job, "total"), number(job, "failed"), last ? "\n" : " ");
}

/* Null: it could not be asked, *status_out is how to end. */
static json_t *ask_job(const struct arguments *a, const struct target *t, struct span id, int *status_out)
{
	struct note why = { "" };
	struct answer answer;
	json_t *job = NULL;
	enum err e = ask_operation(t, "job_get", &id, 1, SPAN(""), SPAN(""), &answer, &why);

	if (e == ERR_OK && answer.head.status == 200) {
		job = json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, 0, NULL);
		*status_out = EX_PROTOCOL;
	} else if (e == ERR_OK) {
		problem_print(a, &answer);
		*status_out = ask_exit_of_status(answer.head.status);
	} else {
		problem_print_unreached(a, e, &why);
		*status_out = ask_exit_of_err(e);
	}
	answer_clear(&answer);
	return job;
}

/* What went wrong with which, on standard error. */
static void print_failures(const struct target *t, struct span id)
{
	struct answer answer;
	json_t *page = NULL, *item;
	size_t i;

	if (ask_operation(t, "job_items_list", &id, 1, SPAN("failed=true&limit=20"), SPAN(""), &answer, NULL) == ERR_OK && answer.head.status == 200)
		page = json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, 0, NULL);
	json_array_foreach(json_object_get(page, "data"), i, item)
	{
		struct buf text;

		buf_init(&text, CELL_MAX);
		cell_write(&text, json_object_get(item, "subject"));
		buf_add_str(&text, ": ");
		cell_write(&text, json_object_get(item, "detail"));
		if (i < FAILURES_SHOWN)
			fprintf(stderr, "  %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
		buf_clear(&text);
	}
	json_decref(page);
	answer_clear(&answer);
}

/* Why the job as a whole came to an end. */
static void print_detail(json_t *job)
{
	struct buf text;

	buf_init(&text, CELL_MAX);
	cell_write(&text, json_object_get(job, "detail"));
	if (json_string_length(json_object_get(job, "detail")) > 0)
		fprintf(stderr, "  %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
}

/* To people: "5 rows: 2 done, 3 failed". The API's `done` are all that were looked at. */
static void print_result(const struct arguments *a, json_t *job)
{
	const char *state = json_string_value(json_object_get(job, "state"));
	long long seen = number(job, "done"), failed = number(job, "failed"), total = number(job, "total");

	if (a->form != OUTPUT_TABLE) {
		print_value(a, job);
		return;
	}
	if (total < seen)
		total = seen;
	printf("%lld %s%s: %lld done, %lld failed", total, a->verb->kind == VERB_UPLOAD ? "row" : "item", total == 1 ? "" : "s", seen - failed, failed);
	if (total > seen)
		printf(", %lld left", total - seen);
	if (strcmp(state, "done") != 0)
		printf(" (%s)", state);
	putchar('\n');
}

static int follow(const struct arguments *a, const struct target *t, struct span id)
{
	int64_t pause_ms = FIRST_PAUSE_MS;
	int status = EX_OK;
	json_t *job;

	while ((job = ask_job(a, t, id, &status)) && !has_ended(job)) {
		print_progress(job, false);
		nanosleep(&(struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
		json_decref(job);
	}
	if (!job)
		return status;
	print_progress(job, true);
	print_result(a, job);
	status = strcmp(json_string_value(json_object_get(job, "state")), "done") == 0 && number(job, "failed") == 0 ? EX_OK : EX_DATAERR;
	if (status != EX_OK) {
		fflush(stdout);
		fprintf(stderr, "postroom: not all of it was done\n");
		print_detail(job);
		print_failures(t, id);
		fprintf(stderr, "next: postroom job items %.*s\n", (int)id.len, id.ptr);
	}
	json_decref(job);
	return status;
}

int job_show(const struct arguments *a, const struct target *t, struct span body)
{
	json_t *job = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);
	const char *id = json_string_value(json_object_get(job, "id"));
	int status = EX_OK;

	if (!id) {
		fputs("postroom: the daemon's answer could not be read\n", stderr);
		status = EX_PROTOCOL;
	} else if (!a->no_wait) {
		status = follow(a, t, span_str(id));
	} else {
		print_value(a, job);
		fprintf(stderr, "next: postroom job wait %s\n", id);
	}
	json_decref(job);
	return status;
}

int run_wait(struct arguments *a)
{
	struct target t;
	int status = run_find_target(a, &t);

	if (status != EX_OK)
		return status;
	status = follow(a, &t, a->holes[0]);
	target_clear(&t);
	return status;
}
