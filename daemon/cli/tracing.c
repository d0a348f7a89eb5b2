/* cli/tracing.c: WHAT is an address, an id, or words:
 *
 *   a queue id (32 hex digits) or "refused_N"    the whole story of that message
 *   <...@...>                                    a Message-ID
 *   ...@...                                      sender or recipient
 *   anything else                                text in subject, addresses, replies
 */
#include "daemon/cli/tracing.h"

#include <jansson.h>
#include <stdio.h>
#include <sysexits.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/print.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/run.h"
#include "daemon/cli/watch.h"

#define QUEUE_ID_LENGTH 32

static bool is_queue_id(struct span what)
{
	bool hex = what.len == QUEUE_ID_LENGTH;

	for (size_t i = 0; i < what.len && hex; i++)
		hex = ascii_is_digit(what.ptr[i]) || (what.ptr[i] >= 'a' && what.ptr[i] <= 'f');
	return hex || span_starts(what, SPAN("refused_"));
}

/* ---- one message ---- */

static void print_step(json_t *step)
{
	static const char *const parts[] = { "recipient", "host", "detail" };
	struct buf line;

	buf_init(&line, CELL_MAX);
	cell_write(&line, json_object_get(step, "at"));
	buf_add_str(&line, "  ");
	cell_write(&line, json_object_get(step, "what"));
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (json_is_string(json_object_get(step, parts[i]))) {
			buf_add_str(&line, "  ");
			cell_write(&line, json_object_get(step, parts[i]));
		}
	}
	if (json_is_string(json_object_get(step, "next_at"))) {
		buf_add_str(&line, "  again at ");
		cell_write(&line, json_object_get(step, "next_at"));
	}
	printf("%.*s\n", (int)line.len, line.ptr ? line.ptr : "");
	buf_clear(&line);
}

/* For people the timeline, not fields. */
static void print_story(json_t *message)
{
	static const char *const fields[] = { "id", "message_id", "direction", "state", "sender", "subject", "size", "peer", "helo", "tls" };
	json_t *step;
	size_t i;

	for (i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		json_t *value = json_object_get(message, fields[i]);
		struct buf line;

		if (!value || json_is_null(value))
			continue;
		buf_init(&line, CELL_MAX);
		cell_write(&line, value);
		printf("%s: %.*s\n", fields[i], (int)line.len, line.ptr ? line.ptr : "");
		buf_clear(&line);
	}
	putchar('\n');
	json_array_foreach(json_object_get(message, "timeline"), i, step) print_step(step);
}

static int show_story(struct arguments *a, const struct target *t, struct span id)
{
	struct note why = { "" };
	struct answer answer;
	json_t *message = NULL;
	int status = EX_OK;
	enum err e = ask_operation(t, "message_get", &id, 1, SPAN(""), SPAN(""), &answer, &why);

	if (e == ERR_OK && answer.head.status == 200 && a->form == OUTPUT_TABLE)
		message = json_loadb(answer.body.ptr ? answer.body.ptr : "", answer.body.len, 0, NULL);
	if (message)
		print_story(message);
	else if (e == ERR_OK)
		status = run_show(a, t, &answer);
	if (e != ERR_OK) {
		fprintf(stderr, "postroom: %s\n", why.text);
		status = ask_exit_of_err(e);
	}
	json_decref(message);
	answer_clear(&answer);
	return status;
}

/* ---- following ---- */

struct following {
	struct rows rows;
	struct span what; /* empty: all */
	uint64_t wanted;
};

static bool holds(json_t *value, struct span what)
{
	struct span text = span_make(json_string_value(value), json_string_length(value));

	if (!json_is_string(value) || text.len < what.len)
		return false;
	for (size_t i = 0; i + what.len <= text.len; i++)
		if (span_iequals(span_make(text.ptr + i, what.len), what))
			return true;
	return false;
}

static bool is_wanted(json_t *event, struct span what)
{
	const char *name;
	json_t *value;

	if (what.len == 0 || holds(json_object_get(event, "subject"), what))
		return true;
	json_object_foreach(json_object_get(event, "data"), name, value)
	{
		if (holds(value, what))
			return true;
	}
	return false;
}

static bool print_turn(void *arg, const struct sse_event *e)
{
	struct following *f = arg;
	json_t *event = json_loadb(e->data.ptr, e->data.len, 0, NULL), *list;

	if (event && is_wanted(event, f->what)) {
		list = json_pack("[O]", event);
		rows_add(&f->rows, list);
		json_decref(list);
	}
	json_decref(event);
	return f->rows.count < f->wanted;
}

static int follow(struct arguments *a, struct span what)
{
	struct following f = { .what = what, .wanted = a->limit ? a->limit : UINT64_MAX };
	struct target t;
	int status;

	if (span_starts(what, SPAN("<")) && span_ends(what, SPAN(">")))
		f.what = span_make(what.ptr + 1, what.len - 2);
	if (rows_begin(&f.rows, a->form == OUTPUT_JSON ? OUTPUT_NDJSON : a->form, a->columns ? a->columns : "time type subject data") != ERR_OK)
		return EX_USAGE;
	status = run_find_target(a, &t);
	if (status != EX_OK)
		return status;
	status = watch_read(a, &t, "message.*", NULL, true, print_turn, &f);
	target_clear(&t);
	return status;
}

int run_trace(struct arguments *a)
{
	struct span what = span_str(arguments_value(a, "WHAT"));
	struct target t;
	int status;

	if (arguments_flag(a, "-f"))
		return follow(a, what);
	if (is_queue_id(what)) {
		status = run_find_target(a, &t);
		if (status != EX_OK)
			return status;
		status = show_story(a, &t, what);
		target_clear(&t);
		return status;
	}
	if (span_starts(what, SPAN("<")))
		arguments_add_query(a, "id", what);
	else if (what.len > 0)
		arguments_add_query(a, "q", what);
	return run_list(a);
}
