/* cli/probe.c: relay probe: a delivery step by step, as a person would want to read it.
 *
 *   ok       mx        mx.example.net, mx2.example.net
 *   ok       connect   mx.example.net (192.0.2.1): connected (12 ms)
 *                        220 mx.example.net ESMTP
 */
#include "daemon/cli/probe.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/print.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/run.h"

#define INDENT 22

static void print_member(json_t *step, const char *name, const char *form)
{
	struct buf text;

	if (json_string_length(json_object_get(step, name)) == 0)
		return;
	buf_init(&text, CELL_MAX);
	cell_write(&text, json_object_get(step, name));
	printf("%.*s%s", (int)text.len, text.ptr ? text.ptr : "", form);
	buf_clear(&text);
}

/* A reply of several lines has them joined by " / ". */
static void print_reply(json_t *step)
{
	struct span rest = span_str(json_string_value(json_object_get(step, "reply")));

	while (rest.len > 0) {
		struct span line = rest;
		struct buf text;
		size_t at = 0;

		while (at + 3 <= rest.len && memcmp(rest.ptr + at, " / ", 3) != 0)
			at++;
		if (at + 3 <= rest.len)
			line = span_take(rest, at);
		rest = span_skip(rest, line.len < rest.len ? line.len + 3 : rest.len);
		buf_init(&text, CELL_MAX);
		cell_clean(&text, line);
		printf("%*s%.*s\n", INDENT, "", (int)text.len, text.ptr ? text.ptr : "");
		buf_clear(&text);
	}
}

static void print_step(json_t *step)
{
	long long took_ms = (long long)json_integer_value(json_object_get(step, "took_ms"));
	const char *result = json_string_value(json_object_get(step, "result")), *name = json_string_value(json_object_get(step, "step"));
	bool has_words = json_string_length(json_object_get(step, "words")) > 0;

	printf("%-8s %-10s ", result && strcmp(result, "note") != 0 ? result : "", name ? name : "");
	print_member(step, "host", has_words ? ": " : "");
	print_member(step, "words", "");
	if (took_ms > 0)
		printf(" (%lld ms)", took_ms);
	putchar('\n');
	if (json_string_length(json_object_get(step, "reply")) > 0)
		print_reply(step);
}

static void print_probe(const struct arguments *a, json_t *probe)
{
	json_t *step;
	size_t i;

	if (a->form != OUTPUT_TABLE) {
		print_value(a, probe);
		return;
	}
	json_array_foreach(json_object_get(probe, "steps"), i, step) print_step(step);
	print_member(probe, "address", json_is_true(json_object_get(probe, "deliverable")) ? ": mail would be taken; nothing was sent\n" : ": mail would not go out now\n");
}

static int judge(const struct arguments *a, const struct answer *answer)
{
	json_t *probe = json_loadb(answer->body.ptr ? answer->body.ptr : "", answer->body.len, 0, NULL);
	int status = EX_PROTOCOL;

	if (json_is_array(json_object_get(probe, "steps"))) {
		print_probe(a, probe);
		status = json_is_true(json_object_get(probe, "deliverable")) ? EX_OK : EX_UNAVAILABLE;
	} else {
		fputs("postroom: the daemon's answer could not be read\n", stderr);
	}
	json_decref(probe);
	return status;
}

int run_probe(struct arguments *a)
{
	struct note why = { "" };
	struct answer answer;
	struct target t;
	struct buf body;
	int status = run_find_target(a, &t);
	enum err e;

	if (status != EX_OK)
		return status;
	buf_init(&body, 4096);
	run_body(a, &body);
	if (a->dry_run) {
		status = run_show_request(a, "POST", SPAN("/api/v1/relays:probe"));
	} else {
		e = ask_operation(&t, a->verb->operation, NULL, 0, SPAN(""), buf_span(&body), &answer, &why);
		if (e == ERR_NOT_FOUND)
			note_set(&why, "the daemon does not run: no answer at %s", t.socket_path);
		if (e != ERR_OK) {
			problem_print_unreached(a, e, &why);
			status = ask_exit_of_err(e);
		} else {
			status = answer.head.status == 200 ? judge(a, &answer) : run_show(a, &t, &answer);
		}
		answer_clear(&answer);
	}
	buf_clear(&body);
	target_clear(&t);
	return status;
}
