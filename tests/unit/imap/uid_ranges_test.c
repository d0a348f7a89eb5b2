/* Sets of UIDs on the heap: what two make together, and what one leaves of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "daemon/imap/uid_ranges.h"

/* "1:3,7" */
static struct uid_ranges of(const char *text)
{
	struct uid_ranges r = { .room = 0 };
	unsigned first, last;
	int n;

	while (*text) {
		if (sscanf(text, "%u:%u%n", &first, &last, &n) != 2) {
			assert_int_equal(sscanf(text, "%u%n", &first, &n), 1);
			last = first;
		}
		uid_ranges_add(&r, first, last);
		text += n + (text[n] == ',');
	}
	return r;
}

static void expect(struct uid_ranges *r, const char *wanted)
{
	char text[256] = "";
	int n = 0;

	for (size_t i = 0; i < r->set.count; i++) {
		n += snprintf(text + n, sizeof text - (size_t)n, i ? ",%u" : "%u", r->set.ranges[i].first);
		if (r->set.ranges[i].last != r->set.ranges[i].first)
			n += snprintf(text + n, sizeof text - (size_t)n, ":%u", r->set.ranges[i].last);
	}
	assert_string_equal(text, wanted);
	assert_false(r->failed);
	uid_ranges_clear(r);
}

static void what_is_added_grows_together(void **state)
{
	struct uid_ranges r = of("1,2,3,5:9,9,10,4294967295");

	(void)state;
	expect(&r, "1:3,5:10,4294967295");
}

static void two_sets_unite(void **state)
{
	static const struct {
		const char *a, *b, *both;
	} cases[] = {
		{ "", "", "" },
		{ "1:3", "", "1:3" },
		{ "", "1:3", "1:3" },
		{ "1:3,9", "4,8,20:30", "1:4,8:9,20:30" },
		{ "5:10", "1:20", "1:20" },
		{ "1:20", "5:10,30", "1:20,30" },
		{ "1,3,5,7", "2,4,6", "1:7" },
		{ "4294967295", "4294967294", "4294967294:4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct uid_ranges a = of(cases[i].a), b = of(cases[i].b);

		uid_ranges_unite(&a, &b.set);
		expect(&a, cases[i].both);
		uid_ranges_clear(&b);
	}
}

static void one_set_is_taken_from_another(void **state)
{
	static const struct {
		const char *from, *less, *left, *common;
	} cases[] = {
		{ "", "1:9", "", "" },
		{ "1:9", "", "1:9", "" },
		{ "1:9", "1:9", "", "1:9" },
		{ "1:9", "3,5:6", "1:2,4,7:9", "3,5:6" },
		{ "1:9", "9:20", "1:8", "9" },
		{ "5:9", "1:5", "6:9", "5" },
		{ "1:3,5:9,20", "2:6,20:30", "1,7:9", "2:3,5:6,20" },
		{ "1,3,5,7", "2,4,6", "1,3,5,7", "" },
		{ "4294967290:4294967295", "4294967295", "4294967290:4294967294", "4294967295" },
		{ "1:4294967295", "1:4294967295", "", "1:4294967295" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct uid_ranges from = of(cases[i].from), less = of(cases[i].less), common = { .room = 0 };

		uid_ranges_common(&from.set, &less.set, &common);
		expect(&common, cases[i].common);
		uid_ranges_subtract(&from, &less.set);
		expect(&from, cases[i].left);
		uid_ranges_clear(&less);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_grows_together),
		cmocka_unit_test(two_sets_unite),
		cmocka_unit_test(one_set_is_taken_from_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
