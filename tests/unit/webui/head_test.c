/* Request heads that servers read in two ways are refused; the rest is framed exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "webui/head.h"

static enum head_verdict check(struct span text)
{
	struct head head;

	return head_check(text, &head);
}

static void a_plain_request_is_framed(void **state)
{
	struct span text = SPAN("POST /api/v1/domains?x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n{\"name\":1}xx");
	struct head head;

	(void)state;
	assert_int_equal(head_check(text, &head), HEAD_OK);
	assert_true(span_equals(head.method, SPAN("POST")));
	assert_true(span_equals(head.target, SPAN("/api/v1/domains?x=1")));
	assert_true(span_equals(head.host, SPAN("a.example")));
	assert_int_equal(head.content_length, 12);
	assert_int_equal(head.length, text.len - 12);
	for (size_t cut = 0; cut < head.length; cut++)
		assert_int_equal(check(span_take(text, cut)), HEAD_INCOMPLETE);
}

static void ambiguous_framing_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n")), HEAD_BAD);
}

static void two_hosts_or_none_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.0\r\n\r\n")), HEAD_OK);
}

static void bad_bytes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\nHost: a\n\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET /\0x HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET  / HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1 \r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/2.0\r\nHost: a\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("\x16\x03\x01\x02")), HEAD_INCOMPLETE);
}

static void too_much_is_refused(void **state)
{
	static char text[HEAD_MAX_BYTES + 100];
	size_t len = 0;

	(void)state;
	len += (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < HEAD_MAX_FIELDS; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "X-%d: y\r\n", i);
	len += (size_t)snprintf(text + len, sizeof text - len, "\r\n");
	assert_int_equal(check(span_make(text, len)), HEAD_TOO_LARGE);
	memset(text, 'a', sizeof text);
	assert_int_equal(check(span_make(text, sizeof text)), HEAD_TARGET_LONG);
	len = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	memset(text + len, 'a', sizeof text - len);
	assert_int_equal(check(span_make(text, sizeof text)), HEAD_TOO_LARGE);
	len = (size_t)snprintf(text, sizeof text, "GET /%0*d HTTP/1.1\r\nHost: a\r\n\r\n", (int)HEAD_MAX_TARGET, 0);
	assert_int_equal(check(span_make(text, len)), HEAD_TARGET_LONG);
}

static void chunked_is_the_only_coding(void **state)
{
	static const struct {
		const char *field;
		enum head_verdict verdict;
	} codings[] = {
		{ "Transfer-Encoding: chunked", HEAD_OK },
		{ "Transfer-Encoding:  Chunked ", HEAD_OK },
		{ "Transfer-Encoding: gzip, chunked", HEAD_UNKNOWN_CODING },
		{ "Transfer-Encoding: gzip", HEAD_UNKNOWN_CODING },
		{ "Transfer-Encoding: chunked, gzip", HEAD_BAD },
		{ "Transfer-Encoding: chunked, chunked", HEAD_BAD },
		{ "Transfer-Encoding: chunked, ", HEAD_BAD },
		{ "Transfer-Encoding: ", HEAD_BAD },
		{ "Transfer-Encoding: \x0b"
		  "chunked",
		  HEAD_BAD },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", HEAD_BAD },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 3", HEAD_BAD },
		{ "Transfer-Encoding: gzip\r\nContent-Length: 3", HEAD_BAD },
	};
	struct head head;
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
		snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", codings[i].field);
		assert_int_equal(head_check(span_str(text), &head), codings[i].verdict);
		if (codings[i].verdict == HEAD_OK)
			assert_true(head.chunked);
	}
	assert_int_equal(check(SPAN("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")), HEAD_BAD);
}

static void what_stands_once_may_not_come_twice(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: a=c\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nOrigin: https://b\r\n\r\n")), HEAD_BAD);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\nAccept: b\r\n\r\n")), HEAD_OK);
}

static void only_continuing_can_be_expected(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")), HEAD_OK);
	assert_int_equal(check(SPAN("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n")), HEAD_EXPECTATION);
	assert_int_equal(check(SPAN("PUT / HTTP/1.0\r\nHost: a\r\nExpect: 200-ok\r\n\r\n")), HEAD_OK);
}

static void check_written(const char *came, const char *passed)
{
	struct head head;
	struct buf out;

	buf_init(&out, 4096);
	assert_int_equal(head_check(span_str(came), &head), HEAD_OK);
	head_write(&head, span_str(came), &out);
	assert_string_equal(buf_cstr(&out), passed);
	buf_clear(&out);
}

static void an_absolute_target_becomes_path_and_host(void **state)
{
	struct head head;

	(void)state;
	check_written("GET https://A.example:8443/x?y HTTP/1.1\r\nX: 1\r\nHost: b\r\nY: 2\r\n\r\n", "GET /x?y HTTP/1.1\r\nHost: A.example:8443\r\nX: 1\r\nY: 2\r\n\r\n");
	check_written("GET http://a HTTP/1.1\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	check_written("GET http://a?q HTTP/1.0\r\n\r\n", "GET /?q HTTP/1.0\r\nHost: a\r\n\r\n");
	check_written("GET /x HTTP/1.1\r\nHost: b\r\n\r\n", "GET /x HTTP/1.1\r\nHost: b\r\n\r\n");
	assert_int_equal(head_check(SPAN("GET HTTPS://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), &head), HEAD_OK);
	assert_true(head.wants_secure && head.absolute && span_equals(head.host, SPAN("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_framed),
		cmocka_unit_test(ambiguous_framing_is_refused),
		cmocka_unit_test(two_hosts_or_none_are_refused),
		cmocka_unit_test(bad_bytes_are_refused),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(chunked_is_the_only_coding),
		cmocka_unit_test(what_stands_once_may_not_come_twice),
		cmocka_unit_test(only_continuing_can_be_expected),
		cmocka_unit_test(an_absolute_target_becomes_path_and_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
