#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/buf.h"
#include "daemon/mime/header.h"

static void expect_span(struct span got, const char *want)
{
	if (got.len != strlen(want) || memcmp(got.ptr ? got.ptr : "", want, got.len) != 0)
		fail_msg("\n got: %.*s\nwant: %s", (int)got.len, got.ptr, want);
}

static void fields_are_cut_off_one_by_one(void **state)
{
	struct span rest = SPAN("Subject: a\r\n b\r\nTo :x\r\nEmpty:\r\nLf: y\n\tz\n\r\nbody: no\r\n");
	struct header_field f;

	(void)state;
	assert_true(header_next(&rest, &f));
	expect_span(f.name, "Subject");
	expect_span(f.value, " a\r\n b");
	expect_span(f.whole, "Subject: a\r\n b\r\n");
	assert_true(header_next(&rest, &f));
	expect_span(f.name, "To");
	expect_span(f.value, "x");
	assert_true(header_next(&rest, &f));
	expect_span(f.name, "Empty");
	assert_int_equal(f.value.len, 0);
	assert_true(header_next(&rest, &f));
	expect_span(f.value, " y\n\tz");
	assert_false(header_next(&rest, &f));
	expect_span(rest, "\r\nbody: no\r\n");
}

static void the_length_ends_at_the_empty_line_or_at_what_is_no_field(void **state)
{
	(void)state;
	assert_int_equal(header_length(SPAN("A: b\r\n\r\nbody")), 8);
	assert_int_equal(header_length(SPAN("A: b\n\nbody")), 6);
	assert_int_equal(header_length(SPAN("A: b\r\n")), 6);
	assert_int_equal(header_length(SPAN("A: b")), 4);
	assert_int_equal(header_length(SPAN("")), 0);
	assert_int_equal(header_length(SPAN("\r\nbody")), 2);
	assert_int_equal(header_length(SPAN("A: b\r\njunk\r\nC: d\r\n\r\n")), 6);
	assert_int_equal(header_length(SPAN("   \r\n\r\nbody")), 0);
	assert_int_equal(header_length(SPAN("A: b\r\n   \r\n\r\nbody")), 13);
	assert_int_equal(header_length(SPAN("From me Sat Jan  1 2000\r\nA: b\r\n\r\n")), 0);
	assert_int_equal(header_length(SPAN("A\x80: b\r\n\r\n")), 0);
	assert_int_equal(header_length(SPAN(": b\r\n\r\n")), 0);
	assert_int_equal(header_length(SPAN("A: b\r\n\r\r\n")), 6);
}

static void fields_are_found_by_name_and_number(void **state)
{
	const struct span h = SPAN("Received: 1\r\nreceived: 2\r\nX: 3\r\nRECEIVED: 4\r\n\r\nReceived: body\r\n");
	struct header_field f;

	(void)state;
	assert_int_equal(header_count(h, SPAN("Received")), 3);
	assert_int_equal(header_count(h, SPAN("Y")), 0);
	assert_true(header_find(h, SPAN("received"), 2, &f));
	expect_span(f.value, " 4");
	assert_false(header_find(h, SPAN("received"), 3, &f));
}

static void values_are_unfolded(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1000);
	expect_span(header_unfold(&a, SPAN(" a b ")), "a b");
	expect_span(header_unfold(&a, SPAN(" a\r\n b\n\tc \r\n ")), "a b\tc");
	expect_span(header_unfold(&a, SPAN("")), "");
	assert_non_null(header_unfold(&a, SPAN("  ")).ptr);
	expect_span(header_unfold(&a, SPAN("a\rb")), "a\rb");
	expect_span(header_unfold_plain(&a, SPAN(" a\r\n b\n\t \tc \r\n ")), "a b c");
	expect_span(header_unfold_plain(&a, SPAN("a\tb")), "a\tb");
	arena_clear(&a);
	arena_init(&a, 1);
	assert_null(header_unfold(&a, SPAN("aaaaaaaaaaaaaaaaaa\r\n b")).ptr);
	arena_clear(&a);
}

static void expect_decoded(const char *in, const char *want)
{
	struct arena a;

	arena_init(&a, 1u << 20);
	expect_span(header_decode(&a, span_str(in)), want);
	arena_clear(&a);
}

static void encoded_words_are_decoded(void **state)
{
	(void)state;
	expect_decoded("plain", "plain");
	expect_decoded("=?ISO-8859-1?Q?a?=", "a");
	expect_decoded("(=?ISO-8859-1?Q?a?= b)", "(a b)");
	expect_decoded("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
	expect_decoded("=?ISO-8859-1?Q?a?=  =?utf-8?B?YsO8?= c", "ab\xc3\xbc c");
	expect_decoded("=?ISO-8859-1?Q?a_b?=", "a b");
	expect_decoded("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore");
	expect_decoded("=?iso-8859-1?q?Andr=E9?= x", "Andr\xc3\xa9 x");
	expect_decoded("=?utf-8?B?w?= =?utf-8?B?w7w=?=", "\xc3\xbc");
	expect_decoded("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\xc3\xbc"); /* split inside a character */
	expect_decoded("=?utf-8?Q?=C3?= x", "\xef\xbf\xbd x");
	expect_decoded("=?utf-7?Q?+AOQ-?=", "\xc3\xa4");
	expect_decoded("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac");
	expect_decoded("=?x-unknown?Q?a?=", "=?x-unknown?Q?a?=");
	expect_decoded("=?utf-8?X?a?=", "=?utf-8?X?a?=");
	expect_decoded("=?utf-8?Q?a", "=?utf-8?Q?a");
	expect_decoded("=?=?utf-8?Q?a?=", "=?a");
	expect_decoded("=?", "=?");
	expect_decoded("=?utf-8?Q?"
		       "?=",
		       "");
	expect_decoded("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
	expect_decoded("gr\xfc\xdf", "gr\xef\xbf\xbd\xef\xbf\xbd");
	expect_decoded("=?utf-8?Q?a=0D=0ABcc:_x=00?=", "a  Bcc: x ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_cut_off_one_by_one),
		cmocka_unit_test(the_length_ends_at_the_empty_line_or_at_what_is_no_field),
		cmocka_unit_test(fields_are_found_by_name_and_number),
		cmocka_unit_test(values_are_unfolded),
		cmocka_unit_test(encoded_words_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
