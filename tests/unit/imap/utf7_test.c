#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/imap/utf7.h"

static void both_ways(const char *utf7, const char *utf8)
{
	struct buf b;

	buf_init(&b, 1000);
	utf7_encode(span_str(utf8), &b);
	assert_string_equal(buf_cstr(&b), utf7);
	buf_reset(&b);
	assert_int_equal(utf7_decode(span_str(utf7), &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), utf8);
	buf_clear(&b);
}

static void names_go_both_ways(void **state)
{
	(void)state;
	both_ways("INBOX", "INBOX");
	both_ways("a&-b", "a&b");
	both_ways("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"); /* RFC 3501 5.1.3 */
	both_ways("B&APw-cher", "B\xc3\xbc"
				"cher");
	both_ways("&2D3eAA-", "\xf0\x9f\x98\x80");
	both_ways("&AOkA6Q-&-", "\xc3\xa9\xc3\xa9&");
}

static void what_is_not_strict_is_refused(void **state)
{
	static const struct span bad[] = {
		SPAN("&"),
		SPAN("a&"),
		SPAN("&AOk"),
		SPAN("&A-"),
		SPAN("&AA-"),
		SPAN("&AAA-"),      /* open, cut, NUL */
		SPAN("&AGE-"),      /* printable ASCII in a shift */
		SPAN("&AOk-&AOk-"), /* a shift right behind another */
		SPAN("&AOl-"),      /* bits left over */
		SPAN("&2AA-"),
		SPAN("&3AA-"),
		SPAN("&2D0AQQ-"), /* lone surrogates */
		SPAN("&AO/-"),
		SPAN("&A\xc3-"),
		SPAN("\xc3\xa9"),
		SPAN("a\0b"),
		SPAN("a\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf b;

		buf_init(&b, 100);
		assert_int_equal(utf7_decode(bad[i], &b), ERR_SYNTAX);
		buf_clear(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_both_ways),
		cmocka_unit_test(what_is_not_strict_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
