/* base/log.h, base/bug.h, base/err.h: what the operator reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/bug.h"
#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"

static int read_end = -1, real_stderr = -1;
static char caught[8192];

/* Standard error goes into a pipe until uncatch(). */
static void catch_stderr(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	real_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	read_end = ends[0];
}

/* All that was written, as one string. */
static const char *uncatch(void)
{
	size_t len = 0;
	ssize_t got;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	while ((got = read(read_end, caught + len, sizeof caught - 1 - len)) > 0)
		len += (size_t)got;
	close(read_end);
	caught[len] = '\0';
	return caught;
}

static void an_event_is_one_line_with_its_time(void **state)
{
	(void)state;
	clock_set_source(&clock_fake);
	catch_stderr();
	errno = ENOENT;
	log_event(LOG_WARN, "smtp", "slow", "sid=%d", 7);
	assert_int_equal(errno, ENOENT);
	log_event(LOG_INFO, "smtp", "start", NULL);
	clock_set_source(NULL);
	assert_string_equal(uncatch(), "2026-01-01T00:00:00.000Z warn smtp slow sid=7\n"
				       "2026-01-01T00:00:00.000Z info smtp start\n");
}

static void below_the_level_nothing_is_written(void **state)
{
	enum log_level level = LOG_INFO;

	(void)state;
	assert_int_equal(log_level_parse(SPAN("error"), &level), ERR_OK);
	assert_int_equal(level, LOG_ERROR);
	assert_int_equal(log_level_parse(SPAN("Error"), &level), ERR_SYNTAX);
	assert_int_equal(log_level_parse(SPAN(""), &level), ERR_SYNTAX);
	log_set_level(level);
	catch_stderr();
	log_event(LOG_WARN, "smtp", "slow", "sid=%d", 7);
	assert_false(log_enabled(LOG_WARN));
	assert_true(log_enabled(LOG_ERROR));
	log_set_level(LOG_INFO);
	assert_string_equal(uncatch(), "");
}

static void a_long_line_is_cut_and_still_ends(void **state)
{
	const char *line;

	(void)state;
	catch_stderr();
	log_event(LOG_INFO, "smtp", "long", "%4000d", 1);
	line = uncatch();
	assert_int_equal(strlen(line), 2000);
	assert_int_equal(line[1999], '\n');
}

static void a_line_end_inside_cannot_start_a_line(void **state)
{
	const char *line;

	(void)state;
	catch_stderr();
	log_event(LOG_INFO, "smtp", "forged", "a=%s", "x\nerror smtp forged\x1b[2J");
	line = uncatch();
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_null(strchr(line, '\x1b'));
}

static void values_from_outside_are_quoted(void **state)
{
	(void)state;
	assert_string_equal(log_quote(SPAN("a b")).text, "\"a b\"");
	assert_string_equal(log_quote(span_make(NULL, 0)).text, "\"\"");
	assert_string_equal(log_quote(SPAN("\"\\\r\n\0\x7f")).text, "\"\\x22\\x5c\\x0d\\x0a\\x00\\x7f\"");
	assert_string_equal(log_quote(SPAN("gr\xc3\xbc\xc3\x9f")).text, "\"gr\xc3\xbc\xc3\x9f\"");
	/* Broken UTF-8, and a control character of the C1 set. */
	assert_string_equal(log_quote(SPAN("\xff\xc3")).text, "\"\\xff\\xc3\"");
	assert_string_equal(log_quote(SPAN("\xc2\x9b")).text, "\"\\xc2\\x9b\"");
}

static void a_quoted_value_is_cut_between_characters(void **state)
{
	char text[1000];
	const char *quoted;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(strlen(log_quote(span_make(text, 200)).text), 202);
	quoted = log_quote(span_make(text, 201)).text;
	assert_int_equal(strlen(quoted), 205);
	assert_string_equal(quoted + 201, "...\"");
	memcpy(text + 199, "\xc3\xbc", 2);
	assert_string_equal(log_quote(span_make(text, 202)).text + 200, "...\"");
	memset(text, 1, sizeof text);
	assert_int_equal(strlen(log_quote(span_make(text, sizeof text)).text), 205);
}

static int hook_calls;

static void count_call(void)
{
	hook_calls++;
}

static void a_bug_is_logged_counted_and_told_to_the_hook(void **state)
{
	uint64_t before = counter_get(COUNTER_BUGS);
	const char *line;

	(void)state;
	catch_stderr();
	bug_set_hook(count_call);
	BUG("imap", "edge %d to %d", 3, 4);
	bug_set_hook(NULL);
	BUG("imap", "again");
	line = uncatch();
	assert_non_null(strstr(line, "error imap bug at="));
	assert_non_null(strstr(line, "\"edge 3 to 4\""));
	assert_int_equal(hook_calls, 1);
	assert_int_equal(counter_get(COUNTER_BUGS), before + 2);
}

static void a_note_replaces_its_text_and_is_cut(void **state)
{
	char large[600];
	struct note why = { "" };

	(void)state;
	note_set(NULL, "%d", 1);
	note_set_errno(NULL, ENOENT, "%d", 1);
	note_set_errno(&why, ENOENT, "open %s", "x");
	assert_string_equal(why.text, "open x: No such file or directory");
	note_set(&why, "config: %s", why.text);
	assert_string_equal(why.text, "config: open x: No such file or directory");
	memset(large, 'a', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	note_set(&why, "%s", large);
	assert_int_equal(strlen(why.text), sizeof why.text - 1);
	note_set_errno(&why, ENOENT, "%s", large);
	assert_int_equal(strlen(why.text), sizeof why.text - 1);
}

static void every_error_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_OK), "ok");
	assert_string_equal(err_name(ERR_TEMP), "temporary failure");
	for (int a = 0; a <= ERR_CORRUPT; a++) {
		for (int b = 0; b < a; b++)
			assert_string_not_equal(err_name((enum err)a), err_name((enum err)b));
	}
	assert_string_equal(err_name((enum err)999), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_one_line_with_its_time),
		cmocka_unit_test(below_the_level_nothing_is_written),
		cmocka_unit_test(a_long_line_is_cut_and_still_ends),
		cmocka_unit_test(a_line_end_inside_cannot_start_a_line),
		cmocka_unit_test(values_from_outside_are_quoted),
		cmocka_unit_test(a_quoted_value_is_cut_between_characters),
		cmocka_unit_test(a_bug_is_logged_counted_and_told_to_the_hook),
		cmocka_unit_test(a_note_replaces_its_text_and_is_cut),
		cmocka_unit_test(every_error_has_a_name),
	};

	/* The stamp is part of what is tested; under the journal there would be none. */
	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
