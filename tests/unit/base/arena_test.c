/* base/arena.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/arena.h"

static void memory_is_zeroed_and_aligned_and_never_overlaps(void **state)
{
	unsigned char *got[200];
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	/* The second round finds the kept block full of the first one's bytes. */
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 200; i++) {
			got[i] = arena_alloc(&a, i);
			assert_non_null(got[i]);
			assert_int_equal((uintptr_t)got[i] % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < i; k++)
				assert_int_equal(got[i][k], 0);
			memset(got[i], (int)i, i);
		}
		for (size_t i = 0; i < 200; i++) {
			for (size_t k = 0; k < i; k++)
				assert_int_equal(got[i][k], i);
		}
		arena_reset(&a);
		assert_int_equal(a.used_bytes, 0);
	}
	arena_clear(&a);
}

static void the_ceiling_counts_and_latches(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1000);
	assert_non_null(arena_alloc(&a, 900));
	assert_null(arena_alloc(&a, 200));
	assert_true(a.failed);
	assert_null(arena_alloc(&a, 1));
	assert_null(arena_copy(&a, SPAN("x")).ptr);
	arena_reset(&a);
	assert_false(a.failed);
	assert_non_null(arena_alloc(&a, 900));
	arena_clear(&a);
}

static void sizes_that_wrap_are_refused(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, SIZE_MAX);
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_true(a.failed);
	arena_clear(&a);
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_true(a.failed);
	arena_clear(&a);
	assert_non_null(arena_array(&a, 0, 8));
	arena_clear(&a);
}

static void large_values_leave_room_for_small_ones(void **state)
{
	struct arena a;
	char *small, *large, *next;

	(void)state;
	arena_init(&a, 1 << 22);
	small = arena_alloc(&a, 16);
	large = arena_alloc(&a, 1 << 20);
	next = arena_alloc(&a, 16);
	assert_non_null(large);
	memset(large, 1, 1 << 20);
	assert_ptr_equal(next, small + 16);
	arena_clear(&a);
	/* A large one may come first. */
	large = arena_alloc(&a, 1 << 20);
	assert_non_null(large);
	memset(large, 1, 1 << 20);
	assert_non_null(arena_alloc(&a, 16));
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 16));
	arena_clear(&a);
}

static void copies_are_independent_of_their_source(void **state)
{
	char source[] = "text";
	struct arena a;
	struct span copy;

	(void)state;
	arena_init(&a, 100);
	copy = arena_copy(&a, span_str(source));
	source[0] = 'n';
	assert_true(span_equals(copy, SPAN("text")));
	copy = arena_copy(&a, span_make(NULL, 0));
	assert_non_null(copy.ptr);
	assert_int_equal(copy.len, 0);
	arena_clear(&a);
}

static void formatted_text_is_whole_short_and_long(void **state)
{
	struct arena a;
	struct span s;

	(void)state;
	arena_init(&a, 2000);
	s = arena_printf(&a, "%s-%d", "a", 1);
	assert_true(span_equals(s, SPAN("a-1")));
	for (int width = 254; width <= 258; width++) {
		s = arena_printf(&a, "%*d", width, 5);
		assert_int_equal(s.len, width);
		assert_int_equal(s.ptr[width - 1], '5');
	}
	s = arena_printf(&a, "%5000d", 5);
	assert_null(s.ptr);
	assert_true(a.failed);
	arena_clear(&a);
}

static void a_c_string_has_no_nul_inside(void **state)
{
	const char *text = NULL;
	struct arena a;

	(void)state;
	arena_init(&a, 64);
	assert_int_equal(span_cstr(&a, SPAN("a\0b"), &text), ERR_SYNTAX);
	assert_false(a.failed);
	assert_int_equal(span_cstr(&a, SPAN("0123456789abcdef"), &text), ERR_OK);
	assert_string_equal(text, "0123456789abcdef");
	assert_int_equal(span_cstr(&a, span_make(NULL, 0), &text), ERR_OK);
	assert_string_equal(text, "");
	assert_int_equal(span_cstr(&a, SPAN("0123456789abcdef0123456789abcdef"), &text), ERR_LIMIT);
	arena_clear(&a);
}

static void arenas_of_one_budget_share_it(void **state)
{
	struct arena_budget *budget, *other;
	struct arena a, b;

	(void)state;
	assert_int_equal(arena_budget_new(100000, &budget), ERR_OK);
	assert_int_equal(arena_budget_new(100000, &other), ERR_OK);
	arena_init(&a, 1 << 20);
	arena_init(&b, 1 << 20);
	assert_non_null(arena_alloc(&a, 60000)); /* held before it is charged */
	arena_charge(&a, budget);
	arena_charge(&b, budget);
	assert_null(arena_alloc(&b, 60000));
	assert_true(b.failed);
	assert_false(arena_budget_take(budget, 60000));
	arena_clear(&b);
	assert_non_null(arena_alloc(&b, 30000));
	assert_null(arena_alloc(&b, 30000));
	arena_reset(&a);
	arena_reset(&b);
	assert_non_null(arena_alloc(&b, 60000));
	arena_charge(&b, other); /* and its bytes with it */
	assert_true(arena_budget_take(budget, 90000));
	assert_false(arena_budget_take(other, 90000));
	arena_budget_give(budget, 90000);
	arena_clear(&b);
	assert_true(arena_budget_take(other, 100000));
	assert_null(arena_alloc(&b, 1));
	arena_budget_give(other, 100000);
	arena_clear(&a);
	arena_clear(&b);
	assert_true(arena_budget_take(budget, 100000));
	assert_true(arena_budget_take(NULL, SIZE_MAX));
	arena_budget_release(&other);
	assert_ptr_equal(arena_budget_hold(budget), budget);
	other = budget;
	arena_budget_release(&other);
	arena_budget_release(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned_and_never_overlaps),
		cmocka_unit_test(the_ceiling_counts_and_latches),
		cmocka_unit_test(sizes_that_wrap_are_refused),
		cmocka_unit_test(large_values_leave_room_for_small_ones),
		cmocka_unit_test(copies_are_independent_of_their_source),
		cmocka_unit_test(formatted_text_is_whole_short_and_long),
		cmocka_unit_test(a_c_string_has_no_nul_inside),
		cmocka_unit_test(arenas_of_one_budget_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
