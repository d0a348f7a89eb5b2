/* api/openapi_operation.c: from the document's operation objects to structs; every schema in them is compiled, those of answers too. */
#include "api/openapi_operation.h"

#include <jansson.h>

#define PARAMETERS_MAX 32

static const struct {
	const char *name, *method, *path;
} operations[] = {
#define OPERATION_ROW(name, method, path) { #name, method, path },
	OPERATIONS(OPERATION_ROW)
#undef OPERATION_ROW
};

struct reader {
	struct arena *arena;
	struct schema_book *book;
	const char *path;     /* of the document */
	const json_t *shared; /* parameters of the path item */
	const char *name;     /* operationId */
	struct openapi_operation *operation;
	struct note *why;
};

const char *openapi_operation_name(enum operation op)
{
	return operations[op].name;
}

static enum err complain(const struct reader *r, const char *what, const char *words)
{
	note_set(r->why, "openapi: %s: %s: %s", r->name ? r->name : r->path, what, words);
	return ERR_CORRUPT;
}

static bool is_among(const char *word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (word && strcmp(word, list[i]) == 0)
			return true;
	return false;
}

static enum err check_keys(const struct reader *r, const json_t *object, const char *const *allowed, size_t count)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) /* reads only */
	{
		if (!is_among(key, allowed, count))
			return complain(r, key, "has no meaning here");
	}
	return ERR_OK;
}

static enum err compile(const struct reader *r, const json_t *schema, enum schema_use use, const char *what, const struct schema **out)
{
	struct span where = arena_printf(r->arena, "openapi: %s: %s", r->name, what);
	const char *text;

	if (!schema)
		return complain(r, what, "no schema");
	if (span_cstr(r->arena, where, &text) != ERR_OK)
		return ERR_TEMP;
	return schema_compile(r->book, schema, use, text, out, r->why);
}

static enum err read_place(const struct reader *r, const char *name, const char *in, enum openapi_place *out)
{
	static const char *const places[] = { [IN_PATH] = "path", [IN_QUERY] = "query", [IN_HEADER] = "header" };

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (in && strcmp(in, places[i]) == 0) {
			*out = (enum openapi_place)i;
			return ERR_OK;
		}
	}
	return complain(r, name, "\"in\" is not path, query or header");
}

/* A default is what call_query() gives: it has to be a text. */
static bool default_fits(const struct schema *s)
{
	return !s->fallback || json_is_string(s->fallback) || json_is_integer(s->fallback) || json_is_boolean(s->fallback);
}

static enum err read_parameter(const struct reader *r, const json_t *source, struct openapi_parameter *out)
{
	static const char *const allowed[] = { "name", "in", "description", "required", "schema", "style", "explode", "example", "deprecated" };
	bool joined;
	enum err e;

	source = schema_follow(r->book, source);
	out->name = json_string_value(json_object_get(source, "name"));
	if (!out->name)
		return complain(r, "parameters", "a $ref leads nowhere, or a name is missing");
	e = check_keys(r, source, allowed, sizeof allowed / sizeof allowed[0]);
	if (e == ERR_OK)
		e = read_place(r, out->name, json_string_value(json_object_get(source, "in")), &out->place);
	if (e == ERR_OK)
		e = compile(r, json_object_get(source, "schema"), SCHEMA_ASKED, out->name, &out->schema);
	if (e != ERR_OK)
		return e;
	if (json_is_true(json_object_get(source, "required")) != (out->place == IN_PATH))
		return complain(r, out->name, "parameters of the path are required, others are not");
	joined = json_is_false(json_object_get(source, "explode"));
	if (out->schema->types != SCHEMA_ANY && (out->schema->types & SCHEMA_ARRAY) && !joined)
		return complain(r, out->name, "a list is written with commas: style form, explode false");
	return default_fits(out->schema) ? ERR_OK : complain(r, out->name, "such a default is not supported");
}

static enum err read_parameters(const struct reader *r, const json_t *list, struct openapi_parameter *out, size_t *count)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		enum err e;

		if (*count == PARAMETERS_MAX)
			return complain(r, "parameters", "too many");
		e = read_parameter(r, json_array_get(list, i), &out[*count]);
		if (e != ERR_OK)
			return e;
		for (size_t k = 0; k < *count; k++)
			if (out[k].place == out[*count].place && strcmp(out[k].name, out[*count].name) == 0)
				return complain(r, out[k].name, "this parameter stands twice");
		++*count;
	}
	return ERR_OK;
}

static enum err all_parameters(struct reader *r, const json_t *source)
{
	struct openapi_parameter *list = arena_array(r->arena, PARAMETERS_MAX, sizeof *list);
	enum err e = ERR_TEMP;

	if (list)
		e = read_parameters(r, r->shared, list, &r->operation->parameter_count);
	if (e == ERR_OK)
		e = read_parameters(r, json_object_get(source, "parameters"), list, &r->operation->parameter_count);
	r->operation->parameters = list;
	return e;
}

static const struct openapi_parameter *path_parameter(const struct reader *r, struct span name)
{
	for (size_t i = 0; i < r->operation->parameter_count; i++) {
		const struct openapi_parameter *p = &r->operation->parameters[i];

		if (p->place == IN_PATH && span_equals(span_str(p->name), name))
			return p;
	}
	return NULL;
}

/* Each {name} of the path is declared, and nothing else is. */
static enum err path_arguments(struct reader *r)
{
	struct span rest = span_str(r->path), name;
	size_t declared = 0, open, close;

	while (span_find_char(rest, '{', &open) && span_find_char(rest, '}', &close) && close > open) {
		const struct openapi_parameter *p;

		name = span_take(span_skip(rest, open + 1), close - open - 1);
		rest = span_skip(rest, close + 1);
		p = path_parameter(r, name);
		if (!p || r->operation->arg_count == OPENAPI_ARGS_MAX)
			return complain(r, r->path, "a parameter of the path is not declared, or there are too many");
		r->operation->args[r->operation->arg_count++] = p->schema;
	}
	for (size_t i = 0; i < r->operation->parameter_count; i++)
		declared += r->operation->parameters[i].place == IN_PATH;
	return declared == r->operation->arg_count ? ERR_OK : complain(r, r->path, "a parameter of the path is declared that does not stand there");
}

static enum err read_body(struct reader *r, const json_t *source)
{
	static const char *const allowed[] = { "required", "description", "content" };
	struct openapi_operation *o = r->operation;
	const json_t *body = schema_follow(r->book, source), *content = json_object_get(body, "content");
	const char *type;
	json_t *media;
	enum err e = check_keys(r, body, allowed, sizeof allowed / sizeof allowed[0]);

	if (e != ERR_OK)
		return e;
	o->body = BODY_JSON;
	o->body_required = json_is_true(json_object_get(body, "required"));
	json_object_foreach((json_t *)content, type, media) /* reads only */
	{
		const struct schema *schema = NULL;

		if (o->type_count == OPENAPI_TYPES_MAX)
			return complain(r, "requestBody", "too many media types");
		e = compile(r, json_object_get(media, "schema"), SCHEMA_ASKED, "requestBody", &schema);
		if (e != ERR_OK)
			return e;
		if (strcmp(type, "application/json") == 0)
			o->body_schema = schema;
		else if (strcmp(type, "application/merge-patch+json") != 0)
			o->body = BODY_UPLOAD;
		o->types[o->type_count++] = type;
	}
	if (o->type_count == 0 || (o->body == BODY_JSON && (!o->body_schema || o->body_schema->types != SCHEMA_OBJECT)))
		return complain(r, "requestBody", "takes no JSON object");
	return ERR_OK;
}

static bool is_status(const char *key)
{
	return strcmp(key, "default") == 0 || (strlen(key) == 3 && key[0] >= '1' && key[0] <= '5' && ascii_is_digit(key[1]) && ascii_is_digit(key[2]));
}

/* {"data": [item...], ...} or the item itself. */
static const struct schema *item_of(const struct schema *s)
{
	for (size_t i = 0; i < s->field_count; i++)
		if (span_equals(s->fields[i].name, SPAN("data")) && s->fields[i].schema->items)
			return s->fields[i].schema->items;
	return s;
}

static enum err read_answer(const struct reader *r, const char *status, const json_t *answer)
{
	static const char *const allowed[] = { "description", "headers", "content" };
	const json_t *content;
	const char *type;
	json_t *media;
	enum err e;

	answer = schema_follow(r->book, answer);
	if (!is_status(status) || !json_is_string(json_object_get(answer, "description")))
		return complain(r, status, "not a status, or an answer without a description");
	e = check_keys(r, answer, allowed, sizeof allowed / sizeof allowed[0]);
	content = json_object_get(answer, "content");
	json_object_foreach((json_t *)content, type, media) /* reads only */
	{
		const struct schema *schema;

		if (e == ERR_OK)
			e = compile(r, json_object_get(media, "schema"), SCHEMA_ANSWERED, status, &schema);
		if (e == ERR_OK && strcmp(status, "200") == 0 && strcmp(type, "application/json") == 0)
			r->operation->item = item_of(schema);
	}
	return e;
}

static enum err read_answers(const struct reader *r, const json_t *answers)
{
	const char *status;
	json_t *answer;

	if (json_object_size(answers) == 0)
		return complain(r, "responses", "missing");
	json_object_foreach((json_t *)answers, status, answer) /* reads only */
	{
		enum err e = read_answer(r, status, answer);

		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* "/api/v1/users/{user}:revoke" against "/api/v1/users/{}:revoke". */
static bool same_path(const char *documented, const char *path)
{
	for (; *path; path++, documented++) {
		if (*path != *documented)
			return false;
		if (*path == '{') {
			while (documented[1] && documented[1] != '}')
				documented++;
		}
	}
	return *documented == '\0';
}

static enum err find_operation(struct reader *r, const char *method, enum operation *out)
{
	for (size_t i = 0; i < OP_COUNT; i++) {
		struct span name = span_str(operations[i].method);

		if (!r->name || strcmp(operations[i].name, r->name) != 0)
			continue;
		if (!span_iequals(name, span_str(method)) || !same_path(r->path, operations[i].path))
			return complain(r, method, "another method or path than in operations.h");
		*out = (enum operation)i;
		return ERR_OK;
	}
	return complain(r, method, "operations.h has no such operationId");
}

static enum err read_operation(struct reader *r, const char *method, const json_t *source, struct openapi_operation *out)
{
	static const char *const allowed[] = { "operationId", "tags", "summary", "description", "parameters", "requestBody", "responses", "security", "deprecated", "x-roles", "x-scope", "x-demands" };
	const json_t *body = json_object_get(source, "requestBody");
	enum operation op;
	enum err e;

	r->name = json_string_value(json_object_get(source, "operationId"));
	e = find_operation(r, method, &op);
	if (e == ERR_OK && out[op].source)
		e = complain(r, method, "stands twice");
	if (e == ERR_OK)
		e = check_keys(r, source, allowed, sizeof allowed / sizeof allowed[0]);
	if (e != ERR_OK)
		return e;
	r->operation = &out[op];
	r->operation->source = source;
	e = all_parameters(r, source);
	if (e == ERR_OK)
		e = path_arguments(r);
	if (e == ERR_OK && body)
		e = read_body(r, body);
	return e == ERR_OK ? read_answers(r, json_object_get(source, "responses")) : e;
}

static enum err read_path(struct reader *r, const json_t *item, struct openapi_operation *out)
{
	static const char *const methods[] = { "get", "put", "post", "patch", "delete" };
	const char *key;
	json_t *value;

	r->shared = json_object_get(item, "parameters");
	json_object_foreach((json_t *)item, key, value) /* reads only */
	{
		enum err e = ERR_OK;

		r->name = NULL;
		if (is_among(key, methods, sizeof methods / sizeof methods[0]))
			e = read_operation(r, key, value, out);
		else if (strcmp(key, "parameters") != 0)
			e = complain(r, key, "has no meaning here");
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err openapi_operations_read(struct arena *a, const json_t *document, struct openapi_operation *out, struct note *why)
{
	struct reader r = { .arena = a, .book = schema_book_new(a, document), .why = why };
	const char *path;
	json_t *item;

	if (!r.book)
		return ERR_TEMP;
	json_object_foreach(json_object_get(document, "paths"), path, item)
	{
		enum err e;

		r.path = path;
		e = read_path(&r, item, out);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
