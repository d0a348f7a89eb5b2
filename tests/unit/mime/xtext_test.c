/* The encodings of DSN parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/mime/xtext.h"

static void assert_decodes(struct span xtext, struct span text)
{
	struct arena a;
	struct span out;

	arena_init(&a, 4096);
	assert_int_equal(xtext_decode(xtext, &a, &out), ERR_OK);
	assert_true(span_equals(out, text));
	arena_clear(&a);
}

static void xtext_says_printable_characters(void **state)
{
	(void)state;
	assert_decodes(SPAN(""), SPAN(""));
	assert_decodes(SPAN("abc!~"), SPAN("abc!~"));
	assert_decodes(SPAN("a+2Bb+3Dc+20d"), SPAN("a+b=c d"));
	assert_decodes(SPAN("+2B"), SPAN("+"));
}

static void what_is_no_xtext_or_says_a_control_is_refused(void **state)
{
	static const struct span bad[] = {
		{ "+", 1 }, { "a+2", 3 }, { "+2b", 3 }, { "+G0", 3 }, { "a=b", 3 }, { "a b", 3 }, { "a\tb", 3 }, { "\xc3\xbc", 2 }, { "+0D", 3 }, { "+0A", 3 }, { "+00", 3 }, { "+7F", 3 }, { "+C3+BC", 6 }, { "a\0b", 3 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a;
		struct span out;

		arena_init(&a, 4096);
		assert_int_equal(xtext_decode(bad[i], &a, &out), ERR_SYNTAX);
		arena_clear(&a);
	}
}

static void a_full_arena_is_a_limit(void **state)
{
	struct arena a;
	struct span out;

	(void)state;
	arena_init(&a, 4);
	assert_int_equal(xtext_decode(SPAN("0123456789012345678901234567890123456789"), &a, &out), ERR_LIMIT);
	arena_clear(&a);
}

static void utf8_addresses_embed_what_cannot_stand_for_itself(void **state)
{
	(void)state;
	assert_true(xtext_is_utf8_address(SPAN("a@b")));
	assert_true(xtext_is_utf8_address(SPAN("j\\x{FC}r@b")));
	assert_true(xtext_is_utf8_address(SPAN("\\x{20}\\x{2B}\\x{3D}\\x{5C}\\x{80}\\x{7FF}\\x{FFFF}\\x{10000}\\x{10FFFF}")));
	assert_true(xtext_is_utf8_address(SPAN("j\xc3\xbcr@b\xf0\x9f\x98\x80")));
}

static void other_forms_of_utf8_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "a+b", "a=b", "a b", "a\\b", "\\x{}", "\\x{41}", "\\x{7F}", "\\x{0A}", "\\x{A}", "\\x{00FC}", "\\x{fc}", "\\x{FC", "\\x{D800}", "\\x{DFFF}", "\\x{110000}", "\\x{1000000}", "\\u{FC}", "\\x(FC)", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "a\x7f"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(xtext_is_utf8_address(span_str(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xtext_says_printable_characters),
		cmocka_unit_test(what_is_no_xtext_or_says_a_control_is_refused),
		cmocka_unit_test(a_full_arena_is_a_limit),
		cmocka_unit_test(utf8_addresses_embed_what_cannot_stand_for_itself),
		cmocka_unit_test(other_forms_of_utf8_addresses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
