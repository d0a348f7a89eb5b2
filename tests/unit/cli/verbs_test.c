/* The table of verbs against the API's routes, the reading of words, and what help says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "daemon/cli/arguments.h"
#include "daemon/cli/help.h"

#define WORDS_MAX 24

static const struct verb *find(const char *noun, const char *verb)
{
	char *argv[2] = { (char *)(uintptr_t)noun, (char *)(uintptr_t)verb };
	int words = 0;
	const struct verb *v = verb_find(verb ? 2 : 1, argv, &words);

	assert_non_null(v);
	assert_int_equal(words, v->verb ? 2 : 1);
	return v;
}

/* The words of `line`, separated by blanks, behind the verb; standard input holds `input`. */
static enum err read_words(const struct verb *v, const char *line, const char *input, struct arguments *out, struct note *why)
{
	static char text[512]; /* the arguments point into it */
	char *argv[WORDS_MAX], *rest = text;
	int argc = 0, before = dup(STDIN_FILENO), ends[2];
	enum err e;

	snprintf(text, sizeof text, "%s", line);
	while (*rest && argc < WORDS_MAX) {
		argv[argc++] = rest;
		rest += strcspn(rest, " ");
		if (*rest)
			*rest++ = '\0';
	}
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	*why = (struct note){ "" };
	e = arguments_read(v, argc, argv, out, why);
	dup2(before, STDIN_FILENO);
	close(before);
	return e;
}

static void expect_usage(const char *noun, const char *verb, const char *line, const char *says)
{
	struct arguments a;
	struct note why;

	assert_int_equal(read_words(find(noun, verb), line, "secret-word\n", &a, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, says));
	arguments_clear(&a);
}

static const char *field(const struct arguments *a, const char *name)
{
	const char *text = json_string_value(json_object_get(a->body, name));

	return text ? text : "";
}

static void each_verb_has_a_route(void **state)
{
	(void)state;
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *v = &verbs[i];
		struct api_request request = { .upload_fd = -1, .caller = API_LOCAL_OWNER };
		struct api_response response;
		struct api_context context = { 0 };
		char path[128];
		const char *hole;

		if (!v->path)
			continue;
		/* An escape that is none: a route that is found ends there or at the missing daemon, before it asks for more. */
		hole = strstr(v->path, "{}");
		snprintf(path, sizeof path, "%.*s%s%s", (int)(hole ? hole - v->path : (long)strcspn(v->path, "?")), v->path, hole ? "%zz" : "", hole ? hole + 2 : "");
		request.method = span_str(v->method);
		request.path = span_str(path);
		request.content_type = SPAN("text/plain"); /* a route with a body ends here */
		api_response_init(&response);
		if (!hole && !v->fixed_body && strcmp(v->method, "GET") == 0 && strcmp(v->noun, "status") != 0 && strcmp(v->noun, "queue") != 0) {
			request.method = SPAN("TRACE"); /* a list would ask the directory: the method's name in Allow does */
			api_run(&context, &request, &response);
			assert_int_equal(response.status, 405);
		} else {
			api_run(&context, &request, &response);
			assert_true(response.status == 400 || response.status == 415 || response.status == 503);
		}
		api_response_clear(&response);
	}
}

static void each_verb_is_found_and_helped(void **state)
{
	char *text = NULL, *manual = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	(void)state;
	help_noun(to, NULL);
	fclose(to);
	to = open_memstream(&manual, &len);
	help_manual(to);
	fclose(to);
	for (size_t i = 0; i < verb_count; i++) {
		char words[64];

		assert_ptr_equal(find(verbs[i].noun, verbs[i].verb), &verbs[i]);
		snprintf(words, sizeof words, "postroom %s%s%s", verbs[i].noun, verbs[i].verb ? " " : "", verbs[i].verb ? verbs[i].verb : "");
		assert_non_null(strstr(text, words));
		assert_non_null(strstr(text, verbs[i].summary));
		assert_non_null(strstr(manual, words + strlen("postroom ")));
		assert_true(help_knows(verbs[i].noun));
	}
	assert_false(help_knows("frobnicate"));
	free(text);
	free(manual);
}

static void a_noun_alone_is_no_verb(void **state)
{
	char *argv[2] = { (char *)(uintptr_t) "user", (char *)(uintptr_t) "frobnicate" };
	int words;

	(void)state;
	assert_null(verb_find(1, argv, &words));
	assert_null(verb_find(2, argv, &words));
	assert_null(verb_find(0, argv, &words));
}

static void values_stand_in_body_and_path(void **state)
{
	struct arguments a;
	struct note why;

	(void)state;
	assert_int_equal(read_words(find("user", "add"), "bob@example.org --password-stdin --config /x -o json", "correct horse\r\nrest", &a, &why), ERR_OK);
	assert_string_equal(field(&a, "address"), "bob@example.org");
	assert_string_equal(field(&a, "password"), "correct horse");
	assert_string_equal(a.config_path, "/x");
	assert_int_equal(a.form, OUTPUT_JSON);
	arguments_clear(&a);
	assert_int_equal(read_words(find("alias", "add"), "s@example.org a@example.org b@example.org", "", &a, &why), ERR_OK);
	assert_int_equal(json_array_size(json_object_get(a.body, "targets")), 2);
	arguments_clear(&a);
	assert_int_equal(read_words(find("relay", "set"), "--domain=* --host=h.example --port=587 --tls=none", "", &a, &why), ERR_OK);
	assert_true(span_equals(a.path, SPAN("/api/v1/relays/%2A")));
	assert_int_equal(json_integer_value(json_object_get(a.body, "port")), 587);
	arguments_clear(&a);
	assert_int_equal(read_words(find("user", "suspend"), "a/b?c%d@b\xc3\xbc.example", "", &a, &why), ERR_OK);
	assert_true(span_equals(a.path, SPAN("/api/v1/users/a%2Fb%3Fc%25d@b%C3%BC.example")));
	assert_true(json_is_true(json_object_get(a.body, "suspended")));
	arguments_clear(&a);
	assert_int_equal(read_words(find("user", "rm"), "-- -dash@example.org", "", &a, &why), ERR_OK);
	assert_true(span_equals(a.path, SPAN("/api/v1/users/-dash@example.org")));
	arguments_clear(&a);
	assert_int_equal(read_words(find("user", "add"), "--help", "", &a, &why), ERR_OK);
	assert_true(a.help);
	arguments_clear(&a);
}

static void wrong_words_are_named(void **state)
{
	(void)state;
	expect_usage("user", "add", "--password-stdin", "ADDRESS is missing");
	expect_usage("user", "add", "a@b", "there is no terminal to ask for a password: give --password-stdin");
	expect_usage("user", "add", "a@b c@d --password-stdin", "'c@d'");
	expect_usage("user", "add", "a@b --password-stdin=x", "takes no value");
	expect_usage("user", "ls", "--colour red", "--colour");
	expect_usage("user", "ls", "-o xml", "'xml'");
	expect_usage("user", "ls", "--config", "needs a value");
	expect_usage("relay", "set", "--domain d --host h --port 0 --tls none", "port");
	expect_usage("relay", "set", "--domain d --host h --port 65536 --tls none", "port");
	expect_usage("relay", "set", "--domain d --domain e", "twice");
	expect_usage("user", "add", "a\xff@b --password-stdin", "UTF-8");
}

static void passwords_are_whole_or_refused(void **state)
{
	struct arguments a;
	struct note why;
	static char text[6000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(read_words(find("user", "add"), "a@b --password-stdin", "\n", &a, &why), ERR_SYNTAX);
	arguments_clear(&a);
	assert_int_equal(read_words(find("user", "add"), "a@b --password-stdin", "", &a, &why), ERR_SYNTAX);
	arguments_clear(&a);
	assert_int_equal(read_words(find("user", "add"), "a@b --password-stdin", text, &a, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "too long"));
	arguments_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_verb_has_a_route),
		cmocka_unit_test(each_verb_is_found_and_helped),
		cmocka_unit_test(a_noun_alone_is_no_verb),
		cmocka_unit_test(values_stand_in_body_and_path),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(passwords_are_whole_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
