/* cli/transfer.c: bodies that are files: imports, exports. */
#include "daemon/cli/run.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cli/input.h"
#include "daemon/cli/problem.h"

#define PIECE 65536

/* By --format, by the name, else by how it begins. */
static const char *type_of(const struct arguments *a, const char *path, struct span body)
{
	const char *format = arguments_value(a, "--format");
	struct span begin = span_trim(body);

	if (format)
		return strcmp(format, "json") == 0 ? "application/json" : "text/csv";
	if (span_ends(span_str(path), SPAN(".json")))
		return "application/json";
	if (span_ends(span_str(path), SPAN(".csv")))
		return "text/csv";
	return span_starts(begin, SPAN("{")) ? "application/json" : "text/csv";
}

static int upload(struct arguments *a, const char *path, const struct buf *body)
{
	struct http_request request = { .content_type = type_of(a, path, buf_span(body)), .body = buf_span(body) };
	struct note why = { "" };
	struct answer answer;
	struct target t;
	struct buf target_path;
	int status = run_find_target(a, &t);
	enum err e;

	if (status != EX_OK)
		return status;
	if (a->dry_run)
		arguments_add_query(a, "dry_run", SPAN("1"));
	buf_init(&target_path, 131072);
	e = ask_path(a->verb->operation, a->holes, a->hole_count, buf_span(&a->query), &request.method, &target_path);
	request.path = buf_span(&target_path);
	if (e == ERR_OK)
		e = ask(&t, &request, &answer, &why);
	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t.socket_path);
	if (e == ERR_OK)
		status = run_show(a, &t, &answer);
	else
		problem_print_unreached(a, e, &why);
	if (e != ERR_OK)
		status = ask_exit_of_err(e);
	answer_clear(&answer);
	buf_clear(&target_path);
	target_clear(&t);
	return status;
}

int run_upload(struct arguments *a)
{
	const char *path = arguments_value(a, "FILE");
	struct note why = { "" };
	struct buf body;
	int status;

	buf_init(&body, INPUT_FILE_MAX + PIECE);
	status = input_file(path, &body, &why) == ERR_OK ? upload(a, path, &body) : run_usage(a, &why);
	buf_wipe(&body);
	return status;
}

/* The body in pieces; a terminal is spared what it would obey. */
static enum err pass_on(struct http *h, struct note *why)
{
	bool harmless = isatty(STDOUT_FILENO);
	char piece[PIECE];
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		size_t count;

		e = http_read(h, piece, sizeof piece, &count, TARGET_TIMEOUT_MS, why);
		for (size_t i = 0; harmless && i < count; i++)
			if (((unsigned char)piece[i] < ' ' && piece[i] != '\n' && piece[i] != '\t' && piece[i] != '\r') || piece[i] == 0x7f)
				piece[i] = '?';
		if (fwrite(piece, 1, count, stdout) != count) {
			note_set(why, "standard output could not be written");
			return ERR_LIMIT;
		}
	}
	return e == ERR_STATE ? ERR_OK : e;
}

static int download(struct arguments *a, const struct target *t, const struct http_request *request)
{
	struct note why = { "" };
	struct answer refusal = { .head = { .status = 0 } };
	struct http *h;
	int status = EX_OK;
	enum err e = http_open(t, request, &h, &refusal.head, &why);

	buf_init(&refusal.body, INPUT_FILE_MAX);
	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t->socket_path);
	if (e == ERR_OK && refusal.head.status == 200) {
		e = pass_on(h, &why);
	} else if (e == ERR_OK) {
		e = http_read_all(h, &refusal.body, &why);
		if (e == ERR_OK)
			problem_print(a, &refusal);
		status = ask_exit_of_status(refusal.head.status);
	}
	if (e != ERR_OK) {
		problem_print_unreached(a, e, &why);
		status = ask_exit_of_err(e);
	}
	http_close(&h);
	answer_clear(&refusal);
	return status;
}

int run_download(struct arguments *a)
{
	bool both = strcmp(a->verb->operation, "users_export") == 0 || strcmp(a->verb->operation, "aliases_export") == 0;
	struct http_request request = { .accept = "*/*" };
	struct target t;
	struct buf path;
	int status = run_find_target(a, &t);

	if (status != EX_OK)
		return status;
	if (both)
		arguments_add_query(a, "format", a->form == OUTPUT_JSON || a->form == OUTPUT_NDJSON ? SPAN("json") : SPAN("csv"));
	buf_init(&path, 131072);
	if (ask_path(a->verb->operation, a->holes, a->hole_count, buf_span(&a->query), &request.method, &path) == ERR_OK) {
		request.path = buf_span(&path);
		status = download(a, &t, &request);
	} else {
		status = EX_SOFTWARE;
	}
	buf_clear(&path);
	target_clear(&t);
	return status;
}
