/* cli/watch.c: the event stream, to its end or for ever, with Last-Event-ID where a connection broke. */
#include "daemon/cli/watch.h"

#include <jansson.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/run.h"
#include "daemon/cli/value.h"

#define SILENCE_MS 60000 /* four heartbeats */
#define AGAIN_MS 1000
#define TRIES 5 /* in a row that bring nothing */

/* One connection. ERR_STATE: on_event said stop, or that was all; ERR_OK and ERR_TEMP: it broke; *status_out: refused. */
static enum err read_once(const struct arguments *a, const struct target *t, struct span path, bool follows, struct sse *s, bool (*on_event)(void *arg, const struct sse_event *e), void *arg, int *status_out, struct note *why)
{
	struct http_request request = { .method = "GET", .path = path, .accept = "text/event-stream", .last_event_id = s->id };
	struct answer refusal = { .head = { .status = 0 } };
	struct http *h;
	char piece[16384];
	enum err e = http_open(t, &request, &h, &refusal.head, why);

	buf_init(&refusal.body, CELL_MAX);
	if (e == ERR_OK && refusal.head.status != 200) {
		if (http_read_all(h, &refusal.body, why) == ERR_OK)
			problem_print(a, &refusal);
		*status_out = ask_exit_of_status(refusal.head.status);
	}
	while (e == ERR_OK && *status_out == EX_OK) {
		size_t count;

		e = http_read(h, piece, sizeof piece, &count, SILENCE_MS, why);
		if (e == ERR_OK && !sse_feed(s, span_make(piece, count), on_event, arg))
			break;
		if (e == ERR_STATE && follows)
			e = ERR_TEMP;
	}
	http_close(&h);
	buf_clear(&refusal.body);
	return e == ERR_OK && *status_out == EX_OK ? ERR_STATE : e;
}

int watch_read(const struct arguments *a, const struct target *t, const char *types, const char *after, bool follows, bool (*on_event)(void *arg, const struct sse_event *e), void *arg)
{
	struct note why = { "" };
	struct sse s;
	struct buf path;
	int status = EX_OK;
	unsigned failures = 0;
	enum err e = ERR_TEMP;

	sse_init(&s);
	buf_init(&path, 65536);
	buf_addf(&path, "/api/v1/events?follow=%s", follows ? "true" : "false");
	if (types) {
		buf_add_str(&path, "&types=");
		value_escape(&path, span_str(types));
	}
	if (after) {
		buf_add_str(&path, "&after=");
		value_escape(&path, span_str(after));
	}
	while (status == EX_OK && e != ERR_STATE && failures < TRIES) {
		uint64_t before = s.id;

		if (failures > 0)
			nanosleep(&(struct timespec){ AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000000 }, NULL);
		e = read_once(a, t, buf_span(&path), follows, &s, on_event, arg, &status, &why);
		failures = s.id != before ? 1 : failures + 1;
		if (e == ERR_DENIED || (e == ERR_NOT_FOUND && s.id == 0))
			failures = TRIES;
	}
	if (e != ERR_STATE && status == EX_OK) {
		if (e == ERR_NOT_FOUND)
			note_set(&why, "the daemon does not run: no answer at %s", t->socket_path);
		problem_print_unreached(a, e, &why);
		status = ask_exit_of_err(e);
	}
	buf_clear(&path);
	sse_clear(&s);
	return status;
}

struct printing {
	struct rows rows;
	uint64_t wanted;
};

static bool print_event(void *arg, const struct sse_event *e)
{
	struct printing *p = arg;
	const bool lost = strcmp(e->type, "lost") == 0;
	json_t *event = json_loadb(e->data.ptr, e->data.len, JSON_DECODE_ANY, NULL), *list;

	if (lost)
		fputs("postroom: older events are not kept any more\n", stderr);
	if (lost || !event) {
		json_decref(event);
		return true;
	}
	list = json_pack("[o]", event);
	rows_add(&p->rows, list);
	json_decref(list);
	return p->rows.count < p->wanted;
}

int run_watch(struct arguments *a)
{
	struct printing p = { .wanted = a->limit ? a->limit : UINT64_MAX };
	const char *since = arguments_value(a, "--since");
	const bool follows = arguments_flag(a, "-f");
	struct note why = { "" };
	struct target t;
	uint64_t id;
	int status;

	if (rows_begin(&p.rows, a->form == OUTPUT_JSON ? OUTPUT_NDJSON : a->form, a->columns ? a->columns : a->verb->columns) != ERR_OK || (since && span_to_u64(span_str(since), INT64_MAX, &id) != ERR_OK)) {
		note_set(&why, "--since is the id of an event, --columns names of fields");
		return run_usage(a, &why);
	}
	status = run_find_target(a, &t);
	if (status != EX_OK)
		return status;
	status = watch_read(a, &t, arguments_value(a, "--types"), since || follows ? since : "0", follows, print_event, &p);
	target_clear(&t);
	return status;
}
