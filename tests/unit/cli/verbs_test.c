/* The tables of verbs against the API's document, help and manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "api/openapi.h"
#include "api/operation.h"
#include "daemon/cli/help.h"
#include "daemon/cli/manual.h"
#include "daemon/ops/config.h"

static json_t *document;

static int load(void **state)
{
	struct note why = { "" };

	(void)state;
	if (api_init(&why) != ERR_OK) {
		print_error("%s\n", why.text);
		return 1;
	}
	document = json_loadb(openapi_text().ptr, openapi_text().len, 0, NULL);
	return document ? 0 : 1;
}

static int unload(void **state)
{
	(void)state;
	json_decref(document);
	return 0;
}

/* Follows "$ref" within the document. */
static json_t *resolve(json_t *value)
{
	const char *ref = json_string_value(json_object_get(value, "$ref"));
	struct span rest = span_str(ref), part;
	json_t *at = document;

	if (!ref)
		return value;
	(void)span_split(&rest, '/', &part); /* "#" */
	while (at && span_split(&rest, '/', &part)) {
		char name[100];

		snprintf(name, sizeof name, "%.*s", (int)part.len, part.ptr);
		at = json_object_get(at, name);
	}
	return resolve(at);
}

static json_t *find_operation(const char *id, json_t **item_out)
{
	const char *path, *method;
	json_t *item, *operation;

	json_object_foreach(json_object_get(document, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			const char *own = json_string_value(json_object_get(operation, "operationId"));

			*item_out = item;
			if (own && strcmp(own, id) == 0)
				return operation;
		}
	}
	return NULL;
}

static json_t *find_parameter(json_t *operation, const char *name)
{
	json_t *parameter;
	size_t i;

	json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
	{
		json_t *p = resolve(parameter);

		if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0)
			return p;
	}
	return NULL;
}

static json_t *body_schema(json_t *operation)
{
	return resolve(json_object_get(json_object_get(json_object_get(json_object_get(operation, "requestBody"), "content"), "application/json"), "schema"));
}

/* The schema of a dotted field of the body; null: there is none. */
static json_t *find_field(json_t *operation, const char *field)
{
	json_t *schema = body_schema(operation);
	struct span rest = span_str(field), part;

	while (schema && span_split(&rest, '.', &part)) {
		char name[100];

		snprintf(name, sizeof name, "%.*s", (int)part.len, part.ptr);
		schema = resolve(json_object_get(json_object_get(resolve(schema), "properties"), name));
	}
	return schema;
}

static void check_choices(const struct verb *v, const struct argument *g, json_t *schema)
{
	json_t *allowed = json_object_get(schema, "enum"), *word;
	struct span rest = span_str(g->choices), choice;
	size_t i;

	if (!allowed || !g->choices)
		return;
	while (span_split(&rest, ' ', &choice)) {
		bool found = false;

		json_array_foreach(allowed, i, word) found = found || span_equals(choice, span_str(json_string_value(word)));
		if (!found)
			fail_msg("%s %s: %s takes no '%.*s'", v->noun, v->verb ? v->verb : "", g->name, (int)choice.len, choice.ptr);
	}
}

static size_t holes_of(const char *path)
{
	size_t count = 0;

	while ((path = strstr(path, "{}"))) {
		count++;
		path += 2;
	}
	return count;
}

static void check_argument(const struct verb *v, const struct argument *g, json_t *operation)
{
	json_t *schema = NULL;

	if (g->place == PLACE_QUERY) {
		json_t *parameter = find_parameter(operation, g->field);

		if (!parameter)
			fail_msg("%s: %s has no parameter %s", v->operation, g->name, g->field);
		schema = resolve(json_object_get(parameter, "schema"));
	} else if (g->place == PLACE_BODY) {
		schema = find_field(operation, g->field);
		if (!schema)
			fail_msg("%s: %s has no field %s", v->operation, g->name, g->field);
	}
	check_choices(v, g, schema);
}

/* How many stand in the path. One message of the queue does, many are the body of queue_bulk. */
static size_t check_arguments(const struct verb *v, json_t *operation)
{
	bool steers = v->kind == VERB_STEER;
	size_t holes = 0;
	json_t *item;

	for (int k = 0; k < VERB_MAX_ARGUMENTS && v->arguments[k].name; k++) {
		check_argument(v, &v->arguments[k], steers ? find_operation("queue_bulk", &item) : operation);
		holes += v->arguments[k].place == PLACE_PATH || (steers && strcmp(v->arguments[k].name, "ID") == 0);
	}
	return holes;
}

static void each_verb_fits_its_operation(void **state)
{
	const struct verb *v;

	(void)state;
	for (size_t i = 0; (v = verb_at(i)); i++) {
		const char *method, *path;
		json_t *operation, *item;

		if (!v->operation)
			continue;
		assert_true(operation_find(v->operation, &method, &path));
		operation = find_operation(v->operation, &item);
		if (!operation)
			fail_msg("%s is not in the document", v->operation);
		assert_int_equal(check_arguments(v, operation), holes_of(path));
		if (((v->is & VERB_PLANS) != 0) != (find_parameter(operation, "dry_run") != NULL))
			fail_msg("%s %s: --dry-run of %s", v->noun, v->verb ? v->verb : "", v->operation);
		if ((v->kind == VERB_LIST || v->kind == VERB_TRACE) && !find_parameter(operation, "cursor"))
			fail_msg("%s has no pages", v->operation);
		if (v->kind == VERB_API && v->columns && find_parameter(operation, "cursor"))
			fail_msg("%s has pages", v->operation);
		if (v->fixed_body)
			assert_non_null(body_schema(operation));
	}
}

/* What a body must have, its verb asks for. */
static void required_fields_are_required_arguments(void **state)
{
	const struct verb *v;

	(void)state;
	for (size_t i = 0; (v = verb_at(i)); i++) {
		json_t *operation, *item, *name;
		size_t n;

		if (!v->operation || (v->kind != VERB_API && v->kind != VERB_API_LOCAL && v->kind != VERB_SETUP))
			continue;
		operation = find_operation(v->operation, &item);
		json_array_foreach(json_object_get(body_schema(operation), "required"), n, name)
		{
			bool asked = v->fixed_body && strstr(v->fixed_body, json_string_value(name));

			for (int k = 0; k < VERB_MAX_ARGUMENTS && v->arguments[k].name; k++)
				asked = asked || (v->arguments[k].required && v->arguments[k].field && strcmp(v->arguments[k].field, json_string_value(name)) == 0);
			if (!asked)
				fail_msg("%s %s does not ask for %s", v->noun, v->verb ? v->verb : "", json_string_value(name));
		}
	}
}

/* What has no verb: people's own things are done in the panel, and what another verb does as well. */
static void each_operation_has_a_verb(void **state)
{
	static const char *const without[] = { "session_", "me_", "user_put", "alias_update", "user_check_get" };
	const char *path, *method;
	json_t *item, *operation;

	(void)state;
	json_object_foreach(json_object_get(document, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			const char *id = json_string_value(json_object_get(operation, "operationId"));
			const struct verb *v;
			bool has = !id;

			for (size_t i = 0; !has && i < sizeof without / sizeof without[0]; i++)
				has = strncmp(id, without[i], strlen(without[i])) == 0;
			for (size_t i = 0; !has && (v = verb_at(i)); i++)
				has = v->operation && strcmp(v->operation, id) == 0;
			if (!has)
				fail_msg("%s has no verb", id);
		}
	}
}

static void each_verb_is_found_and_helped(void **state)
{
	char *text = NULL, *manual = NULL;
	const struct verb *v;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	for (size_t i = 0; (v = verb_at(i)); i++)
		if (i == 0 || strcmp(v->noun, verb_at(i - 1)->noun) != 0)
			help_noun(to, v->noun);
	fclose(to);
	to = open_memstream(&manual, &len);
	assert_true(manual_print(to, NULL));
	fclose(to);
	for (size_t i = 0; (v = verb_at(i)); i++) {
		char words[64];
		bool both = false;

		assert_ptr_equal(verb_find(v->noun, v->verb, &both), v);
		assert_int_equal(both, v->verb != NULL);
		snprintf(words, sizeof words, "postroom %s%s%s", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
		assert_non_null(strstr(text, words));
		assert_non_null(strstr(text, v->summary));
		assert_non_null(strstr(manual, words + strlen("postroom ")));
		assert_true(verb_is_noun(v->noun));
	}
	assert_false(verb_is_noun("frobnicate"));
	free(text);
	free(manual);
}

/* A noun is a line: its name, what it is about, its verbs. */
static void each_noun_is_one_line_of_help(void **state)
{
	char *text = NULL;
	const struct verb *v;
	size_t len, lines = 0, nouns = 0;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	help_nouns(to);
	fclose(to);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	for (size_t i = 0; (v = verb_at(i)); i++) {
		char words[80], begin[40];
		const char *line, *end, *found;

		if (i > 0 && strcmp(v->noun, verb_at(i - 1)->noun) == 0) {
			snprintf(words, sizeof words, " %s", v->verb);
		} else {
			nouns++;
			snprintf(words, sizeof words, v->verb ? ": %s" : "%s", v->verb ? v->verb : v->summary);
		}
		snprintf(begin, sizeof begin, "\n  %-12s", v->noun);
		line = strstr(text, begin);
		assert_non_null(line);
		assert_true(line[strlen(begin)] != ':');
		end = strchr(line + 1, '\n');
		found = strstr(line, words);
		assert_true(found && found < end);
	}
	assert_int_equal(lines, nouns + 4);
	free(text);
}

static void manual_names_each_key_of_the_configuration(void **state)
{
	const struct config_key *k;
	char *manual = NULL;
	size_t len;
	FILE *to = open_memstream(&manual, &len);

	(void)state;
	assert_true(manual_print(to, "postroom.conf"));
	assert_false(manual_print(to, "postroom.cnf"));
	fclose(to);
	for (size_t i = 0; (k = config_key(i)); i++) {
		assert_non_null(strstr(manual, k->name));
		assert_true(strlen(k->help) > 5);
	}
	for (size_t i = 0; config_service(i); i++)
		assert_non_null(strstr(manual, config_service(i)->name));
	free(manual);
}

static void a_noun_alone_is_no_verb(void **state)
{
	bool both;

	(void)state;
	assert_null(verb_find("user", NULL, &both));
	assert_null(verb_find("user", "frobnicate", &both));
	assert_null(verb_find(NULL, NULL, &both));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_fits_its_operation),
		cmocka_unit_test(required_fields_are_required_arguments),
		cmocka_unit_test(each_operation_has_a_verb),
		cmocka_unit_test(each_verb_is_found_and_helped),
		cmocka_unit_test(each_noun_is_one_line_of_help),
		cmocka_unit_test(manual_names_each_key_of_the_configuration),
		cmocka_unit_test(a_noun_alone_is_no_verb),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
