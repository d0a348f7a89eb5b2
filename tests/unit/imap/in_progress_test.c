/* Word of a command that takes long (RFC 9585). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/imap/session.h"

static void expect_said(struct out *out, const char *text)
{
	char room[512];
	struct span said = out_peek(out, room, sizeof room);

	assert_int_equal(said.len, strlen(text));
	if (said.len)
		assert_memory_equal(said.ptr, text, said.len);
	out_drop(out, said.len);
}

static void ask(struct imap_session *s, int64_t after_ms, uint64_t done, uint64_t goal, const char *text)
{
	struct out out;

	out_init(&out);
	clock_fake_advance_ms(after_ms);
	imap_in_progress(s, &out, done, goal);
	expect_said(&out, text);
	out_clear(&out);
}

static void a_long_command_says_every_ten_seconds_how_far_it_is(void **state)
{
	struct imap_session s = { .state = IMAP_SELECTED, .run = { .tag = "a1" } };

	(void)state;
	ask(&s, 0, 1, 1000, "");
	ask(&s, 9999, 400, 1000, "");
	ask(&s, 1, 500, 1000, "* OK [INPROGRESS (\"a1\" 500 1000)] Still working\r\n");
	ask(&s, 0, 501, 1000, "");
	ask(&s, 12000, 900, 1000, "* OK [INPROGRESS (\"a1\" 900 1000)] Still working\r\n");
	ask(&s, 12000, 7, 0, "* OK [INPROGRESS (\"a1\" 7 NIL)] Still working\r\n");
}

static void nothing_is_said_inside_a_line_or_to_who_does_not_want_it(void **state)
{
	struct imap_session inside = { .state = IMAP_SELECTED, .run = { .tag = "a1", .mid_line = true } };
	struct imap_session off = { .state = IMAP_SELECTED, .off = CAP_BIT(CAP_INPROGRESS), .run = { .tag = "a1" } };

	(void)state;
	ask(&inside, 0, 1, 2, "");
	ask(&inside, 20000, 1, 2, "");
	ask(&off, 0, 1, 2, "");
	ask(&off, 20000, 1, 2, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_command_says_every_ten_seconds_how_far_it_is),
		cmocka_unit_test(nothing_is_said_inside_a_line_or_to_who_does_not_want_it),
	};

	clock_set_source(&clock_fake);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
