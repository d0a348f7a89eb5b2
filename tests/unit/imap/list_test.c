/* Patterns of LIST, and what stands around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/list_match.h"
#include "daemon/imap/special_use.h"

static struct arena arena;

static int begin(void **state)
{
	(void)state;
	arena_init(&arena, 1024 * 1024);
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static bool is_match(const char *reference, const char *pattern, const char *name)
{
	struct list_pattern p;

	assert_int_equal(list_pattern_make(&arena, span_str(reference), span_str(pattern), &p), ERR_OK);
	return list_pattern_matches(&p, span_str(name));
}

static void wildcards_stop_at_the_separator_or_not(void **state)
{
	(void)state;
	assert_true(is_match("", "*", "a/b"));
	assert_true(is_match("", "%", "a"));
	assert_false(is_match("", "%", "a/b"));
	assert_true(is_match("", "%/%", "a/b"));
	assert_true(is_match("a/", "%", "a/b"));
	assert_true(is_match("", "a%*b", "a/x/b"));
	assert_true(is_match("", "*%b", "b"));
	assert_false(is_match("", "a%b", "a/b"));
	assert_true(is_match("", "%t*4", "t3/t4"));
	assert_false(is_match("", "a", "ab"));
	assert_false(is_match("", "ab", "a"));
	assert_true(is_match("", "", ""));
}

static void inbox_matches_in_any_case_and_nothing_else_does(void **state)
{
	(void)state;
	assert_true(is_match("", "inbox", "INBOX"));
	assert_true(is_match("", "in%", "INBOX"));
	assert_true(is_match("", "iNbOx/%", "INBOX/x"));
	assert_false(is_match("", "INBOX/X", "INBOX/x"));
	assert_false(is_match("", "inboxes", "INBOXES"));
	assert_false(is_match("", "sent", "Sent"));
}

static void patterns_are_compared_in_nfc(void **state)
{
	(void)state;
	assert_true(is_match("", "cafe\xcc\x81", "caf\xc3\xa9"));
	assert_true(is_match("caf", "e\xcc\x81*", "caf\xc3\xa9/x"));
	assert_false(is_match("", "\xff*", "x"));
}

static void long_pattern_of_wildcards_is_no_work(void **state)
{
	char pattern[IMAP_PATTERN_MAX + 1] = "", name[1001] = "";
	struct list_pattern p;
	int64_t start;

	(void)state;
	for (size_t i = 0; i + 2 < IMAP_PATTERN_MAX; i += 2)
		memcpy(pattern + i, i % 4 ? "%a" : "*a", 3);
	memset(name, 'a', 1000);
	start = clock_mono_us();
	assert_true(is_match("", pattern, name));
	name[999] = 'b';
	assert_false(is_match("", pattern, name));
	assert_true(clock_mono_us() - start < 1000 * 1000);
	assert_int_equal(list_pattern_make(&arena, span_str(pattern), SPAN("xxxx"), &p), ERR_LIMIT);
}

static enum err read_list(const char *line, uint64_t off, union imap_args *out)
{
	struct imap_parser p = { .rest = span_str(line), .arena = &arena, .off = off };
	enum err e;

	memset(out, 0, sizeof *out);
	e = imap_parse_list(&p, out);
	return !e && p.rest.len ? ERR_SYNTAX : e;
}

static void list_takes_options_and_patterns(void **state)
{
	union imap_args args;

	(void)state;
	assert_int_equal(read_list(" \"\" *", 0, &args), ERR_OK);
	assert_false(args.list.extended);
	assert_int_equal(read_list(" (SUBSCRIBED RECURSIVEMATCH) \"\" (a \"b c\" %) RETURN (CHILDREN STATUS (MESSAGES SIZE) SPECIAL-USE)", 0, &args), ERR_OK);
	assert_true(args.list.extended);
	assert_int_equal(args.list.count, 3);
	assert_true(span_equals(args.list.patterns[1], SPAN("b c")));
	assert_int_equal(args.list.select, LIST_SUBSCRIBED | LIST_RECURSIVE);
	assert_int_equal(args.list.show, LIST_SUBSCRIBED | LIST_CHILDREN | LIST_SPECIAL_USE);
	assert_int_equal(args.list.status, STATUS_MESSAGES | STATUS_SIZE);
	assert_int_equal(read_list(" () \"\" *", 0, &args), ERR_OK);
	assert_true(args.list.extended);
	assert_int_equal(read_list(" (SUBSCRIBED ) \"\" *", 0, &args), ERR_SYNTAX);
	assert_int_equal(read_list(" ( SUBSCRIBED) \"\" *", 0, &args), ERR_SYNTAX);
	assert_int_equal(read_list(" (SUBSCRIBED)\"\" *", 0, &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" (a b", 0, &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" * RETURN (STATUS (MESSAGES)", 0, &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" * RETURN (STATUS(MESSAGES))", 0, &args), ERR_SYNTAX);
}

static void list_without_an_extension_knows_none_of_its_words(void **state)
{
	union imap_args args;

	(void)state;
	assert_int_equal(read_list(" \"\" *", CAP_BIT(CAP_LIST_EXTENDED), &args), ERR_OK);
	assert_int_equal(read_list(" () \"\" *", CAP_BIT(CAP_LIST_EXTENDED), &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" (a)", CAP_BIT(CAP_LIST_EXTENDED), &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" * RETURN (STATUS (MESSAGES))", CAP_BIT(CAP_LIST_STATUS), &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" * RETURN (STATUS (MAILBOXID))", CAP_BIT(CAP_OBJECTID), &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" * RETURN (SPECIAL-USE)", CAP_BIT(CAP_SPECIAL_USE), &args), ERR_SYNTAX);
	assert_int_equal(read_list(" (SPECIAL-USE) \"\" *", CAP_BIT(CAP_SPECIAL_USE), &args), ERR_SYNTAX);
	assert_int_equal(read_list(" \"\" * RETURN (STATUS (DELETED))", CAP_BIT(CAP_IMAP4REV2), &args), ERR_OK);
	assert_int_equal(read_list(" \"\" * RETURN (STATUS (DELETED))", CAP_BIT(CAP_IMAP4REV2) | CAP_BIT(CAP_QUOTA), &args), ERR_SYNTAX);
}

static void uses_are_found_by_their_names(void **state)
{
	(void)state;
	for (unsigned use = USE_NONE + 1; use <= USE_IMPORTANT; use++)
		assert_int_equal(special_use_find(span_skip(special_use_name((enum special_use)use), 1)), use);
	assert_int_equal(special_use_find(SPAN("sent")), USE_SENT);
	assert_int_equal(special_use_find(SPAN("All")), USE_NONE);
	assert_int_equal(special_use_find(SPAN("")), USE_NONE);
	assert_int_equal(special_use_name(USE_NONE).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wildcards_stop_at_the_separator_or_not, begin, end),
		cmocka_unit_test_setup_teardown(inbox_matches_in_any_case_and_nothing_else_does, begin, end),
		cmocka_unit_test_setup_teardown(patterns_are_compared_in_nfc, begin, end),
		cmocka_unit_test_setup_teardown(long_pattern_of_wildcards_is_no_work, begin, end),
		cmocka_unit_test_setup_teardown(list_takes_options_and_patterns, begin, end),
		cmocka_unit_test_setup_teardown(list_without_an_extension_knows_none_of_its_words, begin, end),
		cmocka_unit_test_setup_teardown(uses_are_found_by_their_names, begin, end),
	};

	return cmocka_run_group_tests_name("imap/list", tests, NULL, NULL);
}
