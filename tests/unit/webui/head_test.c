/* Request heads that servers read in two ways are refused; the rest is framed exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "webui/head.h"

static enum err check(struct span text)
{
	struct head head;

	return head_check(text, &head);
}

static void a_plain_request_is_framed(void **state)
{
	struct span text = SPAN("POST /api/v1/domains?x=1 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n{\"name\":1}xx");
	struct head head;

	(void)state;
	assert_int_equal(head_check(text, &head), ERR_OK);
	assert_true(span_equals(head.method, SPAN("POST")));
	assert_true(span_equals(head.target, SPAN("/api/v1/domains?x=1")));
	assert_true(span_equals(head.host, SPAN("a.example")));
	assert_int_equal(head.content_length, 12);
	assert_int_equal(head.length, text.len - 12);
	for (size_t cut = 0; cut < head.length; cut++)
		assert_int_equal(check(span_take(text, cut)), ERR_STATE);
}

static void ambiguous_framing_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")), ERR_DENIED);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n")), ERR_SYNTAX);
}

static void two_hosts_or_none_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.0\r\n\r\n")), ERR_OK);
}

static void bad_bytes_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check(SPAN("GET / HTTP/1.1\nHost: a\n\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET /\0x HTTP/1.1\r\nHost: a\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET  / HTTP/1.1\r\nHost: a\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/1.1 \r\nHost: a\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("GET / HTTP/2.0\r\nHost: a\r\n\r\n")), ERR_SYNTAX);
	assert_int_equal(check(SPAN("\x16\x03\x01\x02")), ERR_STATE);
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
	assert_int_equal(check(span_make(text, len)), ERR_LIMIT);
	memset(text, 'a', sizeof text);
	assert_int_equal(check(span_make(text, sizeof text)), ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_framed),
		cmocka_unit_test(ambiguous_framing_is_refused),
		cmocka_unit_test(two_hosts_or_none_are_refused),
		cmocka_unit_test(bad_bytes_are_refused),
		cmocka_unit_test(too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
