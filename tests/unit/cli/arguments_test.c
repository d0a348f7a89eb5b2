/* Reading the words of a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/base/clock.h"
#include "daemon/cli/arguments.h"

#define WORDS_MAX 24

/* The words of `line`, separated by blanks; standard input holds `input`. */
static enum err read_words(const char *line, const char *input, struct arguments *out, struct note *why)
{
	static char text[8192]; /* the arguments point into it */
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
	e = arguments_find(argc, argv, out, why);
	if (e == ERR_OK && out->verb)
		e = arguments_read(out, why);
	dup2(before, STDIN_FILENO);
	close(before);
	return e;
}

static void expect_usage(const char *line, const char *says)
{
	struct arguments a;
	struct note why;

	assert_int_equal(read_words(line, "secret-word\n", &a, &why), ERR_SYNTAX);
	if (!strstr(why.text, says))
		fail_msg("%s: %s", line, why.text);
	arguments_clear(&a);
}

static const char *field(const struct arguments *a, const char *name)
{
	const char *text = json_string_value(json_object_get(a->body, name));

	return text ? text : "";
}

static void expect_span(struct span s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.ptr, text, s.len);
}

static void values_stand_in_body_query_and_path(void **state)
{
	struct arguments a;
	struct note why;

	(void)state;
	assert_int_equal(read_words("user add bob@example.org --password-stdin --config /x -o json", "correct horse\r\nrest", &a, &why), ERR_OK);
	assert_string_equal(field(&a, "address"), "bob@example.org");
	assert_string_equal(field(&a, "password"), "correct horse");
	assert_string_equal(a.config_path, "/x");
	assert_int_equal(a.form, OUTPUT_JSON);
	arguments_clear(&a);
	assert_int_equal(read_words("alias add s@example.org a@example.org b@example.org,c@example.org", "", &a, &why), ERR_OK);
	assert_int_equal(json_array_size(json_object_get(a.body, "targets")), 3);
	arguments_clear(&a);
	assert_int_equal(read_words("relay set --domain=* --host=h.example --port=587 --tls=none", "", &a, &why), ERR_OK);
	expect_span(a.holes[0], "*");
	assert_int_equal(json_integer_value(json_object_get(a.body, "port")), 587);
	arguments_clear(&a);
	assert_int_equal(read_words("user ls --q a&b=c --suspended no", "", &a, &why), ERR_OK);
	expect_span(buf_span(&a.query), "q=a%26b%3Dc&suspended=false");
	arguments_clear(&a);
	assert_int_equal(read_words("user rm -- -dash@example.org", "", &a, &why), ERR_OK);
	expect_span(a.holes[0], "-dash@example.org");
	arguments_clear(&a);
	assert_int_equal(read_words("queue bulk retry --domain example.net", "", &a, &why), ERR_OK);
	assert_string_equal(json_string_value(json_object_get(json_object_get(a.body, "filter"), "domain")), "example.net");
	arguments_clear(&a);
}

static void global_options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"-o csv --config /x --yes user ls",
		"user -o csv ls --yes --config=/x",
		"user ls -ocsv --config /x -y",
		"--yes user --output=csv --config /x ls",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct arguments a;
		struct note why;

		assert_int_equal(read_words(lines[i], "", &a, &why), ERR_OK);
		assert_string_equal(a.verb->operation, "users_list");
		assert_int_equal(a.form, OUTPUT_CSV);
		assert_string_equal(a.config_path, "/x");
		assert_true(a.yes);
		arguments_clear(&a);
	}
	expect_usage("--role owner user ls", "before the verb");
}

static void times_are_periods_or_dates(void **state)
{
	struct arguments a;
	struct note why;

	(void)state;
	clock_set_source(&clock_fake);
	clock_fake_set_real_ms(1767225600000); /* 2026-01-01 */
	assert_int_equal(read_words("audit ls --since 24h", "", &a, &why), ERR_OK);
	expect_span(buf_span(&a.query), "since=2025-12-31T00%3A00%3A00.000Z");
	arguments_clear(&a);
	assert_int_equal(read_words("token add x --scopes users:read --expires 2d", "", &a, &why), ERR_OK);
	assert_string_equal(field(&a, "expires_at"), "2026-01-03T00:00:00.000Z");
	arguments_clear(&a);
	assert_int_equal(read_words("token add x --scopes users:read --expires 2026-02-28", "", &a, &why), ERR_OK);
	assert_string_equal(field(&a, "expires_at"), "2026-02-28T00:00:00Z");
	arguments_clear(&a);
	expect_usage("token add x --scopes users:read --expires tomorrow", "--expires");
	expect_usage("token add x --scopes users:read --expires 2026-02-30", "--expires");
	expect_usage("token add x --scopes users:read --expires 99999999999d", "--expires");
	clock_set_source(NULL);
}

static void sizes_are_bytes_or_have_a_unit(void **state)
{
	static const struct {
		const char *line;
		json_int_t bytes;
	} cases[] = { { "user set-quota a@b --bytes 0", 0 }, { "user set-quota a@b --bytes 1048577", 1048577 }, { "user set-quota a@b --bytes 512k", 524288 }, { "user set-quota a@b --bytes 2G", 2147483648 }, { "user set-quota a@b --bytes=1T", 1099511627776 } };
	struct arguments a;
	struct note why;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(read_words(cases[i].line, "", &a, &why), ERR_OK);
		assert_int_equal(json_integer_value(json_object_get(json_object_get(a.body, "quota"), "bytes")), cases[i].bytes);
		arguments_clear(&a);
	}
	expect_usage("user set-quota a@b --bytes G", "--bytes");
	expect_usage("user set-quota a@b --bytes -1", "--bytes");
	expect_usage("user set-quota a@b --bytes 1.5G", "--bytes");
	expect_usage("user set-quota a@b --bytes 2GG", "--bytes");
	expect_usage("user set-quota a@b --bytes 9999999T", "--bytes");
	expect_usage("user set-quota a@b --bytes=", "--bytes");
}

static void wrong_words_are_named(void **state)
{
	(void)state;
	expect_usage("user add --password-stdin", "ADDRESS is missing");
	expect_usage("user passwd a@b", "there is no terminal to ask for a password: give --password-stdin");
	expect_usage("user add a@b c@d --password-stdin", "'c@d'");
	expect_usage("user add a@b --password-stdin=x", "takes no value");
	expect_usage("user ls --colour red", "--colour");
	expect_usage("user ls -o xml", "'xml'");
	expect_usage("user ls --config", "needs a value");
	expect_usage("user ls --role king", "--role is one of");
	expect_usage("user ls --suspended maybe", "yes or no");
	expect_usage("user ls --limit 0", "--limit");
	expect_usage("user ls --dry-run", "does not take --dry-run");
	expect_usage("user add x@y --all --password-stdin", "does not take --all");
	expect_usage("relay set --domain d --host h --port 0 --tls none", "port");
	expect_usage("relay set --domain d --host h --port 65536 --tls none", "port");
	expect_usage("relay set --domain d --domain e", "twice");
	expect_usage("user add a\xff@b --password-stdin", "UTF-8");
	expect_usage("cert set n --chain /does/not/exist --key /dev/null", "/does/not/exist");
	expect_usage("cert set n --chain - --key -", "read already");
}

static void passwords_are_whole_or_refused(void **state)
{
	static char text[6000];
	struct arguments a;
	struct note why;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	assert_int_equal(read_words("user add a@b --password-stdin", "\n", &a, &why), ERR_SYNTAX);
	arguments_clear(&a);
	assert_int_equal(read_words("user add a@b --password-stdin", "", &a, &why), ERR_SYNTAX);
	arguments_clear(&a);
	assert_int_equal(read_words("user add a@b --password-stdin", text, &a, &why), ERR_SYNTAX);
	assert_non_null(strstr(why.text, "too long"));
	arguments_clear(&a);
}

static void help_needs_nothing_else(void **state)
{
	struct arguments a;
	struct note why;

	(void)state;
	assert_int_equal(read_words("user add --help", "", &a, &why), ERR_OK);
	assert_true(a.help);
	arguments_clear(&a);
	assert_int_equal(read_words("--version", "", &a, &why), ERR_OK);
	assert_true(a.version);
	assert_null(a.verb);
	arguments_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_stand_in_body_query_and_path),
		cmocka_unit_test(global_options_stand_anywhere),
		cmocka_unit_test(times_are_periods_or_dates),
		cmocka_unit_test(sizes_are_bytes_or_have_a_unit),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(passwords_are_whole_or_refused),
		cmocka_unit_test(help_needs_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
