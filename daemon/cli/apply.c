/* cli/apply.c: asks for the plan, shows it, has it confirmed, and applies it to what it was made for (If-Match). */
#include "daemon/cli/apply.h"

#include <jansson.h>
#include <stdio.h>
#include <sysexits.h>

#include "daemon/cli/input.h"
#include "daemon/cli/print.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/run.h"

#define DOCUMENT_MAX (64u * 1024u * 1024u)

static int ask_or_say(const struct arguments *a, const struct target *t, const struct http_request *request, struct answer *out)
{
	struct note why = { "" };
	enum err e = ask(t, request, out, &why);

	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t->socket_path);
	if (e != ERR_OK)
		problem_print_unreached(a, e, &why);
	else if (out->head.status >= 400)
		problem_print(a, out);
	else
		return EX_OK;
	return e == ERR_OK ? ask_exit_of_status(out->head.status) : ask_exit_of_err(e);
}

/* Shows the plan where it is what was asked for, or must be confirmed. *empty_out: there is nothing to do. */
static int look_at_plan(const struct arguments *a, const struct answer *plan, bool *empty_out)
{
	json_t *value = json_loadb(plan->body.ptr ? plan->body.ptr : "", plan->body.len, 0, NULL);
	json_t *changes = json_object_get(value, "changes");
	int status = json_is_array(changes) ? EX_OK : EX_PROTOCOL;

	*empty_out = json_array_size(changes) == 0;
	if (status != EX_OK)
		fputs("postroom: the daemon's answer could not be read\n", stderr);
	else if (a->dry_run || (*empty_out && a->form != OUTPUT_TABLE))
		print_value(a, value);
	else if (a->form == OUTPUT_TABLE)
		print_plan(changes);
	json_decref(value);
	return status;
}

static bool is_confirmed(const struct arguments *a)
{
	bool terminal;

	if (a->yes)
		return true;
	fflush(stdout);
	if (!a->stdin_taken && input_confirm("Apply this?", &terminal))
		return true;
	fputs(a->stdin_taken || !terminal ? "postroom: there is no terminal to confirm the plan: give --yes, or look with --dry-run\n" : "postroom: nothing was done\n", stderr);
	return false;
}

static int apply(struct arguments *a, const struct target *t, struct span document)
{
	bool prune = arguments_flag(a, "--prune");
	struct http_request now = { .method = "GET", .path = SPAN("/api/v1/export") };
	struct http_request request = { .method = "POST", .path = prune ? SPAN("/api/v1/apply?prune=1&dry_run=1") : SPAN("/api/v1/apply?dry_run=1"), .content_type = "application/json", .body = document };
	struct answer as_it_is, plan = { .head = { .status = 0 } }, done = { .head = { .status = 0 } };
	bool empty = false;
	int status = ask_or_say(a, t, &now, &as_it_is);

	if (status == EX_OK) {
		request.if_match = as_it_is.head.etag;
		status = ask_or_say(a, t, &request, &plan);
	}
	if (status == EX_OK)
		status = look_at_plan(a, &plan, &empty);
	if (status == EX_OK && !a->dry_run && !empty) {
		if (!is_confirmed(a)) {
			status = EX_USAGE;
		} else {
			request.path = prune ? SPAN("/api/v1/apply?prune=1") : SPAN("/api/v1/apply");
			status = ask_or_say(a, t, &request, &done);
			if (status == EX_OK && a->form == OUTPUT_TABLE)
				puts("applied");
			else if (status == EX_OK)
				status = run_show(a, t, &done);
		}
	}
	answer_clear(&done);
	answer_clear(&plan);
	answer_clear(&as_it_is);
	return status;
}

int run_apply(struct arguments *a)
{
	const char *path = arguments_value(a, "-f");
	struct note why = { "" };
	struct target t;
	struct buf document;
	int status;

	buf_init(&document, DOCUMENT_MAX);
	if (input_file(path, &document, &why) != ERR_OK) {
		status = run_usage(a, &why);
	} else {
		a->stdin_taken = strcmp(path, "-") == 0;
		status = run_find_target(a, &t);
		if (status == EX_OK) {
			status = apply(a, &t, buf_span(&document));
			target_clear(&t);
		}
	}
	buf_wipe(&document);
	return status;
}
