/* cli/raw.c: the API as it is, for what has no verb. */
#include "daemon/cli/raw.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/input.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/run.h"

/* "@FILE" and "-" are read, all else is the body itself. */
static enum err read_body(const char *said, struct buf *out, struct note *why)
{
	if (said[0] == '@')
		return input_file(said + 1, out, why);
	if (strcmp(said, "-") == 0)
		return input_file(said, out, why);
	buf_add_str(out, said);
	return ERR_OK;
}

/* What goes into the request's first lines holds no line of its own. */
static bool is_plain(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f)
			return false;
	return true;
}

static bool is_method(const char *word)
{
	for (const char *p = word; *p; p++)
		if (*p < 'A' || *p > 'Z')
			return false;
	return *word;
}

/* The bytes as they come; a terminal is spared what it would obey. */
static enum err copy_body(struct http *h, bool harmless, struct note *why)
{
	char piece[16384];
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		size_t count;

		e = http_read(h, piece, sizeof piece, &count, TARGET_TIMEOUT_MS, why);
		for (size_t i = 0; harmless && i < count; i++)
			if (((unsigned char)piece[i] < ' ' && piece[i] != '\n' && piece[i] != '\t') || piece[i] == 0x7f)
				piece[i] = '?';
		fwrite(piece, 1, count, stdout);
		fflush(stdout);
	}
	return e == ERR_STATE ? ERR_OK : e;
}

static int exchange(const struct arguments *a, const struct target *t, const struct http_request *request)
{
	struct note why = { "" };
	struct http_head head = { 0 };
	struct http *h;
	enum err e = http_open(t, request, &h, &head, &why);
	int status;

	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t->socket_path);
	if (e == ERR_OK && arguments_flag(a, "--include"))
		printf("HTTP/1.1 %d\nContent-Type: %s\nETag: %s\nRetry-After: %s\n\n", head.status, head.content_type, head.etag, head.retry_after);
	if (e == ERR_OK)
		e = copy_body(h, isatty(STDOUT_FILENO), &why);
	http_close(&h);
	if (e != ERR_OK) {
		problem_print_unreached(a, e, &why);
		return ask_exit_of_err(e);
	}
	if (isatty(STDOUT_FILENO))
		putchar('\n');
	status = ask_exit_of_status(head.status);
	if (status != EX_OK)
		fprintf(stderr, "postroom: the daemon answered %d\n", head.status);
	return status;
}

int run_raw(struct arguments *a)
{
	const char *method = arguments_value(a, "METHOD"), *path = arguments_value(a, "PATH"), *data = arguments_value(a, "--data");
	const char *type = arguments_value(a, "--content-type");
	struct http_request request = { .method = method, .path = span_str(path), .content_type = data && !type ? "application/json" : type, .accept = "*/*", .if_match = arguments_value(a, "--if-match") };
	struct note why = { "" };
	struct target t = { 0 };
	struct buf body;
	int status;
	enum err e = ERR_OK;

	if (!is_method(method) || path[0] != '/' || !is_plain(path) || !is_plain(type) || !is_plain(request.if_match)) {
		note_set(&why, "a method is like GET, a path like /api/v1/users, a header's value has no blanks");
		return run_usage(a, &why);
	}
	if (a->dry_run)
		return run_show_request(a, method, request.path);
	buf_init(&body, INPUT_FILE_MAX + 65536);
	if (data)
		e = read_body(data, &body, &why);
	request.body = buf_span(&body);
	status = e == ERR_OK ? run_find_target(a, &t) : run_usage(a, &why);
	if (status == EX_OK) {
		status = exchange(a, &t, &request);
		target_clear(&t);
	}
	buf_wipe(&body);
	return status;
}
