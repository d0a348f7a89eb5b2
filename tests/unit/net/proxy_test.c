/* PROXY headers: who is behind them is read exactly, and what is nearly one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/net/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FOUR "\xc0\x00\x02\x01\xc0\x00\x02\x09\xc3\x50\x01\xbb"

static enum err parse(struct span text)
{
	struct proxy_header header;

	return proxy_parse(text, &header);
}

static void check(struct span text, size_t behind, const char *from, const char *to)
{
	struct proxy_header header;

	assert_int_equal(proxy_parse(text, &header), ERR_OK);
	assert_string_equal(net_addr_text(&header.from).text, from);
	assert_string_equal(net_addr_text(&header.to).text, to);
	assert_int_equal(header.length, text.len - behind);
	for (size_t cut = 0; cut < header.length; cut++)
		assert_int_equal(parse(span_take(text, cut)), ERR_STATE);
}

static void a_line_names_the_client(void **state)
{
	(void)state;
	check(SPAN("PROXY TCP4 192.0.2.1 192.0.2.9 50000 443\r\nGET /"), 5, "192.0.2.1:50000", "192.0.2.9:443");
	check(SPAN("PROXY TCP6 2001:db8::1 2001:db8::9 50000 443\r\n"), 0, "[2001:db8::1]:50000", "[2001:db8::9]:443");
	check(SPAN("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.9 1 443\r\n"), 0, "192.0.2.1:1", "192.0.2.9:443");
}

static void an_unknown_client_is_the_proxy_itself(void **state)
{
	struct proxy_header header;

	(void)state;
	assert_int_equal(proxy_parse(SPAN("PROXY UNKNOWN\r\n"), &header), ERR_OK);
	assert_int_equal(header.from.family, NET_NONE);
	assert_int_equal(parse(SPAN("PROXY UNKNOWN ff ff 1 2\r\n")), ERR_OK);
	assert_int_equal(parse(SPAN("PROXY UNKNOWNS\r\n")), ERR_SYNTAX);
	assert_int_equal(proxy_parse(SPAN(SIGNATURE "\x20\x00\x00\x00"), &header), ERR_OK);
	assert_int_equal(header.from.family, NET_NONE);
	assert_int_equal(proxy_parse(SPAN(SIGNATURE "\x21\x00\x00\x02zz"), &header), ERR_OK);
	assert_int_equal(header.length, 18);
}

static void a_bad_line_is_refused(void **state)
{
	static const char *const lines[] = {
		"PROXY TCP4 192.0.2.1 192.0.2.9 50000\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 50000 443 \r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 050 443\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 65536 443\r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.9 1 443\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::9 1 443\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.9 1 443\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.256 1 443\r\n",
		"PROXY UDP4 192.0.2.1 192.0.2.9 1 443\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 1 443\n\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.9 1 443\rX",
		"PROXY \r\n",
		"PROXY TCP4 192.0.2.1\t192.0.2.9 1 443\r\n",
	};
	char text[200] = "PROXY UNKNOWN ";

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(parse(span_str(lines[i])), ERR_SYNTAX);
	memset(text + 14, 'x', sizeof text - 14);
	assert_int_equal(parse(span_make(text, sizeof text)), ERR_SYNTAX);
	assert_int_equal(parse(SPAN("POST / HTTP/1.1\r\n")), ERR_NOT_FOUND);
	assert_int_equal(parse(SPAN("\x16\x03\x01")), ERR_NOT_FOUND);
	assert_int_equal(parse(SPAN("P")), ERR_STATE);
}

static void a_binary_header_names_the_client(void **state)
{
	(void)state;
	check(SPAN(SIGNATURE "\x21\x11\x00\x0c" FOUR "\x16"), 1, "192.0.2.1:50000", "192.0.2.9:443");
	check(SPAN(SIGNATURE "\x21\x11\x00\x10" FOUR "\x04\x00\x01z"), 0, "192.0.2.1:50000", "192.0.2.9:443");
	check(SPAN(SIGNATURE "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09\xc3\x50\x01\xbb"), 0, "[2001:db8::1]:50000", "[2001:db8::9]:443");
}

static void a_bad_binary_header_is_refused(void **state)
{
	(void)state;
	assert_int_equal(parse(SPAN(SIGNATURE "\x11\x11\x00\x0c" FOUR)), ERR_SYNTAX);
	assert_int_equal(parse(SPAN(SIGNATURE "\x22\x11\x00\x0c" FOUR)), ERR_SYNTAX);
	assert_int_equal(parse(SPAN(SIGNATURE "\x21\x12\x00\x0c" FOUR)), ERR_SYNTAX);
	assert_int_equal(parse(SPAN(SIGNATURE "\x21\x11\x00\x0b" FOUR)), ERR_SYNTAX);
	assert_int_equal(parse(SPAN(SIGNATURE "\x21\x11\x00\x0f" FOUR "\x04\x00\x01")), ERR_SYNTAX);
	assert_int_equal(parse(SPAN(SIGNATURE "\x21\x11\x00\x0e" FOUR "\x04\x00")), ERR_SYNTAX);
	assert_int_equal(parse(SPAN(SIGNATURE "\x21\x11\xff\xff")), ERR_LIMIT);
	assert_int_equal(parse(SPAN("\r\n\r\n\0\r\nQUIX\n")), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_the_client),
		cmocka_unit_test(an_unknown_client_is_the_proxy_itself),
		cmocka_unit_test(a_bad_line_is_refused),
		cmocka_unit_test(a_binary_header_names_the_client),
		cmocka_unit_test(a_bad_binary_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
