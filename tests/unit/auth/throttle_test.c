/* The throttle's tables: what counts, what is refused, what an attacker cannot push out; and the names of subjects. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/auth/throttle.h"
#include "tests/unit/auth/fixture.h"

#define LIMIT 10
#define REFUSAL_MS 900000

static struct throttle t;

static int fresh(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	throttle_init(&t);
	return 0;
}

static struct throttle_subject narrow(const char *ip)
{
	const struct net_addr a = fixture_ip(ip);

	return throttle_narrow(&a);
}

static struct throttle_subject wide(const char *ip)
{
	const struct net_addr a = fixture_ip(ip);

	return throttle_wide(&a);
}

static bool equal(struct throttle_subject a, struct throttle_subject b)
{
	return throttle_number(&t, &a) == throttle_number(&t, &b);
}

static void networks_are_narrow_and_wide(void **state)
{
	(void)state;
	assert_false(equal(narrow("192.0.2.1"), narrow("192.0.2.2")));
	assert_true(equal(wide("192.0.2.1"), wide("192.0.2.2")));
	assert_false(equal(wide("192.0.2.1"), wide("192.0.3.1")));
	assert_true(equal(narrow("2001:db8::1"), narrow("2001:db8::ffff:1")));
	assert_false(equal(narrow("2001:db8::1"), narrow("2001:db8:0:1::1")));
	assert_true(equal(wide("2001:db8::1"), wide("2001:db8:0:1::1")));
	assert_false(equal(wide("2001:db8::1"), wide("2001:db8:1::1")));
}

static void names_are_compared_without_case(void **state)
{
	(void)state;
	assert_true(equal(throttle_name(&t, SPAN("Eve@Example.Test")), throttle_name(&t, SPAN("eve@example.test"))));
	assert_false(equal(throttle_name(&t, SPAN("eve@example.test")), throttle_name(&t, SPAN("eva@example.test"))));
}

static void subjects_have_names_that_parse(void **state)
{
	static const char *const good[] = { "account:17", "network:192.0.2.7/32", "network:192.0.2.0/24", "network:2001:db8:1:2::/64", "network:2001:db8::/48",
					    "account:17@192.0.2.0/24", "account:17@2001:db8::/48", "account:17@trusted" };
	static const char *const bad[] = { "", "account:", "account:x", "account:17@", "account:17@192.0.2.7/32", "network:192.0.2.0/25", "network:", "name:x",
					   "account:99999999999999999999", "network:192.0.2.1/24" };
	struct throttle_subject s;
	char text[THROTTLE_SUBJECT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(throttle_subject_parse(span_str(good[i]), &s), ERR_OK);
		throttle_subject_text(&s, text);
		assert_string_equal(text, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(throttle_subject_parse(span_str(bad[i]), &s), ERR_OK);
	s = throttle_name(&t, SPAN("eve"));
	throttle_subject_text(&s, text);
	assert_string_equal(text, "");
}

static void delay_grows_to_five_seconds(void **state)
{
	(void)state;
	assert_int_equal(throttle_delay_ms(0), 0);
	assert_int_equal(throttle_delay_ms(1), 250);
	assert_int_equal(throttle_delay_ms(4), 2000);
	assert_int_equal(throttle_delay_ms(6), 5000);
	assert_int_equal(throttle_delay_ms(4000000000u), 5000);
}

static void failures_lead_to_a_refusal_and_are_forgotten(void **state)
{
	const struct throttle_subject s = throttle_account(17);
	int64_t now = 1000;

	(void)state;
	for (int i = 1; i < LIMIT; i++)
		assert_false(throttle_add(&t, &s, 0, LIMIT, REFUSAL_MS, now));
	assert_int_equal(throttle_refused_until(&t, &s, now), 0);
	assert_true(throttle_add(&t, &s, 0, LIMIT, REFUSAL_MS, now));
	assert_int_equal(throttle_refused_until(&t, &s, now), now + REFUSAL_MS);
	/* More of them neither lengthen it nor begin another one. */
	assert_false(throttle_add(&t, &s, 0, LIMIT, REFUSAL_MS, now + 1000));
	assert_int_equal(throttle_refused_until(&t, &s, now + 1000), now + REFUSAL_MS);
	now += REFUSAL_MS;
	assert_int_equal(throttle_refused_until(&t, &s, now), 0);
	assert_int_equal(throttle_failures(&t, &s, now), LIMIT - (REFUSAL_MS - 1000) / THROTTLE_FORGET_MS);
	assert_int_equal(throttle_failures(&t, &s, now + (int64_t)LIMIT * THROTTLE_FORGET_MS), 0);
	assert_true(throttle_clear(&t, &s));
	assert_false(throttle_clear(&t, &s));
	assert_int_equal(throttle_failures(&t, &s, now), 0);
}

static void last_wrong_ones_are_remembered(void **state)
{
	const struct throttle_subject s = throttle_account(17);

	(void)state;
	(void)throttle_add(&t, &s, 1, LIMIT, REFUSAL_MS, 0);
	(void)throttle_add(&t, &s, 2, LIMIT, REFUSAL_MS, 0);
	assert_true(throttle_has_tried(&t, &s, 1));
	assert_true(throttle_has_tried(&t, &s, 2));
	assert_false(throttle_has_tried(&t, &s, 0));
	(void)throttle_add(&t, &s, 3, LIMIT, REFUSAL_MS, 0);
	assert_false(throttle_has_tried(&t, &s, 1));
	assert_true(throttle_has_tried(&t, &s, 3));
}

static void flood_of_names_pushes_out_no_account_and_no_refusal(void **state)
{
	const struct throttle_subject account = throttle_account(17), eve = throttle_name(&t, SPAN("eve"));
	char name[32];

	(void)state;
	(void)throttle_add(&t, &account, 0, LIMIT, REFUSAL_MS, 0);
	for (int i = 0; i < LIMIT; i++)
		(void)throttle_add(&t, &eve, 0, LIMIT, REFUSAL_MS, 0);
	for (int i = 0; i < 100000; i++) {
		struct throttle_subject s;

		(void)snprintf(name, sizeof(name), "name%d", i);
		s = throttle_name(&t, span_str(name));
		(void)throttle_add(&t, &s, 0, LIMIT, REFUSAL_MS, 1);
	}
	assert_int_equal(throttle_failures(&t, &account, 1), 1);
	assert_int_equal(throttle_refused_until(&t, &eve, 1), REFUSAL_MS);
}

static void rows_differ_from_process_to_process(void **state)
{
	const struct throttle_subject s = throttle_account(17);
	uint64_t number = throttle_number(&t, &s);

	(void)state;
	throttle_init(&t);
	assert_true(throttle_number(&t, &s) != number);
}

#define CASE(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(networks_are_narrow_and_wide),
		CASE(names_are_compared_without_case),
		CASE(subjects_have_names_that_parse),
		CASE(delay_grows_to_five_seconds),
		CASE(failures_lead_to_a_refusal_and_are_forgotten),
		CASE(last_wrong_ones_are_remembered),
		CASE(flood_of_names_pushes_out_no_account_and_no_refusal),
		CASE(rows_differ_from_process_to_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
