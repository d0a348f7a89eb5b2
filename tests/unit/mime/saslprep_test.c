/* mime/saslprep.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/mime/saslprep.h"

static void assert_prepared(const char *in, const char *expected)
{
	struct buf b;

	buf_init(&b, 200);
	assert_int_equal(saslprep(span_str(in), &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), expected);
	buf_clear(&b);
}

static void assert_refused(struct span in)
{
	struct buf b;

	buf_init(&b, 200);
	assert_int_equal(saslprep(in, &b), ERR_SYNTAX);
	assert_int_equal(b.len, 0);
	buf_clear(&b);
}

static void the_examples_of_rfc_4013_come_out_as_it_says(void **state)
{
	(void)state;
	assert_prepared("I\xc2\xadX", "IX");
	assert_prepared("user", "user");
	assert_prepared("USER", "USER");
	assert_prepared("\xc2\xaa", "a");
	assert_prepared("\xe2\x85\xa8", "IX");
	assert_refused(SPAN("\x07"));
	assert_refused(SPAN("\xd8\xa7\x31"));
}

static void composed_and_decomposed_umlauts_are_one_password(void **state)
{
	(void)state;
	assert_prepared("Schl\xc3\xbcssel", "Schl\xc3\xbcssel");
	assert_prepared("Schlu\xcc\x88ssel", "Schl\xc3\xbcssel");
	assert_prepared("a\xc2\xa0\xe3\x80\x80"
			"b",
			"a  b");
	assert_prepared("", "");
}

static void what_is_prohibited_is_refused(void **state)
{
	(void)state;
	assert_refused(SPAN("a\0b"));
	assert_refused(SPAN("\x7f"));
	assert_refused(SPAN("\xee\x80\x80")); /* private use */
	assert_refused(SPAN("\xef\xbf\xbe")); /* no character */
	assert_refused(SPAN("\xef\xb7\x90")); /* no character */
	assert_refused(SPAN("a\xe2\x80\xae"
			    "b"));            /* direction override */
	assert_refused(SPAN("a\xd8\xa7"));    /* left to right and right to left */
	assert_refused(SPAN("\xff\xfe"));     /* no UTF-8 */
	assert_refused(SPAN("\xed\xa0\x80")); /* a surrogate */
	assert_prepared("\xd8\xa7\x31\xd8\xa8", "\xd8\xa7\x31\xd8\xa8");
}

static void what_does_not_fit_is_a_limit(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_equal(saslprep(SPAN("12345"), &b), ERR_LIMIT);
	buf_clear(&b);
	buf_init(&b, 4);
	assert_int_equal(saslprep(SPAN("\xef\xb7\xba"), &b), ERR_LIMIT); /* one character, 18 in NFKC */
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_rfc_4013_come_out_as_it_says),
		cmocka_unit_test(composed_and_decomposed_umlauts_are_one_password),
		cmocka_unit_test(what_is_prohibited_is_refused),
		cmocka_unit_test(what_does_not_fit_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
