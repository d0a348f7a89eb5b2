/* cli/problem.c: errors for people.
 *
 *   postroom: the name is taken (exists, req_5f3a...)
 *     ADDRESS: ...
 *   next: postroom user show alice@example.org
 */
#include "daemon/cli/problem.h"

#include <jansson.h>
#include <stdio.h>

#include "daemon/cli/cell.h"

#define POINTER_MAX 256

/* The argument that a JSON pointer ("/targets/3") or a query parameter's name means; null: none. */
static const struct argument *argument_of(const struct verb *v, const char *pointer)
{
	char field[POINTER_MAX];
	size_t len = 0;

	for (const char *p = pointer[0] == '/' ? pointer + 1 : pointer; *p && len + 1 < sizeof field; p++)
		field[len++] = *p == '/' ? '.' : *p;
	field[len] = '\0';
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		const struct argument *g = &v->arguments[i];
		size_t own = g->field ? strlen(g->field) : 0;

		if (own > 0 && strncmp(g->field, field, own) == 0 && (field[own] == '\0' || (field[own] == '.' && ascii_is_digit(field[own + 1]))))
			return g;
	}
	return NULL;
}

/* Says the one error no more than the problem's own detail does? Its argument's name is put in front of that then. */
static bool is_said(json_t *problem, json_t *errors)
{
	return json_array_size(errors) == 1 && json_equal(json_object_get(json_array_get(errors, 0), "detail"), json_object_get(problem, "detail"));
}

static void add_argument(struct buf *out, const struct verb *v, json_t *error)
{
	const char *pointer = json_string_value(json_object_get(error, "pointer"));
	const struct argument *g = pointer ? argument_of(v, pointer) : NULL;

	if (g)
		buf_addf(out, "%s: ", g->name);
}

static void print_fields(const struct verb *v, json_t *errors)
{
	json_t *error;
	size_t i;

	json_array_foreach(errors, i, error)
	{
		const char *pointer = json_string_value(json_object_get(error, "pointer"));
		const struct argument *g = pointer ? argument_of(v, pointer) : NULL;
		struct buf text;

		buf_init(&text, CELL_MAX);
		if (g)
			buf_add_str(&text, g->name);
		else
			cell_write(&text, json_object_get(error, "pointer"));
		buf_add_str(&text, ": ");
		cell_write(&text, json_object_get(error, json_is_string(json_object_get(error, "detail")) ? "detail" : "code"));
		fprintf(stderr, "  %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
		buf_clear(&text);
	}
}

/* ---- what to do next ---- */

static bool has_verb(const char *noun, const char *verb)
{
	bool both = false;
	const struct verb *v = verb_find(noun, verb, &both);

	return v && both;
}

static void next_for_name(const struct arguments *a, const char *verb)
{
	struct buf name;

	buf_init(&name, CELL_MAX);
	if (a->hole_count > 0)
		cell_clean(&name, a->holes[0]);
	else if (a->given_count > 0 && a->given[0].value)
		cell_clean(&name, span_str(a->given[0].value));
	if (has_verb(a->verb->noun, verb))
		fprintf(stderr, "next: postroom %s %s %.*s\n", a->verb->noun, verb, (int)name.len, name.ptr ? name.ptr : "");
	buf_clear(&name);
}

/* That lists what the verb did not find; null: none does. */
static const char *list_verb(const struct verb *v)
{
	if (v->operation && strncmp(v->operation, "destination_", sizeof("destination_") - 1) == 0)
		return "destinations";
	return v->verb && has_verb(v->noun, "ls") ? "ls" : NULL;
}

static void print_next(const struct arguments *a, const struct answer *answer, const char *code)
{
	static const struct {
		const char *code, *next;
	} always[] = {
		{ "not_authenticated", "postroom token add on the server, and give its token with --token" },
		{ "scope_missing", "postroom token add on the server, with the scope that is missing" },
		{ "not_allowed", "ask an owner of the instance, or use another token" },
		{ "not_set_up", "postroom setup" },
		{ "etag_mismatch", "the same again: somebody else has changed it meanwhile" },
		{ "internal", "journalctl -u postroom, with the request's id" },
		{ "corrupt", "journalctl -u postroom, with the request's id" },
		{ "not_running", "systemctl start postroom" },
	};
	const struct verb *v = a->verb;

	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
		if (strcmp(always[i].code, code) == 0) {
			fprintf(stderr, "next: %s\n", always[i].next);
			return;
		}
	}
	if (answer->head.status == 404 && list_verb(v))
		fprintf(stderr, "next: postroom %s %s\n", v->noun, list_verb(v));
	else if (strcmp(code, "exists") == 0)
		next_for_name(a, has_verb(v->noun, "show") ? "show" : "ls");
	else if (answer->head.retry_after[0])
		fprintf(stderr, "next: the same again in %.20s s\n", answer->head.retry_after);
	else if (answer->head.status == 503)
		fputs("next: the same again\n", stderr);
	else if (answer->head.status == 400 || answer->head.status == 422)
		fprintf(stderr, "next: postroom %s%s%s --help\n", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	else if (answer->head.status == 409)
		next_for_name(a, "show");
}

void problem_print(const struct arguments *a, const struct answer *answer)
{
	json_t *problem = json_loadb(answer->body.ptr ? answer->body.ptr : "", answer->body.len, 0, NULL);
	const char *code = json_string_value(json_object_get(problem, "code"));
	json_t *errors = json_object_get(problem, "errors");
	bool said = is_said(problem, errors);
	struct buf text;

	buf_init(&text, CELL_MAX);
	if (said)
		add_argument(&text, a->verb, json_array_get(errors, 0));
	if (json_is_string(json_object_get(problem, "detail")))
		cell_write(&text, json_object_get(problem, "detail"));
	else
		buf_addf(&text, "the daemon answered %d", answer->head.status);
	if (code) {
		buf_add_str(&text, " (");
		cell_clean(&text, span_str(code));
		buf_add_str(&text, json_is_string(json_object_get(problem, "request_id")) ? ", " : "");
		if (json_is_string(json_object_get(problem, "request_id")))
			cell_write(&text, json_object_get(problem, "request_id"));
		buf_add_str(&text, ")");
	}
	fprintf(stderr, "postroom: %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
	if (!said)
		print_fields(a->verb, errors);
	print_next(a, answer, code ? code : "");
	json_decref(problem);
}

void problem_print_unreached(const struct arguments *a, enum err e, const struct note *why)
{
	fprintf(stderr, "postroom: %s\n", why->text);
	if (e == ERR_NOT_FOUND)
		fputs("next: systemctl start postroom\n", stderr);
	else if (e == ERR_DENIED)
		fputs("next: the same as root, or --url https://HOST with --token\n", stderr);
	else if (e == ERR_TEMP && a->url)
		fputs("next: check the address; with a certificate that is not from a public authority give --ca-file\n", stderr);
}
