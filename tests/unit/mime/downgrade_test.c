/* Headers in UTF-8 for readers of ASCII (mime/downgrade.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/mime/downgrade.h"

static void becomes(const char *head, const char *wanted)
{
	struct arena work;
	struct buf out;

	arena_init(&work, 1024 * 1024);
	buf_init(&out, 1024 * 1024);
	assert_true(downgrade_is_needed(span_str(head)));
	assert_int_equal(downgrade_head(span_str(head), &work, &out), ERR_OK);
	assert_string_equal(buf_cstr(&out), wanted);
	assert_true(span_is_ascii(buf_span(&out)));
	assert_false(downgrade_is_needed(buf_span(&out)));
	buf_clear(&out);
	arena_clear(&work);
}

static void text_becomes_encoded_words_and_the_rest_stays(void **state)
{
	(void)state;
	becomes("Received: from x\r\n\tby y; z\r\nSubject: Gr\xc3\xbc\xc3\x9f"
		"e\r\nX-A:  b\r\n\r\n",
		"Received: from x\r\n\tby y; z\r\nSubject: =?UTF-8?B?R3LDvMOfZQ==?=\r\nX-A:  b\r\n\r\n");
}

static void names_are_encoded_and_domains_are_a_labels(void **state)
{
	(void)state;
	becomes("From: J\xc3\xb6rg <joe@b\xc3\xbc"
		"cher.example>\r\n\r\n",
		"From: =?UTF-8?B?SsO2cmc=?= <joe@xn--bcher-kva.example>\r\n\r\n");
	becomes("To: a@example.org, \"X \xc3\xa4\" <b@example.org>\r\n\r\n", "To: <a@example.org>,\r\n\t=?UTF-8?B?WCDDpA==?= <b@example.org>\r\n\r\n");
}

static void an_address_that_ascii_cannot_say_is_shown_as_a_group(void **state)
{
	(void)state;
	becomes("From: J <j\xc3\xb6rg@example.org>\r\n\r\n", "From: =?UTF-8?B?SiBqw7ZyZ0BleGFtcGxlLm9yZw==?=:;\r\n\r\n");
}

static void where_a_message_came_from_and_went_is_said_in_ascii_too(void **state)
{
	(void)state;
	becomes("Return-Path: <joe@b\xc3\xbc"
		"cher.example>\r\nDelivered-To: ann@gr\xc3\xbcn.example\r\n",
		"Return-Path: <joe@xn--bcher-kva.example>\r\nDelivered-To: <ann@xn--grn-ioa.example>\r\n");
	becomes("Return-Path: <j\xc3\xb6rg@example.org>\r\n", "Return-Path: =?UTF-8?B?asO2cmdAZXhhbXBsZS5vcmc=?=:;\r\n");
}

static void an_address_field_without_an_address_stays_to_be_read(void **state)
{
	(void)state;
	becomes("From: gr\xc3\xbcn\r\n\r\n", "From: =?UTF-8?B?Z3LDvG4=?=:;\r\n\r\n");
	becomes("To: (gr\xc3\xbcn)\r\n\r\n", "To: =?UTF-8?B?KGdyw7xuKQ==?=\r\n\r\n");
}

static void parameters_keep_their_structure(void **state)
{
	(void)state;
	becomes("Content-Type: multipart/mixed; boundary=\"=_x\"; name=\"\xc3\xa4.txt\"\r\n\r\n",
		"Content-Type: multipart/mixed;\r\n\tboundary=\"=_x\";\r\n\tname*=UTF-8''%C3%A4.txt\r\n\r\n");
}

static void what_is_ascii_or_of_another_charset_is_left_alone(void **state)
{
	(void)state;
	assert_false(downgrade_is_needed(SPAN("Subject: x\r\n\r\n")));
	assert_false(downgrade_is_needed(SPAN("Subject: Gr\xfc\xdf"
					      "e\r\n\r\n")));
	assert_false(downgrade_is_needed(SPAN("no field \xc3\xbc\r\n\r\n")));
	assert_false(downgrade_is_needed(SPAN("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_encoded_words_and_the_rest_stays),
		cmocka_unit_test(names_are_encoded_and_domains_are_a_labels),
		cmocka_unit_test(an_address_that_ascii_cannot_say_is_shown_as_a_group),
		cmocka_unit_test(where_a_message_came_from_and_went_is_said_in_ascii_too),
		cmocka_unit_test(an_address_field_without_an_address_stays_to_be_read),
		cmocka_unit_test(parameters_keep_their_structure),
		cmocka_unit_test(what_is_ascii_or_of_another_charset_is_left_alone),
	};

	return cmocka_run_group_tests_name("mime/downgrade", tests, NULL, NULL);
}
