/* Schemas: what is compiled, what is refused at start, and what a body or a query value has to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/schema_check.h"

struct place {
	struct arena arena;
	json_t *document, *value;
	const struct schema *schema;
	struct schema_errors errors;
};

static void set_up(struct place *p)
{
	memset(p, 0, sizeof *p);
	arena_init(&p->arena, 16u << 20);
	p->errors.arena = &p->arena;
}

static void tear_down(struct place *p)
{
	json_decref(p->document);
	json_decref(p->value);
	arena_clear(&p->arena);
}

/* `document` is {"s": the schema, ...}. */
static enum err compile(struct place *p, const char *document, enum schema_use use, struct note *why)
{
	json_error_t error;

	json_decref(p->document);
	p->document = json_loads(document, JSON_REJECT_DUPLICATES, &error);
	if (!p->document)
		fail_msg("%s: %s", document, error.text);
	return schema_compile(schema_book_new(&p->arena, p->document), json_object_get(p->document, "s"), use, "here", &p->schema, why);
}

/* The errors as "pointer code, pointer code". */
static const char *errors_of(struct place *p, const char *document, const char *value)
{
	static char text[4000];
	struct note why = { "" };
	size_t len = 0;
	enum err e;

	if (compile(p, document, SCHEMA_ASKED, &why) != ERR_OK)
		fail_msg("%s: %s", document, why.text);
	json_decref(p->value);
	p->value = json_loads(value, JSON_DECODE_ANY, NULL);
	assert_non_null(p->value);
	p->errors.count = 0;
	e = schema_check(p->schema, p->value, &p->errors);
	assert_int_equal(e, p->errors.count ? ERR_SYNTAX : ERR_OK);
	text[0] = '\0';
	for (size_t i = 0; i < p->errors.count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s %s", i ? ", " : "", (int)p->errors.list[i].pointer.len, p->errors.list[i].pointer.ptr, p->errors.list[i].code);
	return text;
}

static void each_keyword_is_enforced(void **state)
{
	static const struct {
		const char *schema, *value, *errors;
	} cases[] = {
		{ "{'type': 'string'}", "5", " wrong_type" },
		{ "{'type': 'string'}", "'x'", "" },
		{ "{'type': ['string', 'null']}", "null", "" },
		{ "{'type': 'string'}", "null", " wrong_type" },
		{ "{'type': 'string', 'minLength': 3}", "'\xC3\xA4\xC3\xB6'", " too_short" },
		{ "{'type': 'string', 'maxLength': 2}", "'\xC3\xA4\xC3\xB6'", "" },
		{ "{'type': 'string', 'maxLength': 2}", "'abc'", " too_long" },
		{ "{'type': 'string', 'enum': ['a', 'b']}", "'c'", " not_allowed_value" },
		{ "{'type': 'string', 'enum': ['a', 'b']}", "'b'", "" },
		{ "{'type': 'boolean', 'const': true}", "false", " not_allowed_value" },
		{ "{'type': 'string', 'format': 'date-time'}", "'2026-11-22T06:50:54Z'", "" },
		{ "{'type': 'string', 'format': 'date-time'}", "'yesterday'", " bad_format" },
		{ "{'type': 'integer', 'minimum': -1, 'maximum': 5}", "-2", " too_small" },
		{ "{'type': 'integer', 'minimum': -1, 'maximum': 5}", "6", " too_big" },
		{ "{'type': 'integer'}", "1.5", " wrong_type" },
		{ "{'type': 'integer'}", "true", " wrong_type" },
		{ "{'type': 'number', 'maximum': 1}", "1.5", " too_big" },
		{ "{'type': 'number'}", "3", "" },
		{ "{'type': 'array', 'items': {'type': 'integer'}, 'minItems': 1}", "[]", " too_few" },
		{ "{'type': 'array', 'items': {'type': 'integer'}, 'maxItems': 1}", "[1, 'x']", " too_many" },
		{ "{'type': 'array', 'items': {'type': 'integer'}}", "[1, 'x', 2, null]", "/1 wrong_type, /3 wrong_type" },
		{ "{'type': 'array', 'items': {'type': 'string'}, 'maxItems': 9, 'uniqueItems': true}", "['a', 'b', 'a']", "/2 duplicate" },
		{ "{'type': 'object', 'properties': {'a/b': {'type': 'string'}}, 'required': ['a/b']}", "{'a/b': 1}", "/a~1b wrong_type" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'string'}}, 'required': ['a']}", "{}", "/a missing_field" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'string'}}}", "{'~x': 1}", "/~0x unknown_field" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'string', 'readOnly': true}}, 'required': ['a']}", "{}", "" },
		{ "{'type': 'object', 'properties': {'a': {'type': 'string', 'readOnly': true}}}", "{'a': 'x'}", "/a read_only" },
		{ "{'type': 'object', 'additionalProperties': {'type': 'integer'}}", "{'x': 1, 'y': 'z'}", "/y wrong_type" },
		{ "{'type': 'object', 'additionalProperties': {}}", "{'x': {'y': [1]}}", "" },
		{ "{}", "{'x': 1}", "" },
		{ "{'$ref': '#/t/name', 'description': 'd'}", "''", " too_short" },
	};
	struct place p;

	(void)state;
	set_up(&p);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char document[600], value[200];

		snprintf(document, sizeof document, "{'s': %s, 't': {'name': {'type': 'string', 'minLength': 1}}}", cases[i].schema);
		snprintf(value, sizeof value, "%s", cases[i].value);
		for (char *c = document; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		for (char *c = value; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		if (strcmp(errors_of(&p, document, value), cases[i].errors) != 0)
			fail_msg("%s with %s: %s", document, value, errors_of(&p, document, value));
	}
	tear_down(&p);
}

static void what_would_not_be_enforced_is_refused_at_start(void **state)
{
	static const char *const bad[] = {
		"{\"s\": {\"type\": \"string\", \"pattern\": \"a*\"}}",
		"{\"s\": {\"minLength\": 1}}",
		"{\"s\": {\"type\": \"integer\", \"minLength\": 1}}",
		"{\"s\": {\"type\": \"strin\"}}",
		"{\"s\": {\"type\": [\"string\", \"string\"]}}",
		"{\"s\": {\"type\": []}}",
		"{\"s\": {\"type\": \"array\"}}",
		"{\"s\": {\"type\": \"string\", \"format\": \"uuid\"}}",
		"{\"s\": {\"type\": \"string\", \"maxLength\": -1}}",
		"{\"s\": {\"type\": \"string\", \"minLength\": 5, \"maxLength\": 4}}",
		"{\"s\": {\"type\": \"integer\", \"minimum\": 1.5}}",
		"{\"s\": {\"type\": \"string\", \"enum\": []}}",
		"{\"s\": {\"type\": \"object\", \"properties\": {\"a\": 1}}}",
		"{\"s\": {\"type\": \"object\", \"properties\": {}, \"required\": [\"a\"]}}",
		"{\"s\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}, \"uniqueItems\": true}}",
		"{\"s\": {\"$ref\": \"#/t\"}}",
		"{\"s\": {\"$ref\": \"#/s\"}}",
		"{\"s\": {\"$ref\": \"elsewhere.json#/t\"}}",
		"{\"s\": {\"$ref\": 5}}",
		"{\"s\": {\"$ref\": \"#/t\", \"type\": \"string\"}, \"t\": {\"type\": \"string\"}}",
		"{\"s\": {\"oneOf\": [{\"type\": \"string\"}, {\"type\": \"integer\"}]}}",
		"{\"s\": [1]}",
	};
	struct place p;

	(void)state;
	set_up(&p);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct note why = { "" };

		if (compile(&p, bad[i], SCHEMA_ASKED, &why) != ERR_CORRUPT)
			fail_msg("taken: %s", bad[i]);
		assert_true(span_starts(span_str(why.text), SPAN("here: ")));
	}
	tear_down(&p);
}

static void answers_may_be_one_of_several(void **state)
{
	struct place p;

	(void)state;
	set_up(&p);
	assert_int_equal(compile(&p, "{\"s\": {\"oneOf\": [{\"type\": \"string\"}, {\"type\": \"integer\"}]}}", SCHEMA_ANSWERED, NULL), ERR_OK);
	assert_int_equal(compile(&p, "{\"s\": {\"oneOf\": [{\"type\": \"string\"}, {\"type\": \"integer\", \"pattern\": \"x\"}]}}", SCHEMA_ANSWERED, NULL), ERR_CORRUPT);
	tear_down(&p);
}

static void schemas_nested_without_end_are_refused(void **state)
{
	char text[8000] = "{\"s\": ";
	struct note why = { "" };
	struct place p;
	size_t len = strlen(text);

	(void)state;
	set_up(&p);
	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "{\"type\": \"array\", \"items\": ");
	len += (size_t)snprintf(text + len, sizeof text - len, "{\"type\": \"string\"}");
	for (int i = 0; i < 101; i++)
		text[len++] = '}';
	text[len] = '\0';
	assert_int_equal(compile(&p, text, SCHEMA_ASKED, &why), ERR_CORRUPT);
	assert_non_null(strstr(why.text, "deeply"));
	tear_down(&p);
}

static void bodies_nested_without_end_are_refused(void **state)
{
	const char *document = "{\"s\": {\"type\": \"object\", \"properties\": {\"a\": {\"$ref\": \"#/s\"}}}}";
	char text[1000] = "";
	struct place p;
	size_t len = 0;

	(void)state;
	set_up(&p);
	for (int i = 0; i < 60; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "{\"a\": ");
	len += (size_t)snprintf(text + len, sizeof text - len, "{}");
	for (int i = 0; i < 60; i++)
		text[len++] = '}';
	text[len] = '\0';
	assert_non_null(strstr(errors_of(&p, document, text), "/a/a/a/a too_deep"));
	assert_int_equal(p.errors.count, 1);
	tear_down(&p);
}

static void twenty_errors_are_told_and_no_more(void **state)
{
	char text[4000] = "[0", *at = text + 2;
	struct place p;

	(void)state;
	set_up(&p);
	for (int i = 0; i < 500; i++)
		at += snprintf(at, 8, ",0");
	snprintf(at, 2, "]");
	(void)errors_of(&p, "{\"s\": {\"type\": \"array\", \"items\": {\"type\": \"string\"}}}", text);
	assert_int_equal(p.errors.count, SCHEMA_ERRORS_MAX);
	assert_true(span_equals(p.errors.list[19].pointer, SPAN("/19")));
	tear_down(&p);
}

static void a_long_name_from_outside_is_cut_between_characters(void **state)
{
	char text[2000] = "{\"", *at = text + 2;
	struct place p;

	(void)state;
	set_up(&p);
	for (int i = 0; i < 300; i++)
		at += snprintf(at, 4, "\xE2\x82\xAC");
	snprintf(at, 8, "\": 1}");
	(void)errors_of(&p, "{\"s\": {\"type\": \"object\"}}", text);
	assert_int_equal(p.errors.list[0].pointer.len, 1 + 99);
	assert_true(span_is_utf8(p.errors.list[0].pointer));
	tear_down(&p);
}

static void errors_that_find_no_memory_are_temporary(void **state)
{
	struct place p;
	struct arena small;

	(void)state;
	set_up(&p);
	arena_init(&small, 10);
	assert_int_equal(compile(&p, "{\"s\": {\"type\": \"object\"}}", SCHEMA_ASKED, NULL), ERR_OK);
	p.value = json_pack("{s:i}", "a name that does not fit", 1);
	p.errors.arena = &small;
	assert_int_equal(schema_check(p.schema, p.value, &p.errors), ERR_TEMP);
	arena_clear(&small);
	tear_down(&p);
}

static void texts_are_read_as_their_schema_says(void **state)
{
	static const struct {
		const char *schema, *text, *code;
	} cases[] = {
		{ "{'type': 'integer', 'minimum': 1}", "5", NULL },
		{ "{'type': 'integer'}", "-5", NULL },
		{ "{'type': 'integer', 'minimum': 1}", "0", "too_small" },
		{ "{'type': 'integer'}", "5x", "wrong_type" },
		{ "{'type': 'integer'}", "", "wrong_type" },
		{ "{'type': 'integer'}", "--5", "wrong_type" },
		{ "{'type': 'integer'}", "99999999999999999999", "wrong_type" },
		{ "{'type': 'boolean'}", "1", NULL },
		{ "{'type': 'boolean'}", "false", NULL },
		{ "{'type': 'boolean'}", "yes", "wrong_type" },
		{ "{'type': 'string', 'minLength': 1}", "", "too_short" },
		{ "{'type': 'string'}", "\xff", "bad_format" },
		{ "{'type': 'string', 'format': 'date-time'}", "2026-11-22T06:50:54+01:00", NULL },
		{ "{'type': 'array', 'minItems': 1, 'items': {'type': 'string', 'enum': ['a', 'b']}}", "a,b", NULL },
		{ "{'type': 'array', 'minItems': 1, 'items': {'type': 'string', 'enum': ['a', 'b']}}", "a,,b", "not_allowed_value" },
		{ "{'type': 'array', 'minItems': 1, 'items': {'type': 'string'}}", "", "too_few" },
		{ "{'type': 'array', 'items': {'type': 'integer'}}", "1,x", "wrong_type" },
	};
	struct place p;

	(void)state;
	set_up(&p);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char document[300];

		snprintf(document, sizeof document, "{'s': %s}", cases[i].schema);
		for (char *c = document; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		assert_int_equal(compile(&p, document, SCHEMA_ASKED, NULL), ERR_OK);
		p.errors.count = 0;
		if (schema_check_text(p.schema, span_str(cases[i].text), "name", &p.errors) != (cases[i].code ? ERR_SYNTAX : ERR_OK))
			fail_msg("%s: %s", document, cases[i].text);
		if (cases[i].code) {
			assert_string_equal(p.errors.list[0].code, cases[i].code);
			assert_true(span_equals(p.errors.list[0].pointer, SPAN("name")));
		}
	}
	tear_down(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_keyword_is_enforced),
		cmocka_unit_test(what_would_not_be_enforced_is_refused_at_start),
		cmocka_unit_test(answers_may_be_one_of_several),
		cmocka_unit_test(schemas_nested_without_end_are_refused),
		cmocka_unit_test(bodies_nested_without_end_are_refused),
		cmocka_unit_test(twenty_errors_are_told_and_no_more),
		cmocka_unit_test(a_long_name_from_outside_is_cut_between_characters),
		cmocka_unit_test(errors_that_find_no_memory_are_temporary),
		cmocka_unit_test(texts_are_read_as_their_schema_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
