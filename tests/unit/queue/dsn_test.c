/* A DSN as other programs read it. */
#include "tests/unit/queue/fixture.h"

#include <stdlib.h>

#include "daemon/mime/message.h"
#include "daemon/queue/dsn.h"

static bool has(struct span text, const char *what)
{
	size_t at;

	return span_find(text, span_str(what), &at);
}

static struct dsn example(const struct dsn_recipient *recipients, size_t count)
{
	return (struct dsn){ .hostname = SPAN("mail.example.test"), .to = SPAN("bob@example.test"), .queue_id = SPAN("abc"), .boundary = SPAN("unique"), .now_ms = 1767225600000, .arrival_ms = 1767225600000, .recipients = recipients, .count = count, .header = SPAN("Subject: lost\r\n\r\n") };
}

static void parse(struct span text, struct arena *a, struct mime_message *out)
{
	struct message_parser *parser;

	assert_int_equal(message_parser_begin(&parser), ERR_OK);
	message_parser_feed(parser, text);
	assert_int_equal(message_parser_finish(parser, a, out), ERR_OK);
	message_parser_end(&parser);
}

static void report_has_three_parts(void **state)
{
	struct dsn_recipient r = { SPAN("x@other.test"), SPAN("x@other.test"), SPAN("5.1.1"), SPAN("550 no"), SPAN("mx.other.test"), true };
	struct dsn d = example(&r, 1);
	struct mime_message m;
	struct arena a;
	struct buf out;
	bool utf8, eight_bit;

	(void)state;
	buf_init(&out, 1u << 20);
	arena_init(&a, 1u << 20);
	assert_int_equal(dsn_write(&d, &out, &utf8, &eight_bit), ERR_OK);
	assert_false(utf8);
	assert_false(eight_bit);
	assert_false(has(buf_span(&out), "8bit"));
	parse(buf_span(&out), &a, &m);
	assert_int_equal(m.count, 4);
	assert_true(span_iequals(m.parts[0].type, SPAN("multipart")));
	assert_true(span_iequals(m.parts[0].subtype, SPAN("report")));
	assert_true(span_iequals(m.parts[1].type, SPAN("text")));
	assert_true(span_iequals(m.parts[2].subtype, SPAN("delivery-status")));
	assert_true(span_iequals(m.parts[3].subtype, SPAN("rfc822-headers")));
	assert_true(span_equals(m.message_id, SPAN("<unique@mail.example.test>")));
	assert_true(has(buf_span(&out), "Reporting-MTA: dns; mail.example.test\r\nX-Postroom-Queue-ID: abc\r\nArrival-Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\nFinal-Recipient"));
	arena_clear(&a);
	buf_clear(&out);
}

static void words_of_a_remote_cannot_make_fields(void **state)
{
	struct dsn_recipient r = { SPAN("x@other.test"), SPAN("alias@example.test"), SPAN("5.0.0"), SPAN("550 a\r\nAction: delivered\r\n\xff"), SPAN("mx.other.test"), true };
	struct dsn d = example(&r, 1);
	struct buf out;
	bool utf8, eight_bit;

	(void)state;
	buf_init(&out, 1u << 20);
	assert_int_equal(dsn_write(&d, &out, &utf8, &eight_bit), ERR_OK);
	assert_false(has(buf_span(&out), "\r\nAction: delivered"));
	assert_true(has(buf_span(&out), "Original-Recipient: rfc822; alias@example.test\r\n"));
	assert_true(span_is_ascii(buf_span(&out)));
	buf_clear(&out);
}

static void utf8_addresses_use_the_global_types(void **state)
{
	struct dsn_recipient r = { SPAN("\xc3\xbc@other.test"), SPAN("\xc3\xbc@other.test"), SPAN("5.1.1"), SPAN("550 no"), SPAN("mx.other.test"), true };
	struct dsn d = example(&r, 1);
	struct buf out;
	bool utf8, eight_bit;

	(void)state;
	buf_init(&out, 1u << 20);
	assert_int_equal(dsn_write(&d, &out, &utf8, &eight_bit), ERR_OK);
	assert_true(utf8);
	assert_true(eight_bit);
	assert_true(has(buf_span(&out), "boundary=\"=_unique\"\r\nContent-Transfer-Encoding: 8bit\r\n"));
	assert_true(has(buf_span(&out), "Content-Type: message/global-delivery-status\r\n"));
	assert_true(has(buf_span(&out), "Final-Recipient: utf-8; \xc3\xbc@other.test\r\n"));
	assert_true(has(buf_span(&out), "Content-Type: message/global-headers\r\n"));
	buf_clear(&out);
}

static void only_the_header_comes_back_and_not_all_of_a_huge_one(void **state)
{
	struct dsn_recipient r = { SPAN("x@other.test"), SPAN("x@other.test"), SPAN("5.1.1"), SPAN(""), SPAN("mx.other.test"), false };
	struct dsn d = example(&r, 1);
	struct buf header, out;
	bool utf8, eight_bit;

	(void)state;
	buf_init(&header, 1u << 20);
	buf_init(&out, 1u << 20);
	for (int i = 0; i < 10000; i++)
		buf_addf(&header, "X-Field-%05d: value\r\n", i);
	d.header = buf_span(&header);
	assert_int_equal(dsn_write(&d, &out, &utf8, &eight_bit), ERR_OK);
	assert_true(out.len < 70000);
	assert_true(span_ends(buf_span(&out), SPAN("value\r\n\r\n--=_unique--\r\n")));
	assert_false(has(buf_span(&out), "Diagnostic-Code"));
	buf_clear(&header);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(report_has_three_parts),
		cmocka_unit_test(words_of_a_remote_cannot_make_fields),
		cmocka_unit_test(utf8_addresses_use_the_global_types),
		cmocka_unit_test(only_the_header_comes_back_and_not_all_of_a_huge_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
