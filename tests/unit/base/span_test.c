/* base/span.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/span.h"

#define EMPTY span_make(NULL, 0)

static void equality_counts_every_byte_even_nul(void **state)
{
	(void)state;
	assert_true(span_equals(SPAN("a\0b"), SPAN("a\0b")));
	assert_false(span_equals(SPAN("a\0b"), SPAN("a\0c")));
	assert_false(span_equals(SPAN("a"), SPAN("ab")));
	assert_true(span_equals(EMPTY, SPAN("")));
}

static void only_ascii_letters_fold(void **state)
{
	(void)state;
	assert_true(span_iequals(SPAN("MaIl"), SPAN("mAiL")));
	/* '[' and '{', '@' and '`' differ by the same bit as letters do. */
	assert_false(span_iequals(SPAN("["), SPAN("{")));
	assert_false(span_iequals(SPAN("@"), SPAN("`")));
	assert_false(span_iequals(SPAN("\xc4"), SPAN("\xe4")));
}

static void starts_and_ends_need_the_whole_part(void **state)
{
	(void)state;
	assert_true(span_starts(SPAN("abc"), SPAN("ab")));
	assert_true(span_starts(SPAN("abc"), EMPTY));
	assert_false(span_starts(SPAN("a"), SPAN("ab")));
	assert_false(span_starts(EMPTY, SPAN("a")));
	assert_true(span_istarts(SPAN("FROM:x"), SPAN("from:")));
	assert_true(span_ends(SPAN("abc"), SPAN("bc")));
	assert_false(span_ends(SPAN("c"), SPAN("bc")));
	assert_false(span_ends(SPAN("a.TEST"), SPAN(".test")));
	assert_true(span_ends(EMPTY, EMPTY));
}

static void order_is_bytes_then_length(void **state)
{
	(void)state;
	assert_true(span_compare(SPAN("a"), SPAN("b")) < 0);
	assert_true(span_compare(SPAN("ab"), SPAN("a")) > 0);
	assert_true(span_compare(SPAN("\xff"), SPAN("a")) > 0);
	assert_int_equal(span_compare(EMPTY, SPAN("")), 0);
}

static void skip_and_take_stop_at_the_end(void **state)
{
	struct span s = SPAN("abc");

	(void)state;
	assert_int_equal(span_skip(s, 9).len, 0);
	assert_ptr_equal(span_skip(s, 9).ptr, s.ptr + 3);
	assert_true(span_equals(span_skip(s, 1), SPAN("bc")));
	assert_true(span_equals(span_take(s, 2), SPAN("ab")));
	assert_int_equal(span_take(s, 9).len, 3);
	assert_null(span_skip(EMPTY, 1).ptr);
}

static void finding_gives_the_first_place(void **state)
{
	size_t at = 99;

	(void)state;
	assert_true(span_find_char(SPAN("a.b.c"), '.', &at));
	assert_int_equal(at, 1);
	assert_true(span_find(SPAN("xabab"), SPAN("ab"), &at));
	assert_int_equal(at, 1);
	assert_true(span_find(SPAN("a\0\r\n"), SPAN("\0\r"), &at));
	assert_int_equal(at, 1);
	assert_true(span_find(EMPTY, EMPTY, &at));
	assert_int_equal(at, 0);
	at = 99;
	assert_false(span_find(SPAN("ab"), SPAN("abc"), &at));
	assert_false(span_find_char(EMPTY, 'a', &at));
	assert_false(span_find(EMPTY, SPAN("a"), &at));
	assert_int_equal(at, 99);
}

static void split_gives_every_part_and_then_ends(void **state)
{
	struct span rest = SPAN(",a,,b");
	struct span part;

	(void)state;
	assert_true(span_split(&rest, ',', &part));
	assert_int_equal(part.len, 0);
	assert_true(span_split(&rest, ',', &part));
	assert_true(span_equals(part, SPAN("a")));
	assert_true(span_split(&rest, ',', &part));
	assert_int_equal(part.len, 0);
	assert_true(span_split(&rest, ',', &part));
	assert_true(span_equals(part, SPAN("b")));
	assert_false(span_split(&rest, ',', &part));
}

static void split_of_a_trailing_separator_gives_an_empty_last_part(void **state)
{
	struct span rest = SPAN("a,");
	struct span part;

	(void)state;
	assert_true(span_split(&rest, ',', &part));
	assert_true(span_split(&rest, ',', &part));
	assert_int_equal(part.len, 0);
	assert_false(span_split(&rest, ',', &part));
	rest = SPAN("");
	assert_true(span_split(&rest, ',', &part));
	assert_false(span_split(&rest, ',', &part));
}

static void trim_takes_blanks_and_line_ends_at_both_ends(void **state)
{
	(void)state;
	assert_true(span_equals(span_trim(SPAN(" \t a b\r\n")), SPAN("a b")));
	assert_int_equal(span_trim(SPAN(" \r\n\t")).len, 0);
	assert_int_equal(span_trim(EMPTY).len, 0);
	assert_true(span_equals(span_trim(SPAN("\0 ")), SPAN("\0")));
}

static void numbers_are_digits_within_the_limit(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_int_equal(span_to_u64(SPAN("0"), 0, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(span_to_u64(SPAN("00018446744073709551615"), UINT64_MAX, &n), ERR_OK);
	assert_true(n == UINT64_MAX);
	n = 7;
	assert_int_equal(span_to_u64(SPAN("18446744073709551616"), UINT64_MAX, &n), ERR_LIMIT);
	assert_int_equal(span_to_u64(SPAN("99999999999999999999999"), UINT64_MAX, &n), ERR_LIMIT);
	assert_int_equal(span_to_u64(SPAN("11"), 10, &n), ERR_LIMIT);
	assert_int_equal(n, 7);
}

static void anything_but_digits_is_no_number(void **state)
{
	static const char *const wrong[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1.0", "99999999999999999999999x" };
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(span_to_u64(span_str(wrong[i]), UINT64_MAX, &n), ERR_SYNTAX);
	assert_int_equal(span_to_u64(SPAN("1\0"), UINT64_MAX, &n), ERR_SYNTAX);
	assert_int_equal(n, 7);
}

static void ascii_ends_at_the_first_high_bit_wherever_it_is(void **state)
{
	char text[40];

	(void)state;
	memset(text, 'a', sizeof text);
	assert_true(span_is_ascii(span_make(text, sizeof text)));
	for (size_t i = 0; i < sizeof text; i++) {
		text[i] = (char)0x80;
		assert_false(span_is_ascii(span_make(text, sizeof text)));
		assert_true(span_is_ascii(span_make(text, i)));
		text[i] = 'a';
	}
	assert_true(span_is_ascii(EMPTY));
}

static void well_formed_utf8_is_accepted_at_the_edges_of_each_length(void **state)
{
	(void)state;
	assert_true(span_is_utf8(EMPTY));
	assert_true(span_is_utf8(SPAN("plain ascii of some length, more than eight")));
	assert_true(span_is_utf8(SPAN("\xc2\x80\xdf\xbf")));
	assert_true(span_is_utf8(SPAN("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")));
	assert_true(span_is_utf8(SPAN("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
	assert_int_equal(span_utf8_len(SPAN("\xf0\x90\x80\x80z")), 4);
	assert_int_equal(span_utf8_len(SPAN("z\xf0")), 1);
	assert_int_equal(span_utf8_len(EMPTY), 0);
}

static void malformed_utf8_is_refused(void **state)
{
	static const char *const wrong[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xe1\x80", "\xe1\x80z", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "abcdefgh\xc3"
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(span_is_utf8(span_str(wrong[i])));
}

static void a_sorted_list_is_searched_whole(void **state)
{
	const struct span sorted[] = { SPAN("a"), SPAN("aa"), SPAN("b"), SPAN("c"), SPAN("d") };
	const size_t count = sizeof(sorted) / sizeof(sorted[0]);

	(void)state;
	for (size_t i = 0; i <= count; i++)
		for (size_t k = 0; k < count; k++)
			assert_int_equal(span_in_sorted(sorted[k], sorted, i), k < i);
	assert_false(span_in_sorted(SPAN("ab"), sorted, count));
	assert_false(span_in_sorted(SPAN(""), sorted, count));
	assert_false(span_in_sorted(SPAN("e"), sorted, count));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_counts_every_byte_even_nul),
		cmocka_unit_test(only_ascii_letters_fold),
		cmocka_unit_test(starts_and_ends_need_the_whole_part),
		cmocka_unit_test(order_is_bytes_then_length),
		cmocka_unit_test(skip_and_take_stop_at_the_end),
		cmocka_unit_test(finding_gives_the_first_place),
		cmocka_unit_test(split_gives_every_part_and_then_ends),
		cmocka_unit_test(split_of_a_trailing_separator_gives_an_empty_last_part),
		cmocka_unit_test(trim_takes_blanks_and_line_ends_at_both_ends),
		cmocka_unit_test(numbers_are_digits_within_the_limit),
		cmocka_unit_test(anything_but_digits_is_no_number),
		cmocka_unit_test(ascii_ends_at_the_first_high_bit_wherever_it_is),
		cmocka_unit_test(well_formed_utf8_is_accepted_at_the_edges_of_each_length),
		cmocka_unit_test(malformed_utf8_is_refused),
		cmocka_unit_test(a_sorted_list_is_searched_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
