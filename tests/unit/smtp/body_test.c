/* Where a message ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/base/buf.h"
#include "daemon/smtp/body.h"

static void keep(void *arg, struct span run)
{
	buf_add(arg, run);
}

/* In pieces of `piece` bytes; what is content goes to `out`, *used_out counts up to the end. */
static enum body_found scan(struct span in, size_t piece, bool dots, struct buf *out, size_t *used_out)
{
	struct body_scanner b = { .dots = dots };
	enum body_found found = BODY_MORE;
	size_t used;

	*used_out = 0;
	while (in.len > 0 && found == BODY_MORE) {
		found = body_scan(&b, span_take(in, piece), &used, keep, out);
		*used_out += used;
		in = span_skip(in, used);
	}
	return found;
}

static void assert_scan(struct span in, bool dots, enum body_found found, struct span content, size_t used)
{
	for (size_t piece = 1; piece <= in.len; piece++) {
		struct buf out;
		size_t got;

		buf_init(&out, 65536);
		assert_int_equal(scan(in, piece, dots, &out, &got), found);
		if (found != BODY_BAD) {
			assert_true(span_equals(buf_span(&out), content));
			assert_int_equal(got, used);
		}
		buf_clear(&out);
	}
}

static void only_crlf_dot_crlf_ends_data(void **state)
{
	(void)state;
	assert_scan(SPAN("a\r\n.\r\nMAIL"), true, BODY_END, SPAN("a\r\n"), 6);
	assert_scan(SPAN(".\r\n"), true, BODY_END, SPAN(""), 3);
	assert_scan(SPAN("a.\r\nb\r\n"), true, BODY_MORE, SPAN("a.\r\nb\r\n"), 7);
	assert_scan(SPAN("a\r\n..\r\n.b\r\n"), true, BODY_MORE, SPAN("a\r\n.\r\nb\r\n"), 11);
}

static void bare_line_ends_and_nul_are_bad_however_they_are_cut(void **state)
{
	static const struct span bad[] = {
		{ "a\n.\nM", 5 }, { "a\n.\rM", 5 }, { "a\r.\nM", 5 }, { "a\r.\rM", 5 }, { "a\n.\r\nM", 6 }, { "a\r.\r\nM", 6 }, { "a\r\n\0.\r\n", 7 }, { "a\r\n.\r\r\n", 7 }, { "a\r\r\n.\r\r\n", 9 }, { "a\r\n.\nM", 6 }, { "\n", 1 }, { "\rx", 2 }, { ".\n", 2 }, { ".\rx", 3 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_scan(bad[i], true, BODY_BAD, SPAN(""), 0);
	assert_scan(SPAN("a\nb\r\n"), false, BODY_BAD, SPAN(""), 0);
	assert_scan(SPAN("a\r\n\0"), false, BODY_BAD, SPAN(""), 0);
}

static void a_nul_behind_the_end_is_not_the_messages(void **state)
{
	struct body_scanner b = { .dots = true };
	struct buf out;
	size_t used;

	(void)state;
	buf_init(&out, 100);
	assert_int_equal(body_scan(&b, SPAN("a\r\n.\r\n\0\n"), &used, keep, &out), BODY_END);
	assert_int_equal(used, 6);
	buf_clear(&out);
}

static void counted_octets_have_no_dots(void **state)
{
	(void)state;
	assert_scan(SPAN(".\r\n..\r\n"), false, BODY_MORE, SPAN(".\r\n..\r\n"), 7);
}

/* The longest line, however it is cut. */
static size_t longest(struct span in, bool dots)
{
	size_t first = 0;

	for (size_t piece = 1; piece <= in.len; piece++) {
		struct body_scanner b = { .dots = dots };
		struct span rest = in;
		struct buf out;
		size_t used;

		buf_init(&out, 65536);
		while (rest.len > 0 && body_scan(&b, span_take(rest, piece), &used, keep, &out) == BODY_MORE)
			rest = span_skip(rest, used);
		buf_clear(&out);
		if (piece == 1)
			first = b.longest;
		assert_int_equal(b.longest, first);
	}
	return first;
}

static void lines_are_measured_with_their_end_and_without_the_stuffed_dot(void **state)
{
	(void)state;
	assert_int_equal(longest(SPAN("a\r\nabcd\r\nab\r\n"), false), 6);
	assert_int_equal(longest(SPAN("a\r\n..abcd\r\n.\r\n"), true), 7);
	assert_int_equal(longest(SPAN("abcdefgh"), false), 8);
}

static void a_binary_body_is_passed_on_as_it_came(void **state)
{
	const struct span whole = SPAN("A: b\r\n\r\n\n\r\0.\r\n\r\r");

	(void)state;
	for (size_t piece = 1; piece <= whole.len; piece++) {
		struct body_scanner b = { .binary = true };
		struct span in = whole;
		struct buf out;
		size_t used;

		buf_init(&out, 65536);
		while (in.len > 0) {
			assert_int_equal(body_scan(&b, span_take(in, piece), &used, keep, &out), BODY_MORE);
			in = span_skip(in, used);
		}
		assert_true(span_equals(buf_span(&out), whole));
		assert_true(b.raw);
		buf_clear(&out);
	}
}

static void a_binary_message_has_a_header_of_lines(void **state)
{
	static const struct span bad[] = { { "A: b\n\r\n", 7 }, { "A: b\rc\r\n\r\n", 10 }, { "A\0: b\r\n\r\n", 9 }, { "\nx", 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		for (size_t piece = 1; piece <= bad[i].len; piece++) {
			struct body_scanner b = { .binary = true };
			enum body_found found = BODY_MORE;
			struct span in = bad[i];
			struct buf out;
			size_t used;

			buf_init(&out, 65536);
			while (in.len > 0 && found == BODY_MORE) {
				found = body_scan(&b, span_take(in, piece), &used, keep, &out);
				in = span_skip(in, used);
			}
			assert_int_equal(found, BODY_BAD);
			buf_clear(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_crlf_dot_crlf_ends_data),
		cmocka_unit_test(bare_line_ends_and_nul_are_bad_however_they_are_cut),
		cmocka_unit_test(a_nul_behind_the_end_is_not_the_messages),
		cmocka_unit_test(counted_octets_have_no_dots),
		cmocka_unit_test(lines_are_measured_with_their_end_and_without_the_stuffed_dot),
		cmocka_unit_test(a_binary_body_is_passed_on_as_it_came),
		cmocka_unit_test(a_binary_message_has_a_header_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
