/* imap/sort.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/imap/sort.h"

#define MESSAGES 100000u
#define LEVELS 17 /* of merging that many */

static struct sorter *filled(size_t count, const struct sort_program *program, struct arena *a)
{
	struct sorter *x;

	arena_init(a, 64 << 20);
	x = sort_begin(program, count, a);
	assert_non_null(x);
	for (uint32_t i = 1; i <= count; i++) {
		const struct message_row row = { .uid = i, .size = (uint64_t)i * 7919 % 10007 };

		assert_int_equal(sort_add(x, i, &row), ERR_OK);
	}
	sort_added(x);
	return x;
}

static void expect_sorted(struct sorter *x, uint32_t count, bool reverse)
{
	uint32_t got;
	const uint32_t *result = sort_result(x, &got);

	assert_int_equal(got, count);
	for (uint32_t i = 1; i < count; i++) {
		uint64_t before = (uint64_t)result[i - 1] * 7919 % 10007, now = (uint64_t)result[i] * 7919 % 10007;

		assert_true(reverse ? before >= now : before <= now);
		assert_true(before != now || result[i - 1] < result[i]);
	}
}

static void sorting_stops_when_its_time_is_over(void **state)
{
	const struct sort_program program = { .keys = { { SORT_SIZE, false } }, .count = 1 };
	unsigned turns = 0;
	struct sorter *x;
	struct arena a;

	(void)state;
	x = filled(MESSAGES, &program, &a);
	while (!sort_more(x, 0))
		turns++;
	assert_true(turns >= LEVELS * (MESSAGES / 1024));
	expect_sorted(x, MESSAGES, false);
	arena_clear(&a);
}

static void any_number_of_messages_is_put_in_order(void **state)
{
	struct arena a;

	(void)state;
	for (uint32_t count = 0; count < 70; count++) {
		const struct sort_program program = { .keys = { { SORT_SIZE, count % 2 } }, .count = 1 };
		struct sorter *x = filled(count, &program, &a);

		assert_true(sort_more(x, INT64_MAX));
		expect_sorted(x, count, count % 2);
		arena_clear(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorting_stops_when_its_time_is_over),
		cmocka_unit_test(any_number_of_messages_is_put_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
