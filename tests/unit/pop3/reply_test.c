/* Lines of messages as POP3 sends them (pop3/reply.c), and arguments (pop3/parse.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/pop3/parse.h"
#include "daemon/pop3/reply.h"

/* The text in pieces of that size, as it is sent. */
static void is_sent_as(struct span text, struct span wanted)
{
	for (size_t piece = 1; piece <= text.len + 1; piece++) {
		struct span rest = text, sent;
		struct pop3_text t = { .before = 0 };
		char scratch[1024];
		struct out out;

		out_init(&out);
		pop3_reply_text_begin(&t);
		for (; rest.len; rest = span_skip(rest, piece))
			pop3_reply_text(&out, &t, span_take(rest, piece));
		pop3_reply_text_end(&out, &t);
		sent = out_peek(&out, scratch, sizeof scratch);
		assert_int_equal(sent.len, wanted.len);
		assert_memory_equal(sent.ptr, wanted.ptr, wanted.len);
		out_clear(&out);
	}
}

static void points_at_the_beginning_of_lines_are_stuffed(void **state)
{
	(void)state;
	is_sent_as(SPAN(""), SPAN(".\r\n"));
	is_sent_as(SPAN("a\r\n"), SPAN("a\r\n.\r\n"));
	is_sent_as(SPAN(".\r\n"), SPAN("..\r\n.\r\n"));
	is_sent_as(SPAN("a.b.\r\n..\r\n.c\r\n"), SPAN("a.b.\r\n...\r\n..c\r\n.\r\n"));
	is_sent_as(SPAN("\r\n\r\n.\r\n\r\n"), SPAN("\r\n\r\n..\r\n\r\n.\r\n"));
}

static void a_missing_line_end_is_added(void **state)
{
	(void)state;
	is_sent_as(SPAN("a"), SPAN("a\r\n.\r\n"));
	is_sent_as(SPAN("."), SPAN("..\r\n.\r\n"));
	is_sent_as(SPAN("a\r"), SPAN("a\r\r\n.\r\n"));
	is_sent_as(SPAN("a\n"), SPAN("a\n\r\n.\r\n"));
	is_sent_as(SPAN("\n"), SPAN("\n\r\n.\r\n"));
}

/* Who reads by LF finds no end there. */
static void a_point_behind_a_bare_line_feed_is_stuffed(void **state)
{
	(void)state;
	is_sent_as(SPAN("a\n.\r\n+OK\r\n"), SPAN("a\n..\r\n+OK\r\n.\r\n"));
	is_sent_as(SPAN("a\n.\nb\r\n"), SPAN("a\n..\nb\r\n.\r\n"));
	is_sent_as(SPAN("a\r.\r\n"), SPAN("a\r.\r\n.\r\n"));
}

static void numbers_are_digits_and_too_large_ones_are_no_message(void **state)
{
	static const char *const bad[] = { "", "-1", "+1", "0x1", "1 2", "1a", "a", " 1", "%n", "\xd9\xa1" };
	union pop3_args args;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(pop3_parse_message(span_str(bad[i]), &args), ERR_SYNTAX);
	assert_int_equal(pop3_parse_message(SPAN("007 "), &args), ERR_OK);
	assert_int_equal(args.message.number, 7);
	assert_int_equal(pop3_parse_message(SPAN("4294967297"), &args), ERR_OK);
	assert_true(args.message.number == UINT64_C(4294967297));
	assert_int_equal(pop3_parse_message(SPAN("99999999999999999999999"), &args), ERR_OK);
	assert_true(args.message.number == UINT64_MAX);
	assert_int_equal(pop3_parse_top(SPAN("1 -1"), &args), ERR_SYNTAX);
	assert_int_equal(pop3_parse_top(SPAN("1"), &args), ERR_SYNTAX);
	assert_int_equal(pop3_parse_top(SPAN("1 2 3"), &args), ERR_SYNTAX);
	assert_int_equal(pop3_parse_top(SPAN("3 0"), &args), ERR_OK);
	assert_int_equal(args.top.number, 3);
	assert_int_equal(args.top.lines, 0);
}

static void blanks_are_part_of_a_password_only(void **state)
{
	union pop3_args args;

	(void)state;
	assert_int_equal(pop3_parse_text(SPAN(" a b "), &args), ERR_OK);
	assert_int_equal(args.text.len, 5);
	assert_int_equal(pop3_parse_nothing(SPAN(" \t "), &args), ERR_OK);
	assert_int_equal(pop3_parse_nothing(SPAN(" x"), &args), ERR_SYNTAX);
	assert_int_equal(pop3_parse_auth(SPAN("PLAIN"), &args), ERR_OK);
	assert_false(args.auth.has_initial);
	assert_int_equal(pop3_parse_auth(SPAN("PLAIN AAAA "), &args), ERR_OK);
	assert_true(args.auth.has_initial && span_equals(args.auth.initial, SPAN("AAAA")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_at_the_beginning_of_lines_are_stuffed),
		cmocka_unit_test(a_missing_line_end_is_added),
		cmocka_unit_test(a_point_behind_a_bare_line_feed_is_stuffed),
		cmocka_unit_test(numbers_are_digits_and_too_large_ones_are_no_message),
		cmocka_unit_test(blanks_are_part_of_a_password_only),
	};

	return cmocka_run_group_tests_name("pop3/reply", tests, NULL, NULL);
}
