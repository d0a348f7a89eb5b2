#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/mime/transfer.h"

static void expect(const char *encoding, struct span in, struct span want)
{
	static const size_t pieces[] = { 1, 2, 3, 5, 100000 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct transfer_decoder d;
		struct buf out;

		buf_init(&out, 1 << 16);
		assert_true(transfer_decoder_init(&d, span_str(encoding)));
		for (struct span rest = in; rest.len; rest = span_skip(rest, pieces[i]))
			transfer_decoder_feed(&d, span_take(rest, pieces[i]), &out);
		transfer_decoder_end(&d, &out);
		if (!span_equals(buf_span(&out), want))
			fail_msg("piece %zu\n got: %.*s|\nwant: %.*s|", pieces[i], (int)out.len, out.ptr ? out.ptr : "", (int)want.len, want.ptr);
		buf_clear(&out);
	}
}

static void base64_comes_off(void **state)
{
	(void)state;
	expect("BASE64", SPAN("aGVs\r\nbG8gd29y\r\nbGQ=\r\n"), SPAN("hello world"));
	expect("base64", SPAN("  aGVs \r\n bG8g\r\n"), SPAN("hello "));
	expect("base64", SPAN("YQ==YQ=="), SPAN("aa"));
	expect("base64", SPAN("YWIA"), SPAN("ab\0"));
	expect("base64", SPAN("!!!"), SPAN(""));
	expect(" base64 ", SPAN("YW"), SPAN("a"));
}

static void quoted_printable_comes_off(void **state)
{
	(void)state;
	expect("quoted-printable", SPAN("hello  \r\nba=\r\nr\r\nfoo\tbar \t\r\nfoo\t=20=09b\r\nfoo =\r\nb\r\nfo=6F\r\n"),
	       SPAN("hello\r\nbar\r\nfoo\tbar\r\nfoo\t \tb\r\nfoo b\r\nfoo\r\n"));
	expect("quoted-printable", SPAN("a=  \r\nb"), SPAN("ab"));
	expect("quoted-printable", SPAN("a=zb =4"), SPAN("a=zb =4"));
	expect("quoted-printable", SPAN("a==41 b=4Gc= x"), SPAN("a=A b=4Gc=x"));
	expect("quoted-printable", SPAN("=00=fF"), SPAN("\0\xff"));
	expect("quoted-printable", SPAN("end  "), SPAN("end"));
	expect("quoted-printable", SPAN("end="), SPAN("end"));
}

static void others_stay(void **state)
{
	struct transfer_decoder d;

	(void)state;
	expect("", SPAN("a=41 \r\n"), SPAN("a=41 \r\n"));
	expect("8Bit", SPAN("a=41 \r\n"), SPAN("a=41 \r\n"));
	expect("binary", SPAN("\0\r\n"), SPAN("\0\r\n"));
	assert_false(transfer_decoder_init(&d, SPAN("x-uuencode")));
	assert_false(transfer_decoder_init(&d, SPAN("base64; x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_comes_off),
		cmocka_unit_test(quoted_printable_comes_off),
		cmocka_unit_test(others_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
