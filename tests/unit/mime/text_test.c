#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/mime/text.h"

static void expect_buf(struct buf *b, const char *want)
{
	assert_false(b->failed);
	if (b->len != strlen(want) || (b->len > 0 && memcmp(b->ptr, want, b->len) != 0))
		fail_msg("\n got: %.*s\nwant: %s", (int)b->len, b->ptr, want);
	buf_clear(b);
}

static void expect_transfer(const char *encoding, const char *in, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	text_decode_transfer(span_str(encoding), span_str(in), &b);
	expect_buf(&b, want);
}

static void expect_charset(const char *charset, struct span in, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	text_decode_charset(span_str(charset), in, &b);
	expect_buf(&b, want);
}

static void expect_casemap(const char *in, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	text_casemap(span_str(in), &b);
	expect_buf(&b, want);
}

static void transfer_encodings_are_removed(void **state)
{
	(void)state;
	expect_transfer("base64", "aGVsbG8=", "hello");
	expect_transfer("BASE64 ", "aGV\r\nsb G8=\r\n", "hello");
	expect_transfer("base64", "aGV*!sbG8", "hello");
	expect_transfer("base64", "aGVsbG8=aGVsbG8=", "hellohello");
	expect_transfer("base64", "a", "");
	expect_transfer("base64", "", "");
	expect_transfer("quoted-printable", "a=3Db=\r\nc=20\r\n", "a=bc \r\n");
	expect_transfer("quoted-printable", "a= \t\r\nb=\nc", "abc");
	expect_transfer("quoted-printable", "a b \t\r\n c =\r\nd", "a b\r\n c d");
	expect_transfer("quoted-printable", "=zz=4=", "=zz=4");
	expect_transfer("quoted-printable", "=c3=bc", "\xc3\xbc");
	expect_transfer("7bit", "a=3D", "a=3D");
	expect_transfer("x-uuencode", "begin 644 a", "begin 644 a");
	expect_transfer("", "x", "x");
}

static void charsets_become_utf8(void **state)
{
	(void)state;
	expect_charset("utf-8", SPAN("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
	expect_charset("UTF-8", SPAN("a\xff\xc3"), "a\xef\xbf\xbd\xef\xbf\xbd");
	expect_charset("utf-8", SPAN("\xed\xa0\x80x"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx");
	expect_charset("iso-8859-1", SPAN("\xfc"), "\xc3\xbc");
	expect_charset("us-ascii", SPAN("\xfc"), "\xc3\xbc");
	expect_charset("us-ascii", SPAN("\xc3\xbc"), "\xc3\xbc");
	expect_charset("no-such", SPAN("\xfc"), "\xc3\xbc");
	expect_charset("no-such", SPAN("\xc3\xbc"), "\xc3\xbc");
	expect_charset("windows-1252", SPAN("\x80"), "\xe2\x82\xac");
	expect_charset("windows-1252", SPAN("a\x81"
					    "b"),
		       "a\xef\xbf\xbd"
		       "b");
	expect_charset("koi8-r", SPAN("\xf0"), "\xd0\x9f");
	expect_charset("shift_jis", SPAN("\x93\xfa"), "\xe6\x97\xa5");
	expect_charset("utf-16le", SPAN("a\0\xfc\0"), "a\xc3\xbc");
	expect_charset("utf-16le", SPAN("a\0\x00\xdc"
					"b\0"),
		       "a\xef\xbf\xbd"
		       "b");
	expect_charset("gb2312", SPAN("\xc4\xe3\xc4"), "\xe4\xbd\xa0\xef\xbf\xbd");
	expect_charset("iso-8859-15", SPAN(""), "");
	expect_charset("utf-16//TRANSLIT", SPAN("ab"), "ab");
}

static void output_stops_quietly_at_its_ceiling(void **state)
{
	struct buf b;
	char long_text[5000];

	(void)state;
	memset(long_text, 'a', sizeof(long_text));
	buf_init(&b, 3);
	text_decode_transfer(SPAN("base64"), SPAN("aGVsbG8="), &b);
	expect_buf(&b, "hel");
	text_decode_transfer(SPAN("quoted-printable"), SPAN("=41=42=43=44"), &b);
	expect_buf(&b, "ABC");
	text_decode_transfer(SPAN("8bit"), SPAN("hello"), &b);
	expect_buf(&b, "hel");
	text_decode_charset(SPAN("utf-8"), SPAN("a\xc3\xbc\xc3\xbc"), &b);
	expect_buf(&b, "a\xc3\xbc");
	text_decode_charset(SPAN("iso-8859-2"), SPAN("ab\xb1\xb1"), &b);
	expect_buf(&b, "ab");
	text_casemap(SPAN("a\xc3\xa4\xc3\xa4"), &b);
	expect_buf(&b, "AA");
	buf_init(&b, 4000);
	text_casemap(span_make(long_text, sizeof(long_text)), &b);
	assert_int_equal(b.len, 4000);
	buf_clear(&b);
	text_decode_charset(SPAN("koi8-r"), span_make(long_text, sizeof(long_text)), &b);
	assert_int_equal(b.len, 4000);
	assert_false(b.failed);
	buf_clear(&b);
}

static void known_charsets_are_those_of_mail(void **state)
{
	(void)state;
	assert_true(text_charset_known(SPAN("UTF-8")));
	assert_true(text_charset_known(SPAN("us-ascii")));
	assert_true(text_charset_known(SPAN("Windows-1252")));
	assert_true(text_charset_known(SPAN("iso-2022-jp")));
	assert_false(text_charset_known(SPAN("x-no-such")));
	assert_false(text_charset_known(SPAN("")));
	assert_false(text_charset_known(SPAN("UTF-8//IGNORE")));
}

static void every_listed_charset_has_a_converter(void **state)
{
	static const char *const names[] = { "big5", "big5-hkscs", "cp1250", "cp437", "cp850", "cp852", "cp866", "cp932", "cp936", "cp949", "euc-jp", "euc-kr", "gb18030", "gb2312", "gbk", "iso-2022-jp",
					     "iso-2022-kr", "iso-8859-2", "iso-8859-8-i", "iso-8859-16", "koi8-r", "koi8-u", "ks_c_5601-1987", "macintosh", "shift_jis", "tis-620", "utf-16be", "utf-32", "utf-7", "viscii", "windows-1258", "windows-874" };
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_true(text_charset_known(span_str(names[i])));
		buf_reset(&b);
		for (int k = 0; k < 5; k++)
			text_decode_charset(span_str(names[i]), SPAN("\x1b$)C\x80\xff\xfe~{\xa1\xa1+A"), &b);
		assert_true(span_is_utf8(buf_span(&b)));
	}
	buf_clear(&b);
}

static void casemapping_makes_equal_what_differs_by_case_or_composition(void **state)
{
	(void)state;
	expect_casemap("Hello", "HELLO");
	expect_casemap("\xc3\xa4", "A\xcc\x88");
	expect_casemap("a\xcc\x88", "A\xcc\x88");
	expect_casemap("\xc3\x84", "A\xcc\x88");
	expect_casemap("\xd0\xbf", "\xd0\x9f");
	expect_casemap("\xc7\x86", "\xc7\x85"); /* U+01C6 to U+01C5, titlecase; its decomposition is a compatibility one */
	expect_casemap("a\xff", "A\xef\xbf\xbd");
	expect_casemap("q\xcc\x87\xcc\xa3", "Q\xcc\xa3\xcc\x87"); /* marks in canonical order */
	expect_casemap("\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8");
	expect_casemap("", "");
}

static void many_marks_are_bounded(void **state)
{
	struct buf in, out;

	(void)state;
	buf_init(&in, 1u << 20);
	buf_init(&out, 1u << 20);
	for (int i = 0; i < 100000; i++)
		buf_add_str(&in, i % 2 ? "\xcc\x87" : "\xcc\xa3");
	text_casemap(buf_span(&in), &out);
	assert_int_equal(out.len, in.len);
	buf_clear(&in);
	buf_clear(&out);
}

static void names_are_composed(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(text_nfc(SPAN("a\xcc\x88"), &b), ERR_OK);
	expect_buf(&b, "\xc3\xa4");
	assert_int_equal(text_nfc(SPAN("abc"), &b), ERR_OK);
	expect_buf(&b, "abc");
	assert_int_equal(text_nfc(SPAN("a\xff"), &b), ERR_SYNTAX);
	assert_int_equal(text_nfc(SPAN("a\xcc\x88"
				       "0123456789"),
				  &b),
			 ERR_LIMIT);
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfer_encodings_are_removed),
		cmocka_unit_test(charsets_become_utf8),
		cmocka_unit_test(output_stops_quietly_at_its_ceiling),
		cmocka_unit_test(known_charsets_are_those_of_mail),
		cmocka_unit_test(every_listed_charset_has_a_converter),
		cmocka_unit_test(casemapping_makes_equal_what_differs_by_case_or_composition),
		cmocka_unit_test(many_marks_are_bounded),
		cmocka_unit_test(names_are_composed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
