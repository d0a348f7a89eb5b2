/* base/buf.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/buf.h"

static void a_buffer_may_be_filled_to_its_ceiling(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_add_str(&b, "abc");
	buf_add_char(&b, 'd');
	buf_addf(&b, "%d", 5);
	assert_false(b.failed);
	assert_string_equal(buf_cstr(&b), "abcd5");
	assert_int_equal(b.len, 5);
	buf_clear(&b);
}

static void past_the_ceiling_nothing_is_added_and_it_stays_failed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_add(&b, SPAN("abcd"));
	buf_add(&b, SPAN("ef"));
	assert_true(b.failed);
	buf_add_char(&b, 'g');
	buf_addf(&b, "h");
	assert_null(buf_reserve(&b, 0));
	assert_null(buf_cstr(&b));
	assert_true(span_equals(buf_span(&b), SPAN("abcd")));
	buf_reset(&b);
	buf_add_char(&b, 'g');
	assert_true(span_equals(buf_span(&b), SPAN("g")));
	buf_clear(&b);
	assert_int_equal(b.max, 5);
}

static void formatted_text_too_long_latches_and_adds_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_addf(&b, "%98d", 1);
	buf_addf(&b, "%s", "abc");
	assert_true(b.failed);
	assert_int_equal(b.len, 98);
	buf_clear(&b);
}

static void formatted_text_longer_than_the_storage_is_whole(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10000);
	buf_add_str(&b, "x");
	buf_addf(&b, "%5000d|", 7);
	assert_false(b.failed);
	assert_int_equal(b.len, 5002);
	assert_int_equal(b.ptr[5000], '7');
	assert_int_equal(b.ptr[5001], '|');
	buf_clear(&b);
}

static void an_impossible_size_fails_without_wrapping(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	buf_add_char(&b, 'a');
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_clear(&b);
}

static void reserved_bytes_count_once_they_are_said_to_be_there(void **state)
{
	struct buf b;
	char *to;

	(void)state;
	buf_init(&b, 300);
	buf_add_char(&b, 'a');
	to = buf_reserve(&b, 299);
	assert_non_null(to);
	memset(to, 'b', 2);
	assert_int_equal(b.len, 1);
	buf_grew(&b, 2);
	assert_true(span_equals(buf_span(&b), SPAN("abb")));
	buf_clear(&b);
}

static void dropping_moves_the_rest_to_the_front(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_add_str(&b, "abcdef");
	buf_drop(&b, 0);
	buf_drop(&b, 4);
	assert_true(span_equals(buf_span(&b), SPAN("ef")));
	buf_drop(&b, 9);
	assert_int_equal(b.len, 0);
	buf_clear(&b);
}

static void an_empty_buffer_is_an_empty_string(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_string_equal(buf_cstr(&b), "");
	buf_add(&b, span_make(NULL, 0));
	buf_add_str(&b, NULL);
	assert_false(b.failed);
	buf_add_char(&b, 'a');
	assert_true(b.failed);
	buf_wipe(&b);
	assert_null(b.ptr);
	assert_false(b.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_buffer_may_be_filled_to_its_ceiling),
		cmocka_unit_test(past_the_ceiling_nothing_is_added_and_it_stays_failed),
		cmocka_unit_test(formatted_text_too_long_latches_and_adds_nothing),
		cmocka_unit_test(formatted_text_longer_than_the_storage_is_whole),
		cmocka_unit_test(an_impossible_size_fails_without_wrapping),
		cmocka_unit_test(reserved_bytes_count_once_they_are_said_to_be_there),
		cmocka_unit_test(dropping_moves_the_rest_to_the_front),
		cmocka_unit_test(an_empty_buffer_is_an_empty_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
