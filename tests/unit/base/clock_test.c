/* base/clock.h, base/rng.h, base/counter.h: time, chance and counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/rng.h"

static void the_fake_clock_moves_only_when_told(void **state)
{
	(void)state;
	clock_set_source(&clock_fake);
	assert_true(clock_real_ms() == INT64_C(1767225600000));
	assert_true(clock_mono_ms() == 1000000);
	assert_true(clock_mono_us() == 1000000000);
	clock_fake_advance_ms(1500);
	assert_true(clock_real_ms() == INT64_C(1767225601500));
	assert_true(clock_mono_ms() == 1001500);
	clock_fake_set_real_ms(5);
	assert_true(clock_real_ms() == 5);
	assert_true(clock_mono_ms() == 1001500);
	clock_set_source(NULL);
}

static void the_real_clocks_run_forward(void **state)
{
	int64_t before_us = clock_mono_us();

	(void)state;
	assert_true(clock_real_ms() > INT64_C(1600000000000));
	assert_true(clock_mono_us() >= before_us);
	assert_true(clock_mono_ms() >= before_us / 1000);
}

static void random_bytes_fill_exactly_what_was_asked(void **state)
{
	unsigned char bytes[258];
	unsigned char seen[256] = { 0 };

	(void)state;
	bytes[256] = bytes[257] = 0x5a;
	/* A byte that stays zero over 64 draws was not filled (2^-512 otherwise). */
	for (int round = 0; round < 64; round++) {
		memset(bytes, 0, 256);
		rng_bytes(bytes, 256);
		for (size_t i = 0; i < 256; i++)
			seen[i] |= bytes[i];
	}
	for (size_t i = 0; i < 256; i++)
		assert_int_not_equal(seen[i], 0);
	assert_int_equal(bytes[256], 0x5a);
	assert_int_equal(bytes[257], 0x5a);
	assert_true(rng_u64() != rng_u64());
}

static void a_drawn_number_is_below_its_bound_and_reaches_every_value(void **state)
{
	int counts[3] = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++)
		counts[rng_below(3)]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 700, 1300);
	assert_true(rng_below(1) == 0);
	assert_true(rng_below(UINT64_MAX) < UINT64_MAX);
}

static void each_counter_counts_for_itself_and_has_a_name_of_its_own(void **state)
{
	uint64_t before = counter_get(COUNTER_BOUNCED_REMOTE);

	(void)state;
	counter_add(COUNTER_RELAYED, 2);
	counter_add(COUNTER_RELAYED, 3);
	assert_int_equal(counter_get(COUNTER_RELAYED), 5);
	assert_int_equal(counter_get(COUNTER_BOUNCED_REMOTE), before);
	for (int a = 0; a < COUNTER_COUNT; a++) {
		assert_true(counter_words((enum counter)a).name[0] != '\0');
		for (int b = 0; b < a; b++)
			assert_string_not_equal(counter_words((enum counter)a).name, counter_words((enum counter)b).name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fake_clock_moves_only_when_told),
		cmocka_unit_test(the_real_clocks_run_forward),
		cmocka_unit_test(random_bytes_fill_exactly_what_was_asked),
		cmocka_unit_test(a_drawn_number_is_below_its_bound_and_reaches_every_value),
		cmocka_unit_test(each_counter_counts_for_itself_and_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
