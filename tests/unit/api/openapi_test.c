/* The document: its fragments fit each other and the tables of the API, and requests are held against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/openapi.h"
#include "api/openapi_merge.h"
#include "api/openapi_rules.h"
#include "daemon/base/buf.h"

static int start(void **state)
{
	struct note why = { "" };

	(void)state;
	if (openapi_init(&why) == ERR_OK)
		return 0;
	fprintf(stderr, "%s\n", why.text);
	return 1;
}

static enum err merge(const char *base, const char *other, json_t **out, struct note *why)
{
	const struct openapi_fragment list[] = {
		{ "base.json", (const unsigned char *)base, strlen(base) },
		{ "other.json", (const unsigned char *)other, strlen(other) },
	};

	return openapi_merge(list, 2, out, why);
}

static void fragments_may_not_say_anything_twice(void **state)
{
	static const char *const bad[] = {
		"{\"paths\": {\"/a\": {\"get\": {\"x\": 2}}}}",
		"{\"components\": {\"schemas\": {\"S\": {\"x\": 1}}}}",
		"{\"info\": {}}",
		"{\"paths\": 5}",
		"{\"paths\": {}, \"paths\": {}}",
		"[]",
		"{",
		"",
	};
	json_t *document = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct note why = { "" };

		if (merge("{\"paths\": {\"/a\": {\"get\": {\"x\": 1}}}, \"components\": {\"schemas\": {\"S\": {}}}}", bad[i], &document, &why) != ERR_CORRUPT)
			fail_msg("taken: %s", bad[i]);
		assert_true(span_starts(span_str(why.text), SPAN("openapi/other.json: ")));
	}
}

static void fragments_share_a_path(void **state)
{
	json_t *document = NULL;

	(void)state;
	assert_int_equal(merge("{\"paths\": {\"/a\": {\"parameters\": [1], \"get\": {}}}}", "{\"paths\": {\"/a\": {\"parameters\": [1], \"post\": {}}, \"/b\": {}}}", &document, NULL), ERR_OK);
	assert_int_equal(json_object_size(json_object_get(document, "paths")), 2);
	assert_int_equal(json_object_size(json_object_get(json_object_get(document, "paths"), "/a")), 3);
	json_decref(document);
}

/* What reading and the rules say to a document with this one path. */
static enum err read_document(const char *path_item, struct note *why)
{
	struct openapi_operation operations[OP_COUNT] = { { 0 } };
	char text[3000];
	json_t *document;
	struct arena a;
	enum err e;

	snprintf(text, sizeof text, "{'paths': %s, 'components': {'responses': {'P': {'description': 'd'}}}}", path_item);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	arena_init(&a, 1u << 20);
	e = openapi_operations_read(&a, document, operations, why);
	if (e == ERR_OK)
		e = openapi_rules_check(operations, why);
	arena_clear(&a);
	json_decref(document);
	return e;
}

#define GET_DOMAIN "'operationId': 'domain_get', 'x-scope': 'domains:read'"
#define ROLES "'x-roles': ['auditor', 'domain_admin', 'admin', 'owner']"
#define ARGUMENT "'parameters': [{'name': 'domain', 'in': 'path', 'required': true, 'schema': {'type': 'string'}}]"
#define ANSWERS "'responses': {'200': {'$ref': '#/components/responses/P'}, '400': {'description': 'd'}, '401': {'description': 'd'}, '403': {'description': 'd'}, 'default': {'description': 'd'}}"

static void a_document_that_differs_from_the_tables_is_refused(void **state)
{
	static const struct {
		const char *item, *why;
	} cases[] = {
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", " ANSWERS "}}}", NULL },
		{ "{'/api/v1/domains/{domain}': {" ARGUMENT ", 'get': {" GET_DOMAIN ", " ROLES ", " ANSWERS "}}}", NULL },
		{ "{'/api/v1/domains/{domain}': {'put': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "another method or path" },
		{ "{'/api/v1/domain/{domain}': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "another method or path" },
		{ "{'/api/v1/domains/{domain}/x': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "another method or path" },
		{ "{'/api/v1/domains/{domain}': {'get': {'operationId': 'domain_fetch', " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "no such operationId" },
		{ "{'/api/v1/domains/{domain}': {'get': {" ROLES ", " ARGUMENT ", " ANSWERS "}}}", "no such operationId" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", " ROLES ", " ANSWERS "}}}", "is not declared" },
		{ "{'/api/v1/domains/{name}': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "is not declared" },
		{ "{'/api/v1/domains/{domain}': {" ARGUMENT ", 'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "stands twice" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", 'x-roles': ['owner'], " ARGUMENT ", " ANSWERS "}}}", "x-roles" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", 'x-roles': ['king'], " ARGUMENT ", " ANSWERS "}}}", "x-roles" },
		{ "{'/api/v1/domains/{domain}': {'get': {'operationId': 'domain_get', 'x-scope': 'domains:write', " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "x-scope" },
		{ "{'/api/v1/domains/{domain}': {'get': {'operationId': 'domain_get', " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "x-scope" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", 'x-demands': ['proven'], " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "x-demands" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", 'responses': {'200': {'$ref': '#/components/responses/Q'}}}}}", "an answer without a description" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", 'responses': {'200': {'description': 'd'}}}}}", "possible and not documented" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", " ROLES ", " ARGUMENT ", 'responses': {'200': {'description': 'd'}, '304': {'description': 'd'}, '400': {'description': 'd'}, '401': {'description': 'd'}, '403': {'description': 'd'}, 'default': {'description': 'd'}}}}}",
		  "documented and not possible" },
		{ "{'/api/v1/domains/{domain}': {'get': {" GET_DOMAIN ", 'callbacks': {}, " ROLES ", " ARGUMENT ", " ANSWERS "}}}", "no meaning" },
		{ "{'/api/v1/domains/{domain}': {'trace': {}}}", "no meaning" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct note why = { "" };
		enum err e = read_document(cases[i].item, &why);

		if (e != (cases[i].why ? ERR_CORRUPT : ERR_OK) || (cases[i].why && !strstr(why.text, cases[i].why)))
			fail_msg("%s: %s", cases[i].item, why.text);
	}
}

static void a_query_is_read_with_its_types_and_defaults(void **state)
{
	struct schema_errors errors = { 0 };
	struct query q;
	struct arena a;

	(void)state;
	arena_init(&a, 1u << 20);
	errors.arena = &a;
	assert_int_equal(openapi_read_query(OP_domains_list, SPAN("limit=7&q=a%20b+c&&fields=name"), &a, &q, &errors), ERR_OK);
	assert_int_equal(query_find(&q, "limit")->number, 7);
	assert_true(query_find(&q, "limit")->given);
	assert_true(span_equals(query_find(&q, "q")->text, SPAN("a b c")));
	assert_int_equal(query_find(&q, "fields")->list_count, 1);
	assert_true(span_equals(query_find(&q, "fields")->list[0], SPAN("name")));
	assert_false(query_find(&q, "sort")->given);
	assert_true(span_equals(query_find(&q, "sort")->text, SPAN("name")));
	assert_null(query_find(&q, "dry_run"));
	assert_int_equal(openapi_read_query(OP_domains_list, SPAN(""), &a, &q, &errors), ERR_OK);
	assert_int_equal(query_find(&q, "limit")->number, 50);
	assert_int_equal(openapi_read_query(OP_domain_create, SPAN("dry_run=1"), &a, &q, &errors), ERR_OK);
	assert_int_equal(query_find(&q, "dry_run")->number, 1);
	arena_clear(&a);
}

static void a_query_that_is_not_documented_is_refused_with_its_name(void **state)
{
	static const struct {
		const char *query, *pointer, *code;
	} cases[] = {
		{ "nonsense=1", "nonsense", "unknown_parameter" },
		{ "If-None-Match=x", "If-None-Match", "unknown_parameter" },
		{ "limit=5&limit=6", "limit", "duplicate" },
		{ "limit=0", "limit", "too_small" },
		{ "limit=501", "limit", "too_big" },
		{ "limit=x", "limit", "wrong_type" },
		{ "limit", "limit", "wrong_type" },
		{ "sort=size", "sort", "not_allowed_value" },
		{ "fields=name,colour", "fields", "not_allowed_value" },
		{ "fields=data", "fields", "not_allowed_value" },
		{ "q=", "q", "too_short" },
		{ "q=%ff", "q", "bad_format" },
		{ "q=%", "", "bad_format" },
		{ "q=%4", "", "bad_format" },
		{ "q=%zz", "", "bad_format" },
		{ "q=%00", "", "bad_format" },
		{ "%ff=1", "", "unknown_parameter" },
		{ "=", "", "unknown_parameter" },
	};
	struct schema_errors errors = { 0 };
	struct query q;
	struct arena a;

	(void)state;
	arena_init(&a, 1u << 20);
	errors.arena = &a;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		errors.count = 0;
		if (openapi_read_query(OP_domains_list, span_str(cases[i].query), &a, &q, &errors) != ERR_SYNTAX)
			fail_msg("taken: %s", cases[i].query);
		assert_int_equal(errors.count, 1);
		assert_string_equal(errors.list[0].code, cases[i].code);
		assert_true(span_equals(errors.list[0].pointer, span_str(cases[i].pointer)));
	}
	arena_clear(&a);
}

static void a_query_of_many_parameters_is_refused(void **state)
{
	struct schema_errors errors = { 0 };
	struct query q;
	struct buf text;
	struct arena a;

	(void)state;
	arena_init(&a, 1u << 20);
	buf_init(&text, 10000);
	errors.arena = &a;
	for (int i = 0; i < 1000; i++)
		buf_add_str(&text, "a=b&");
	assert_int_equal(openapi_read_query(OP_domains_list, buf_span(&text), &a, &q, &errors), ERR_SYNTAX);
	assert_int_equal(errors.count, SCHEMA_ERRORS_MAX);
	buf_clear(&text);
	arena_clear(&a);
}

static void bodies_headers_and_arguments_are_held_against_the_document(void **state)
{
	struct schema_errors errors = { 0 };
	json_t *body = json_pack("{s:s, s:i}", "name", "example.org", "colour", 5);
	struct span argument = SPAN("");
	struct arena a;

	(void)state;
	arena_init(&a, 1u << 20);
	errors.arena = &a;
	assert_int_equal(openapi_body(OP_domain_create), BODY_JSON);
	assert_true(openapi_body_required(OP_domain_create));
	assert_int_equal(openapi_body(OP_domains_list), BODY_NONE);
	assert_true(openapi_takes_type(OP_domain_create, SPAN("Application/JSON")));
	assert_false(openapi_takes_type(OP_domain_create, SPAN("text/csv")));
	assert_int_equal(openapi_check_body(OP_domain_create, body, &errors), ERR_SYNTAX);
	assert_true(span_equals(errors.list[0].pointer, SPAN("/colour")));
	assert_int_equal(openapi_check_header(OP_domain_create, "Idempotency-Key", SPAN(""), &errors), ERR_SYNTAX);
	assert_int_equal(openapi_check_header(OP_domains_list, "Idempotency-Key", SPAN(""), &errors), ERR_OK);
	assert_false(openapi_args_fit(OP_domain_get, &argument));
	argument = SPAN("example.org");
	assert_true(openapi_args_fit(OP_domain_get, &argument));
	json_decref(body);
	arena_clear(&a);
}

static void the_document_is_served_as_json_with_a_strong_etag(void **state)
{
	json_t *document = json_loadb(openapi_text().ptr, openapi_text().len, JSON_REJECT_DUPLICATES, NULL);
	const char *title = NULL;
	int status = 0;

	(void)state;
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "openapi")), "3.1.0");
	assert_int_equal(openapi_etag().len, 24);
	assert_true(openapi_problem("not_found", &title, &status));
	assert_int_equal(status, 404);
	assert_non_null(title);
	assert_false(openapi_problem("no such code", &title, &status));
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_may_not_say_anything_twice),
		cmocka_unit_test(fragments_share_a_path),
		cmocka_unit_test(a_document_that_differs_from_the_tables_is_refused),
		cmocka_unit_test(a_query_is_read_with_its_types_and_defaults),
		cmocka_unit_test(a_query_that_is_not_documented_is_refused_with_its_name),
		cmocka_unit_test(a_query_of_many_parameters_is_refused),
		cmocka_unit_test(bodies_headers_and_arguments_are_held_against_the_document),
		cmocka_unit_test(the_document_is_served_as_json_with_a_strong_etag),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
