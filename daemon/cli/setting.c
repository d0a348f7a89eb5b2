/* cli/setting.c: one setting. The list is read first: it says of what kind the value is, and its tag goes with the change (If-Match). */
#include "daemon/cli/setting.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "daemon/cli/print.h"
#include "daemon/cli/problem.h"
#include "daemon/cli/run.h"

#define TRIES 3 /* somebody else may change another setting meanwhile */

static json_t *find(json_t *list, const char *name)
{
	json_t *setting;
	size_t i;

	json_array_foreach(json_object_get(list, "data"), i, setting)
	{
		const char *own = json_string_value(json_object_get(setting, "name"));

		if (own && strcmp(own, name) == 0)
			return setting;
	}
	return NULL;
}

/* The word as the setting's kind has it; null: not of it. */
static json_t *value_of(json_t *setting, const char *word)
{
	const char *kind = json_string_value(json_object_get(setting, "kind"));
	uint64_t number;

	if (kind && strcmp(kind, "number") == 0)
		return span_to_u64(span_str(word), INT64_MAX, &number) == ERR_OK ? json_integer((json_int_t)number) : NULL;
	if (kind && strcmp(kind, "flag") == 0) {
		bool yes = strcmp(word, "yes") == 0 || strcmp(word, "true") == 0;

		return yes || strcmp(word, "no") == 0 || strcmp(word, "false") == 0 ? json_boolean(yes) : NULL;
	}
	return json_string(word);
}

static int change(struct arguments *a, const struct target *t, json_t *setting, const char *etag, struct answer *answer)
{
	const char *name = arguments_value(a, "NAME"), *word = arguments_value(a, "VALUE");
	struct http_request request = { .method = "PATCH", .path = a->dry_run ? SPAN("/api/v1/settings?dry_run=1") : SPAN("/api/v1/settings"), .content_type = "application/json", .if_match = etag };
	struct note why = { "" };
	json_t *value = word ? value_of(setting, word) : json_null(), *body;
	char *text;
	enum err e;

	*answer = (struct answer){ .head = { .status = 0 } };
	if (!value) {
		note_set(&why, "VALUE: %.40s is a %.20s, not '%.40s'", name, json_string_value(json_object_get(setting, "kind")), word);
		return run_usage(a, &why);
	}
	body = json_pack("{s:o}", name, value);
	text = json_dumps(body, JSON_COMPACT);
	request.body = span_str(text);
	e = ask(t, &request, answer, &why);
	free(text);
	json_decref(body);
	if (e == ERR_OK)
		return EX_OK;
	problem_print_unreached(a, e, &why);
	return ask_exit_of_err(e);
}

/* One look and one change. *again_out: another change came between. */
static int look_and_change(struct arguments *a, const struct target *t, bool last, bool *again_out)
{
	const char *name = arguments_value(a, "NAME");
	struct note why = { "" };
	struct answer list, answer = { .head = { .status = 0 } };
	json_t *parsed = NULL, *setting;
	int status = EX_OK;
	enum err e = ask_operation(t, "settings_list", NULL, 0, SPAN(""), SPAN(""), &list, &why);

	*again_out = false;
	if (e == ERR_NOT_FOUND)
		note_set(&why, "the daemon does not run: no answer at %s", t->socket_path);
	if (e != ERR_OK) {
		problem_print_unreached(a, e, &why);
		status = ask_exit_of_err(e);
	} else if (list.head.status != 200) {
		status = run_show(a, t, &list);
	} else {
		parsed = json_loadb(list.body.ptr ? list.body.ptr : "", list.body.len, 0, NULL);
	}
	setting = find(parsed, name);
	if (status == EX_OK && !setting) {
		fprintf(stderr, "postroom: there is no setting '%.60s'\nnext: postroom setting ls\n", name);
		status = EX_DATAERR;
	} else if (status == EX_OK && strcmp(a->verb->verb, "show") == 0) {
		print_value(a, setting);
	} else if (status == EX_OK) {
		status = change(a, t, setting, list.head.etag, &answer);
		*again_out = status == EX_OK && answer.head.status == 412 && !last;
		if (status == EX_OK && !*again_out)
			status = run_show(a, t, &answer);
		answer_clear(&answer);
	}
	json_decref(parsed);
	answer_clear(&list);
	return status;
}

int run_setting(struct arguments *a)
{
	struct target t;
	bool again = true;
	int status = run_find_target(a, &t);

	if (status != EX_OK)
		return status;
	for (int i = 0; i < TRIES && again; i++)
		status = look_and_change(a, &t, i + 1 == TRIES, &again);
	target_clear(&t);
	return status;
}
