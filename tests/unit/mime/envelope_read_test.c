/* Addresses of a stored envelope, in each form in which a string stands there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/mime/envelope_read.h"

static void expect_name(struct span list, struct span want)
{
	struct envelope_address address;
	struct arena a;

	arena_init(&a, 4096);
	assert_true(envelope_next(&list, &a, &address));
	assert_true(span_equals(address.name, want));
	assert_true(span_equals(address.mailbox, SPAN("m")) && span_equals(address.host, SPAN("h")));
	arena_clear(&a);
}

static void a_name_is_what_stands_in_it(void **state)
{
	(void)state;
	expect_name(SPAN("(\"a \\\"b\\\" c\" NIL \"m\" \"h\")"), SPAN("a \"b\" c"));
	expect_name(SPAN("(\"\" NIL \"m\" \"h\")"), SPAN(""));
	expect_name(SPAN("({3}\r\n\xC3\xA9x NIL \"m\" \"h\")"), SPAN("\xC3\xA9x"));
}

static void quotes_in_a_literal_are_its_own(void **state)
{
	(void)state;
	expect_name(SPAN("({4}\r\n\"\xC3\xA9\" NIL \"m\" \"h\")"), SPAN("\"\xC3\xA9\""));
	expect_name(SPAN("({1}\r\n\" NIL \"m\" \"h\")"), SPAN("\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_what_stands_in_it),
		cmocka_unit_test(quotes_in_a_literal_are_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
