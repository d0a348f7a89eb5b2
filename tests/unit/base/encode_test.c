/* base/encode.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/base/encode.h"

static void base64_has_the_vectors_of_rfc_4648(void **state)
{
	static const char *const vectors[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		buf_reset(&b);
		base64_encode(span_str(vectors[i][0]), &b);
		assert_string_equal(buf_cstr(&b), vectors[i][1]);
		buf_reset(&b);
		assert_int_equal(base64_decode(span_str(vectors[i][1]), &b), ERR_OK);
		assert_string_equal(buf_cstr(&b), vectors[i][0]);
	}
	buf_clear(&b);
}

static void every_byte_survives_base64_at_every_length(void **state)
{
	char bytes[256];
	struct buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(255 - i);
	buf_init(&text, 1000);
	buf_init(&back, 1000);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		buf_reset(&text);
		buf_reset(&back);
		base64_encode(span_make(bytes, len), &text);
		assert_int_equal(base64_decode(buf_span(&text), &back), ERR_OK);
		assert_true(span_equals(buf_span(&back), span_make(bytes, len)));
	}
	buf_clear(&text);
	buf_clear(&back);
}

static void anything_but_exact_base64_is_refused_and_adds_nothing(void **state)
{
	static const char *const wrong[] = {
		"=", "A", "AA", "AAA", "A===", "====", "=AAA", "AA=A", "AAA=AAAA", "AA==AAAA", "AAAA====", "AAAAA",
		"Zh==", /* bits left over */
		"Zm9=", /* the same, one pad */
		"Zm 9", "Zm9v\r\n", "Zm9v\n\n\n\n", "Zm-_", "Zm9\xc3", "!AAA", "AAA!AAAA", "*"
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	buf_add_str(&b, "x");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(base64_decode(span_str(wrong[i]), &b), ERR_SYNTAX);
	assert_int_equal(base64_decode(SPAN("AA\0="), &b), ERR_SYNTAX);
	assert_false(b.failed);
	assert_true(span_equals(buf_span(&b), SPAN("x")));
	buf_clear(&b);
}

static void a_full_buffer_is_a_limit_and_not_a_syntax_error(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 3);
	assert_int_equal(base64_decode(SPAN("Zm9v"), &b), ERR_OK);
	assert_int_equal(base64_decode(SPAN("Zg=="), &b), ERR_LIMIT);
	assert_int_equal(base64_decode(SPAN(""), &b), ERR_LIMIT);
	buf_reset(&b);
	assert_int_equal(hex_decode(SPAN("00112233"), &b), ERR_LIMIT);
	buf_reset(&b);
	base64_encode(SPAN("abc"), &b);
	assert_true(b.failed);
	buf_clear(&b);
	hex_encode(SPAN("ab"), &b);
	assert_true(b.failed);
	buf_clear(&b);
}

static void base32_has_the_vectors_of_rfc_4648_without_padding(void **state)
{
	static const char *const vectors[][2] = {
		{ "", "" },
		{ "f", "MY" },
		{ "fo", "MZXQ" },
		{ "foo", "MZXW6" },
		{ "foob", "MZXW6YQ" },
		{ "fooba", "MZXW6YTB" },
		{ "foobar", "MZXW6YTBOI" },
		{ "\xff\xff\xff\xff\xff", "77777777" }
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		buf_reset(&b);
		base32_encode(span_str(vectors[i][0]), &b);
		assert_string_equal(buf_cstr(&b), vectors[i][1]);
	}
	buf_clear(&b);
}

static void base64url_has_the_vectors_of_rfc_4648_without_padding(void **state)
{
	static const char *const vectors[][2] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "\xff\xff\xff", "____" },
		{ "\xfb\xef\xbe", "----" }
	};
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		buf_reset(&b);
		base64url_encode(span_str(vectors[i][0]), &b);
		assert_string_equal(buf_cstr(&b), vectors[i][1]);
		buf_reset(&b);
		assert_int_equal(base64url_decode(span_str(vectors[i][1]), &b), ERR_OK);
		assert_string_equal(buf_cstr(&b), vectors[i][0]);
	}
	buf_clear(&b);
}

static void every_byte_survives_base64url_at_every_length(void **state)
{
	char bytes[256];
	struct buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(255 - i);
	buf_init(&text, 1000);
	buf_init(&back, 1000);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		buf_reset(&text);
		buf_reset(&back);
		base64url_encode(span_make(bytes, len), &text);
		assert_int_equal(base64url_decode(buf_span(&text), &back), ERR_OK);
		assert_true(span_equals(buf_span(&back), span_make(bytes, len)));
	}
	buf_clear(&text);
	buf_clear(&back);
}

static void padding_foreign_letters_and_left_over_bits_are_no_base64url(void **state)
{
	static const char *const wrong[] = { "A", "AAAAA", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm9v\n", "Zm 9", "\xc3\xa4" };
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add_str(&b, "x");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(base64url_decode(span_str(wrong[i]), &b), ERR_SYNTAX);
	assert_true(span_equals(buf_span(&b), SPAN("x")));
	assert_int_equal(base64url_decode(SPAN("AAAAAAAAAAAAAAAA"), &b), ERR_LIMIT);
	buf_clear(&b);
}

static void hex_reads_both_cases_and_writes_the_lower_one(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(hex_decode(SPAN("00fFAa90"), &b), ERR_OK);
	assert_true(span_equals(buf_span(&b), SPAN("\0\xff\xaa\x90")));
	buf_reset(&b);
	hex_encode(SPAN("\0\xff\xaa\x90"), &b);
	assert_string_equal(buf_cstr(&b), "00ffaa90");
	buf_clear(&b);
}

static void broken_hex_is_refused_and_adds_nothing(void **state)
{
	static const char *const wrong[] = { "0", "000", "0g", "g0", " 0", "0x", "00\n0", "\xff\xff", "@0", "`0", "G0" };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(hex_decode(span_str(wrong[i]), &b), ERR_SYNTAX);
	assert_int_equal(b.len, 0);
	assert_int_equal(hex_decode(SPAN(""), &b), ERR_OK);
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_has_the_vectors_of_rfc_4648),
		cmocka_unit_test(every_byte_survives_base64_at_every_length),
		cmocka_unit_test(anything_but_exact_base64_is_refused_and_adds_nothing),
		cmocka_unit_test(a_full_buffer_is_a_limit_and_not_a_syntax_error),
		cmocka_unit_test(base32_has_the_vectors_of_rfc_4648_without_padding),
		cmocka_unit_test(base64url_has_the_vectors_of_rfc_4648_without_padding),
		cmocka_unit_test(every_byte_survives_base64url_at_every_length),
		cmocka_unit_test(padding_foreign_letters_and_left_over_bits_are_no_base64url),
		cmocka_unit_test(hex_reads_both_cases_and_writes_the_lower_one),
		cmocka_unit_test(broken_hex_is_refused_and_adds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
