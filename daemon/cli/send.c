/* cli/send.c: postroom send: fields of the command become a message, or a whole one is sent as it is. */
#include "daemon/cli/send.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "api/api.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/cli/input.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/run.h"

#define ATTACHMENTS_MAX (48u * 1024u * 1024u)
#define KEY_BYTES 16

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What the name says of the content; the server and the reader look again. */
static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{ ".txt", "text/plain" },
		{ ".csv", "text/csv" },
		{ ".html", "text/html" },
		{ ".pdf", "application/pdf" },
		{ ".png", "image/png" },
		{ ".jpg", "image/jpeg" },
		{ ".jpeg", "image/jpeg" },
		{ ".gif", "image/gif" },
		{ ".zip", "application/zip" },
		{ ".json", "application/json" },
		{ ".ics", "text/calendar" },
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (span_ends(span_str(name), span_str(types[i].end)))
			return types[i].type;
	return "application/octet-stream";
}

static enum err attach(struct arguments *a, const char *path, struct note *why)
{
	struct buf file, text;
	json_t *list = json_object_get(a->body, "attachments");
	enum err e;

	buf_init(&file, ATTACHMENTS_MAX);
	buf_init(&text, 2 * ATTACHMENTS_MAX);
	e = input_file(path, &file, why);
	if (e == ERR_OK) {
		base64_encode(buf_span(&file), &text);
		if (!list) {
			list = json_array();
			json_object_set_new(a->body, "attachments", list);
		}
		if (text.failed || json_array_append_new(list, json_pack("{s:s,s:s,s:s%}", "filename", base_name(path), "content_type", type_of(path), "content", text.ptr ? text.ptr : "", text.len)) != 0) {
			note_set(why, "%s: too large, or its name is not UTF-8", path);
			e = ERR_SYNTAX;
		}
	}
	buf_clear(&file);
	buf_clear(&text);
	return e;
}

static enum err read_message(struct arguments *a, struct buf *body, const char **type, struct note *why)
{
	const char *raw = arguments_value(a, "--raw"), *file;
	size_t at = 0;
	enum err e = ERR_OK;

	if (raw) {
		*type = "message/rfc822";
		return input_file(raw, body, why);
	}
	*type = "application/json";
	if (!a->body || !json_object_get(a->body, "to") || !json_object_get(a->body, "from")) {
		note_set(why, "say TO and --from, or give --raw");
		return ERR_SYNTAX;
	}
	while (e == ERR_OK && (file = arguments_next(a, "--attach", &at)))
		e = attach(a, file, why);
	run_body(a, body);
	return e;
}

static int send_body(struct arguments *a, const char *type, struct span body)
{
	struct http_request request = { .method = "POST", .path = SPAN("/api/v1/messages"), .content_type = type, .idempotency_key = arguments_value(a, "--key"), .body = body };
	struct note why = { "" };
	struct answer answer;
	struct target t;
	uint8_t random[KEY_BYTES];
	struct buf key;
	int status = run_find_target(a, &t);
	enum err e;

	if (status != EX_OK)
		return status;
	buf_init(&key, 64);
	rng_bytes(random, sizeof random);
	hex_encode(span_make((const char *)random, sizeof random), &key);
	if (!request.idempotency_key)
		request.idempotency_key = buf_cstr(&key);
	e = ask(&t, &request, &answer, &why);
	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t.socket_path);
	if (e == ERR_OK)
		status = run_show(a, &t, &answer);
	else
		problem_print_unreached(a, e, &why);
	/* What has left us without an answer may have been taken: the same key asks again without a second message. */
	if (e == ERR_TEMP)
		fprintf(stderr, "next: the same again with --key %s\n", request.idempotency_key);
	if (e != ERR_OK)
		status = ask_exit_of_err(e);
	answer_clear(&answer);
	buf_clear(&key);
	target_clear(&t);
	return status;
}

int run_send(struct arguments *a)
{
	struct note why = { "" };
	const char *type = NULL;
	struct buf body;
	int status;

	buf_init(&body, INPUT_FILE_MAX + 65536);
	if (read_message(a, &body, &type, &why) != ERR_OK || body.failed)
		status = run_usage(a, &why);
	else if (a->dry_run)
		status = run_show_request(a, "POST", SPAN("/api/v1/messages"));
	else
		status = send_body(a, type, buf_span(&body));
	buf_wipe(&body);
	return status;
}
