/* api/openapi.c: the one document of this process, and a request held against it. */
#include "api/openapi.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/openapi_merge.h"
#include "api/openapi_rules.h"
#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"
#include "daemon/mime/date.h"

#define DOCUMENT_MAX (4u * 1024u * 1024u)
#define COMPILED_MAX (8u * 1024u * 1024u)
#define QUERY_PARTS_MAX 64
#define QUERY_LIST_MAX 1000
#define ETAG_CHARS 22

/* Written by openapi_init(), read ever after. */
static struct {
	bool ready;
	json_t *document;
	struct arena arena;
	struct openapi_operation operations[OP_COUNT];
	char *text;
	char etag[ETAG_CHARS + 3];
} doc;

static enum err write_document(struct note *why)
{
	uint8_t digest[SHA256_BYTES];
	struct buf etag;

	doc.text = json_dumps(doc.document, JSON_COMPACT);
	if (!doc.text || strlen(doc.text) > DOCUMENT_MAX) {
		note_set(why, "openapi: the document is too large");
		return ERR_LIMIT;
	}
	crypto_sha256(span_str(doc.text), digest);
	buf_init(&etag, 64);
	base64url_encode(span_make((const char *)digest, sizeof digest), &etag);
	memcpy(doc.etag + 1, etag.ptr, ETAG_CHARS);
	doc.etag[0] = doc.etag[ETAG_CHARS + 1] = '"';
	buf_clear(&etag);
	return ERR_OK;
}

static enum err check_complete(struct note *why)
{
	for (size_t i = 0; i < OP_COUNT; i++) {
		if (doc.operations[i].source)
			continue;
		note_set(why, "openapi: %s is not documented", openapi_operation_name((enum operation)i));
		return ERR_CORRUPT;
	}
	return ERR_OK;
}

enum err openapi_init(struct note *why)
{
	enum err e;

	if (doc.ready)
		return ERR_OK;
	arena_init(&doc.arena, COMPILED_MAX);
	e = openapi_merge(openapi_fragments, openapi_fragments_count, &doc.document, why);
	if (e == ERR_OK)
		e = openapi_operations_read(&doc.arena, doc.document, doc.operations, why);
	if (e == ERR_OK)
		e = openapi_rules_check(doc.operations, why);
	if (e == ERR_OK)
		e = check_complete(why);
	if (e == ERR_OK)
		e = write_document(why);
	doc.ready = e == ERR_OK;
	return e;
}

struct span openapi_text(void)
{
	return span_str(doc.text);
}

struct span openapi_etag(void)
{
	return span_str(doc.etag);
}

enum openapi_body openapi_body(enum operation op)
{
	return doc.operations[op].body;
}

bool openapi_body_required(enum operation op)
{
	return doc.operations[op].body_required;
}

bool openapi_takes_type(enum operation op, struct span essence)
{
	const struct openapi_operation *o = &doc.operations[op];

	for (size_t i = 0; i < o->type_count; i++)
		if (span_iequals(span_str(o->types[i]), essence))
			return true;
	return false;
}

struct span openapi_types(enum operation op, struct arena *a)
{
	const struct openapi_operation *o = &doc.operations[op];
	struct span out = SPAN("");

	for (size_t i = 0; i < o->type_count; i++)
		out = arena_printf(a, "%.*s%s%s", (int)out.len, out.ptr, i == 0 ? "" : " or ", o->types[i]);
	return out;
}

static const struct openapi_parameter *find_parameter(enum operation op, enum openapi_place place, struct span name)
{
	const struct openapi_operation *o = &doc.operations[op];

	for (size_t i = 0; i < o->parameter_count; i++)
		if (o->parameters[i].place == place && span_equals(span_str(o->parameters[i].name), name))
			return &o->parameters[i];
	return NULL;
}

/* ---- query ---- */

/* application/x-www-form-urlencoded: "+" is a blank. ERR_SYNTAX: a malformed escape, a NUL. */
static enum err decode(struct span in, struct arena *a, struct span *out)
{
	char *to = arena_alloc(a, in.len + 1);
	size_t len = 0;

	if (!to)
		return ERR_TEMP;
	for (size_t i = 0; i < in.len; i++) {
		int value = (unsigned char)in.ptr[i];

		if (value == '+') {
			value = ' ';
		} else if (value == '%') {
			if (in.len - i < 3 || hex_digit(in.ptr[i + 1]) > 15 || hex_digit(in.ptr[i + 2]) > 15)
				return ERR_SYNTAX;
			value = (int)(hex_digit(in.ptr[i + 1]) * 16 + hex_digit(in.ptr[i + 2]));
			i += 2;
		}
		if (value == 0)
			return ERR_SYNTAX;
		to[len++] = (char)value;
	}
	*out = span_make(to, len);
	return ERR_OK;
}

static enum err split_list(struct span text, struct arena *a, struct query_value *v)
{
	struct span rest = text, item, *list;
	size_t count = 0;

	while (count < QUERY_LIST_MAX && span_split(&rest, ',', &item))
		count++;
	list = arena_array(a, count + 1, sizeof *list);
	if (!list)
		return ERR_TEMP;
	rest = text;
	v->list_count = 0;
	while (text.len > 0 && v->list_count < count && span_split(&rest, ',', &item))
		list[v->list_count++] = item;
	v->list = list;
	return ERR_OK;
}

/* The text fits its schema. */
static enum err take_value(const struct schema *s, struct span text, struct arena *a, struct query_value *v)
{
	uint64_t number = 0;
	bool negative = text.len > 0 && text.ptr[0] == '-';

	v->text = text;
	if (s->types == SCHEMA_ARRAY)
		return split_list(text, a, v);
	if (s->format == FORMAT_DATE_TIME && text.len > 0)
		return date_parse_rfc3339(text, &v->number);
	if (s->types & SCHEMA_INTEGER) {
		enum err e = span_to_u64(span_skip(text, negative), INT64_MAX, &number);

		v->number = negative ? -(int64_t)number : (int64_t)number;
		return e;
	}
	if (s->types & SCHEMA_BOOLEAN)
		v->number = span_equals(text, SPAN("1")) || span_equals(text, SPAN("true"));
	return ERR_OK;
}

static enum err take_default(const struct schema *s, struct arena *a, struct query_value *v)
{
	struct span text;

	if (json_is_string(s->fallback))
		text = span_make(json_string_value(s->fallback), json_string_length(s->fallback));
	else if (json_is_integer(s->fallback))
		text = arena_printf(a, "%lld", (long long)json_integer_value(s->fallback));
	else if (json_is_boolean(s->fallback))
		text = json_is_true(s->fallback) ? SPAN("true") : SPAN("false");
	else
		return ERR_OK;
	return take_value(s, text, a, v);
}

static enum err make_values(enum operation op, struct arena *a, struct query *out)
{
	const struct openapi_operation *o = &doc.operations[op];

	out->count = 0;
	out->values = arena_array(a, o->parameter_count + 1, sizeof *out->values);
	if (!out->values)
		return ERR_TEMP;
	for (size_t i = 0; i < o->parameter_count; i++) {
		const struct openapi_parameter *p = &o->parameters[i];

		if (p->place != IN_QUERY)
			continue;
		out->values[out->count].name = p->name;
		if (take_default(p->schema, a, &out->values[out->count++]) == ERR_TEMP)
			return ERR_TEMP;
	}
	return ERR_OK;
}

static struct query_value *find_value(const struct query *q, struct span name)
{
	for (size_t i = 0; i < q->count; i++)
		if (span_equals(span_str(q->values[i].name), name))
			return &q->values[i];
	return NULL;
}

const struct query_value *query_find(const struct query *q, const char *name)
{
	return find_value(q, span_str(name));
}

/* Names of what is answered. A page of things has the fields of the things. */
static enum err check_fields(enum operation op, const struct query_value *v, struct schema_errors *errors)
{
	const struct schema *item = doc.operations[op].item;
	size_t before = errors->count;

	for (size_t i = 0; i < v->list_count; i++)
		if (!item || !schema_field(item, v->list[i]))
			schema_fail(errors, SPAN("fields"), "not_allowed_value", "there is no field of this name: %.*s", (int)(v->list[i].len < 60 ? v->list[i].len : 60), v->list[i].ptr);
	return errors->count == before ? ERR_OK : ERR_SYNTAX;
}

/* name[=value] */
static enum err take_pair(enum operation op, struct span pair, struct arena *a, const struct query *q, struct schema_errors *errors)
{
	const struct openapi_parameter *p;
	struct query_value *v;
	struct span name, text;
	size_t at = pair.len;
	enum err e;

	(void)span_find_char(pair, '=', &at);
	e = decode(span_take(pair, at), a, &name);
	if (e == ERR_OK)
		e = decode(span_skip(pair, at + 1), a, &text);
	if (e == ERR_SYNTAX)
		schema_fail(errors, SPAN(""), "bad_format", "a percent escape in the query is malformed");
	if (e != ERR_OK)
		return e;
	p = find_parameter(op, IN_QUERY, name);
	v = find_value(q, name);
	if (!p || !v) {
		schema_fail(errors, span_is_utf8(name) ? span_take(name, 100) : SPAN(""), "unknown_parameter", "there is no such query parameter");
		return ERR_SYNTAX;
	}
	if (v->given) {
		schema_fail(errors, name, "duplicate", "this query parameter is given twice");
		return ERR_SYNTAX;
	}
	v->given = true;
	e = schema_check_text(p->schema, text, p->name, errors);
	if (e == ERR_OK)
		e = take_value(p->schema, text, a, v);
	return e == ERR_OK && span_equals(name, SPAN("fields")) ? check_fields(op, v, errors) : e;
}

enum err openapi_read_query(enum operation op, struct span text, struct arena *a, struct query *out, struct schema_errors *errors)
{
	struct span rest = text, pair;
	enum err result = make_values(op, a, out);
	size_t parts = 0;

	while (result != ERR_TEMP && text.len > 0 && span_split(&rest, '&', &pair)) {
		enum err e;

		if (pair.len == 0)
			continue;
		if (parts++ == QUERY_PARTS_MAX) {
			schema_fail(errors, SPAN(""), "too_many", "a query has at most %d parameters", QUERY_PARTS_MAX);
			return ERR_SYNTAX;
		}
		e = take_pair(op, pair, a, out, errors);
		if (e != ERR_OK)
			result = e == ERR_TEMP ? ERR_TEMP : ERR_SYNTAX;
	}
	return result;
}

/* ---- the rest of a request ---- */

enum err openapi_check_body(enum operation op, const json_t *body, struct schema_errors *errors)
{
	const struct schema *s = doc.operations[op].body_schema;

	return s ? schema_check(s, body, errors) : ERR_OK;
}

enum err openapi_check_header(enum operation op, const char *name, struct span value, struct schema_errors *errors)
{
	const struct openapi_parameter *p = find_parameter(op, IN_HEADER, span_str(name));

	return p ? schema_check_text(p->schema, value, name, errors) : ERR_OK;
}

bool openapi_args_fit(enum operation op, const struct span *args)
{
	const struct openapi_operation *o = &doc.operations[op];
	struct schema_errors errors = { 0 };
	struct arena words;
	bool fit = true;

	arena_init(&words, SCHEMA_ERRORS_MAX * 1024);
	errors.arena = &words;
	for (size_t i = 0; i < o->arg_count && fit; i++)
		fit = schema_check_text(o->args[i], args[i], "path", &errors) == ERR_OK;
	arena_clear(&words);
	return fit;
}

/* ---- problems ---- */

bool openapi_problem(const char *code, const char **title_out, int *status_out)
{
	const json_t *problem = json_object_get(json_object_get(doc.document, "x-problem-codes"), code);

	if (!problem)
		return false;
	*title_out = json_string_value(json_object_get(problem, "title"));
	*status_out = (int)json_integer_value(json_object_get(problem, "status"));
	return *title_out != NULL;
}
