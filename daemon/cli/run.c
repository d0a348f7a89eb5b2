/* cli/run.c: one verb, one operation: confirm, ask, show. */
#include "daemon/cli/run.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "api/api.h"
#include "daemon/cli/cell.h"
#include "daemon/cli/help.h"
#include "daemon/cli/input.h"
#include "daemon/cli/job.h"
#include "daemon/cli/local.h"
#include "daemon/cli/print.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/rows.h"

#define PAGE 500
#define NEWEST_ROWS 50

int run_usage(const struct arguments *a, const struct note *why)
{
	fprintf(stderr, "postroom: %s\n", why->text);
	help_short(stderr, a->verb);
	return EX_USAGE;
}

int run_find_target(const struct arguments *a, struct target *out)
{
	struct note why = { "" };
	enum err e = target_find(a, out, &why);

	if (e == ERR_OK)
		return EX_OK;
	fprintf(stderr, "postroom: %s\n", why.text);
	if (e != ERR_STATE)
		return EX_USAGE;
	fputs("next: postroom config check, or --config FILE\n", stderr);
	return EX_CONFIG;
}

/* False: it was not confirmed, *status_out is how to end. True at once where nothing is destroyed, with --yes and with --dry-run. */
static bool is_confirmed(const struct arguments *a, int *status_out)
{
	const struct verb *v = a->verb;
	struct buf question;
	bool terminal, yes;

	if (!(v->is & VERB_DESTROYS) || a->yes || a->dry_run)
		return true;
	buf_init(&question, CELL_MAX);
	buf_addf(&question, "%s%s%s", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	for (size_t i = 0; i < a->given_count; i++) {
		if (a->given[i].value && a->given[i].argument->kind != ARGUMENT_PASSWORD) {
			buf_addf(&question, a->given[i].argument->name[0] == '-' ? " %s " : " ", a->given[i].argument->name);
			cell_clean(&question, span_str(a->given[i].value));
		}
	}
	buf_addf(&question, ": %s. Go on?", v->summary);
	yes = input_confirm(question.failed ? "Go on?" : buf_cstr(&question), &terminal);
	buf_clear(&question);
	if (yes)
		return true;
	if (terminal)
		fputs("postroom: nothing was done\n", stderr);
	else
		fputs("postroom: this can't be undone, and there is no terminal to ask: give --yes, or look first with --dry-run\n", stderr);
	*status_out = EX_USAGE;
	return false;
}

void run_body(const struct arguments *a, struct buf *out)
{
	char *text = a->body ? json_dumps(a->body, JSON_COMPACT) : NULL;

	if (!text)
		return;
	buf_add_str(out, text);
	explicit_bzero(text, strlen(text));
	free(text);
}

/* Secrets do not stand in what is only shown. */
static void mask_secrets(const struct verb *v, json_t *body)
{
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++)
		if (v->arguments[i].kind == ARGUMENT_PASSWORD && json_object_get(body, v->arguments[i].field))
			json_object_set_new(body, v->arguments[i].field, json_string("***"));
}

int run_show_request(const struct arguments *a, const char *method, struct span path)
{
	json_t *body = a->body ? json_deep_copy(a->body) : json_null();
	json_t *value = json_pack("{s:b,s:[],s:{s:s,s:s%,s:o}}", "dry_run", 1, "changes", "request", "method", method, "path", path.ptr, path.len, "body", body);

	mask_secrets(a->verb, body);
	if (a->form == OUTPUT_TABLE) {
		printf("would ask %s %.*s\n", method, (int)path.len, path.ptr);
		if (json_object_size(body) > 0) {
			json_dumpf(body, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
			putchar('\n');
		}
	} else {
		print_value(a, value);
	}
	json_decref(value);
	return EX_OK;
}

int run_show(const struct arguments *a, const struct target *t, const struct answer *answer)
{
	if (answer->head.status >= 400) {
		problem_print(a, answer);
		return ask_exit_of_status(answer->head.status);
	}
	if (answer->head.status == 202 && (a->verb->is & VERB_HAS_JOB))
		return job_show(a, t, buf_span(&answer->body));
	if (print_answer(a, buf_span(&answer->body)))
		return EX_OK;
	fputs("postroom: the daemon's answer could not be read\n", stderr);
	return EX_PROTOCOL;
}

/* Where to ask: the daemon; for some verbs, when it is down, the handler here; setup always here. */
static enum err request(const struct arguments *a, struct target *t, const struct http_request *r, struct answer *out, struct note *why)
{
	const struct verb *v = a->verb;
	bool here = v->kind == VERB_SETUP;
	enum err e = ERR_NOT_FOUND;

	*out = (struct answer){ .head = { .status = 0 } };
	buf_init(&out->body, API_RESPONSE_MAX);
	if (!here) {
		e = ask(t, r, out, why);
		if (e == ERR_NOT_FOUND && v->kind != VERB_API_LOCAL)
			note_set(why, "the daemon does not run: no answer at %s", t->socket_path);
	}
	if (t->socket_path && e == ERR_NOT_FOUND && (here || v->kind == VERB_API_LOCAL)) {
		e = local_request(&t->config, here, r->method, r->path, r->body, &out->head.status, &out->body, why);
		if (e == ERR_NOT_FOUND)
			note_set(why, "not set up yet: run postroom setup first");
	}
	return e;
}

static int run_request(struct arguments *a, struct target *t)
{
	struct note why = { "" };
	struct http_request r = { .method = "" };
	struct answer answer;
	struct buf path, body;
	int status;
	enum err e;

	if (a->dry_run && (a->verb->is & VERB_PLANS))
		arguments_add_query(a, "dry_run", SPAN("1"));
	buf_init(&path, 131072);
	buf_init(&body, API_BODY_MAX + 65536);
	run_body(a, &body);
	e = ask_path(a->verb->operation, a->holes, a->hole_count, buf_span(&a->query), &r.method, &path);
	r.path = buf_span(&path);
	r.body = buf_span(&body);
	r.content_type = body.len > 0 ? "application/json" : NULL;
	if (e != ERR_OK || body.failed) {
		note_set(&why, "a name is missing, or there is too much to ask");
		status = run_usage(a, &why);
	} else if (strcmp(r.method, "PATCH") == 0 && body.len == 0) {
		note_set(&why, "nothing to change: give an option that says what");
		status = run_usage(a, &why);
	} else if (a->dry_run && !(a->verb->is & VERB_PLANS)) {
		status = run_show_request(a, r.method, r.path);
	} else {
		e = request(a, t, &r, &answer, &why);
		if (e == ERR_OK)
			status = run_show(a, t, &answer);
		else
			problem_print_unreached(a, e, &why);
		if (e != ERR_OK)
			status = e == ERR_SYNTAX ? EX_CONFIG : ask_exit_of_err(e);
		answer_clear(&answer);
	}
	buf_wipe(&body);
	buf_clear(&path);
	return status;
}

int run_api(struct arguments *a)
{
	struct target t;
	int status = EX_OK;

	if (!is_confirmed(a, &status))
		return status;
	status = run_find_target(a, &t);
	if (status != EX_OK)
		return status;
	status = run_request(a, &t);
	target_clear(&t);
	return status;
}

/* ---- lists ---- */

/* One page. *cursor is replaced by the next one, null behind the last. */
static int list_page(struct arguments *a, const struct target *t, struct rows *rows, uint64_t left, char **cursor, long long *total)
{
	struct note why = { "" };
	struct answer answer;
	struct buf query;
	json_t *page = NULL;
	int status = EX_OK;
	enum err e;

	buf_init(&query, 131072);
	buf_add(&query, buf_span(&a->query));
	buf_addf(&query, "%slimit=%llu", query.len ? "&" : "", (unsigned long long)(left < PAGE ? left : PAGE));
	if (*cursor)
		buf_addf(&query, "&cursor=%s", *cursor);
	free(*cursor);
	*cursor = NULL;
	e = ask_operation(t, a->verb->operation, a->holes, a->hole_count, buf_span(&query), SPAN(""), &answer, &why);
	buf_clear(&query);
	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t->socket_path);
	if (e != ERR_OK) {
		problem_print_unreached(a, e, &why);
		status = ask_exit_of_err(e);
	} else if (answer.head.status != 200) {
		problem_print(a, &answer);
		status = ask_exit_of_status(answer.head.status);
	} else {
		page = json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, 0, NULL);
	}
	answer_clear(&answer);
	if (status == EX_OK && !json_is_array(json_object_get(page, "data"))) {
		fputs("postroom: the daemon's answer could not be read\n", stderr);
		status = EX_PROTOCOL;
	}
	if (status == EX_OK) {
		const char *next = json_string_value(json_object_get(page, "next_cursor"));

		rows_add(rows, json_object_get(page, "data"));
		*cursor = next ? strdup(next) : NULL;
		if (json_is_integer(json_object_get(page, "total_estimate")))
			*total = json_integer_value(json_object_get(page, "total_estimate"));
	}
	json_decref(page);
	return status;
}

int run_list(struct arguments *a)
{
	uint64_t wanted = a->all ? UINT64_MAX : a->limit              ? a->limit
					: (a->verb->is & VERB_NEWEST) ? NEWEST_ROWS
								      : UINT64_MAX;
	struct rows rows;
	struct target t;
	char *cursor = NULL;
	long long total = -1;
	int status;

	if (rows_begin(&rows, a->form, a->columns ? a->columns : a->verb->columns) != ERR_OK) {
		struct note why = { "--columns: too many, or too long" };

		return run_usage(a, &why);
	}
	rows.empty = a->verb->empty && a->query.len > 0 ? "Nothing fits." : a->verb->empty;
	rows.named = a->columns != NULL;
	status = run_find_target(a, &t);
	if (status != EX_OK)
		return status;
	do
		status = list_page(a, &t, &rows, wanted - rows.count, &cursor, &total);
	while (status == EX_OK && cursor && rows.count < wanted);
	if (status == EX_OK)
		rows_end(&rows, cursor, total);
	free(cursor);
	target_clear(&t);
	return status;
}
