#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/imap/limits.h"
#include "daemon/imap/table.h"

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, IMAP_ARENA_MAX);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static struct imap_parser over(struct span text)
{
	return (struct imap_parser){ .rest = text, .arena = &arena };
}

/* The verb's parser over the rest of the line; ERR_SYNTAX also for bytes left over. */
static enum err parse_command(struct span line, union imap_args *args)
{
	struct imap_parser p = over(line);
	const struct imap_command *c = imap_command_find(&p);
	enum err e;

	memset(args, 0, sizeof *args);
	assert_non_null(c);
	e = c->parse ? c->parse(&p, args) : ERR_OK;
	return !e && p.rest.len ? ERR_SYNTAX : e;
}

#define ASSERT_SPAN(s, text) assert_true(span_equals((s), SPAN(text)))

static void strings_take_all_their_forms(void **state)
{
	union imap_args a;

	(void)state;
	assert_int_equal(parse_command(SPAN("LOGIN alice \"a\\\"b\\\\\""), &a), ERR_OK);
	ASSERT_SPAN(a.login.login, "alice");
	ASSERT_SPAN(a.login.password, "a\"b\\");
	assert_int_equal(parse_command(SPAN("login {2}\r\n\"x {3+}\r\na\r\n"), &a), ERR_OK);
	ASSERT_SPAN(a.login.login, "\"x");
	ASSERT_SPAN(a.login.password, "a\r\n");
	assert_int_equal(parse_command(SPAN("LOGIN \"\" {0+}\r\n"), &a), ERR_OK);
	assert_int_equal(a.login.login.len + a.login.password.len, 0);
}

static void strings_that_break_off_are_refused(void **state)
{
	static const struct span bad[] = {
		SPAN("LOGIN"),
		SPAN("LOGIN "),
		SPAN("LOGIN a"),
		SPAN("LOGIN a "),
		SPAN("LOGIN  a b"),
		SPAN("LOGIN a b "),
		SPAN("LOGIN \"a b"),
		SPAN("LOGIN \"a\\x\" b"),
		SPAN("LOGIN a {5}\r\nabc"),
		SPAN("LOGIN a {3}abc"),
		SPAN("LOGIN a {-1}\r\n"),
		SPAN("LOGIN a {}\r\n"),
		SPAN("LOGIN a {+}\r\n"),
		SPAN("LOGIN a {3}\r\na\0b"),
		SPAN("LOGIN a(b c"),
		SPAN("LOGIN a {99999999999}\r\nb"),
	};
	union imap_args a;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(parse_command(bad[i], &a), ERR_SYNTAX);
}

static void sets_keep_their_stars(void **state)
{
	union imap_args a;

	(void)state;
	assert_int_equal(parse_command(SPAN("UID EXPUNGE 1,3:5,7:*,*,4294967295:2"), &a), ERR_OK);
	assert_int_equal(a.expunge.set.count, 5);
	assert_int_equal(a.expunge.set.ranges[1].last, 5);
	assert_int_equal(a.expunge.set.ranges[2].last, 0);
	assert_int_equal(a.expunge.set.ranges[3].first, 0);
	assert_int_equal(a.expunge.set.ranges[4].first, 4294967295u);
	assert_int_equal(parse_command(SPAN("UID EXPUNGE 0"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("UID EXPUNGE 1,"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("UID EXPUNGE 1:"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("UID EXPUNGE :1"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("UID EXPUNGE 4294967296"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("UID EXPUNGE 1 2"), &a), ERR_SYNTAX);
}

static void fetch_items_are_labelled_as_they_are_answered(void **state)
{
	union imap_args a;

	(void)state;
	assert_int_equal(parse_command(SPAN("FETCH 1 (uid body[1.2.header.fields (a \"b c\")]<5.10> BODY.PEEK[TEXT] BODY bodystructure RFC822.SIZE)"), &a), ERR_OK);
	assert_int_equal(a.fetch.count, 6);
	assert_int_equal(a.fetch.items[0].kind, FETCH_UID);
	ASSERT_SPAN(a.fetch.items[1].label, "BODY[1.2.HEADER.FIELDS (a \"b c\")]<5>");
	assert_false(a.fetch.items[1].peek);
	assert_int_equal(a.fetch.items[1].length, 10);
	ASSERT_SPAN(a.fetch.items[2].label, "BODY[TEXT]");
	assert_true(a.fetch.items[2].peek);
	assert_int_equal(a.fetch.items[3].kind, FETCH_BODY_PLAIN);
	assert_int_equal(a.fetch.items[5].kind, FETCH_SIZE);
	assert_int_equal(parse_command(SPAN("FETCH 1 FULL"), &a), ERR_OK);
	assert_int_equal(a.fetch.count, 5);
	assert_int_equal(parse_command(SPAN("FETCH 1 (ALL)"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("FETCH 1 FLAGS UID"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("FETCH 1 BODY[HEADER.FIELDS]"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("FETCH 1 BODY[]<1.0>"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("FETCH 1 BODY[]<.1>"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("FETCH 1 BODY[1..2]"), &a), ERR_SYNTAX);
}

static void search_becomes_a_tree(void **state)
{
	const struct search_node *n;
	union imap_args a;

	(void)state;
	assert_int_equal(parse_command(SPAN("SEARCH CHARSET utf-8 OR (SEEN NOT FROM \"x\") UID 5:* LARGER 10"), &a), ERR_OK);
	ASSERT_SPAN(a.search.tree.charset, "utf-8");
	n = a.search.tree.nodes;
	assert_int_equal(n[0].op, SEARCH_AND);
	assert_int_equal(n[n[0].first_child].op, SEARCH_OR);
	assert_int_equal(n[n[n[0].first_child].next].op, SEARCH_LARGER);
	assert_int_equal(n[n[n[0].first_child].first_child].op, SEARCH_AND);
	assert_int_equal(n[n[n[n[0].first_child].first_child].next].op, SEARCH_UID);
	assert_int_equal(parse_command(SPAN("SEARCH NOT"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("SEARCH ()"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("SEARCH ALL ALL)"), &a), ERR_SYNTAX);
	assert_int_equal(parse_command(SPAN("SEARCH LARGER -1"), &a), ERR_SYNTAX);
}

static void append_stops_before_its_messages(void **state)
{
	struct imap_parser p = over(SPAN("APPEND \"a b\" (\\Seen x) \" 1-Feb-2024 00:00:00 +0100\" {5}\r\n"));
	const struct imap_command *c = imap_command_find(&p);
	union imap_args a;

	(void)state;
	memset(&a, 0, sizeof a);
	assert_int_equal(c->parse(&p, &a), ERR_OK);
	assert_true(span_starts(p.rest, SPAN(" (")));
	ASSERT_SPAN(a.append.name, "a b");
	p = over(SPAN("UID REPLACE 7 x (\\Seen) {5}\r\n"));
	c = imap_command_find(&p);
	assert_int_equal(c->parse(&p, &a), ERR_OK);
	assert_int_equal(a.append.number, 7);
	ASSERT_SPAN(a.append.name, "x");
	p = over(SPAN("REPLACE 0 x {5}\r\n"));
	c = imap_command_find(&p);
	assert_int_equal(c->parse(&p, &a), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(strings_take_all_their_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(strings_that_break_off_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_keep_their_stars, setup, teardown),
		cmocka_unit_test_setup_teardown(fetch_items_are_labelled_as_they_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(search_becomes_a_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(append_stops_before_its_messages, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
