/* A DSN as other programs read it, and as people do. */
#include "tests/unit/queue/fixture.h"

#include <stdlib.h>

#include "daemon/mime/message.h"
#include "daemon/queue/dsn.h"

#define ARRIVED 1767225600000LL
#define TRIED 1767225660000LL

static struct buf out;
static bool utf8, eight_bit;

static int setup(void **state)
{
	(void)state;
	buf_init(&out, 4u << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buf_clear(&out);
	return 0;
}

static bool has(const char *what)
{
	size_t at;

	return span_find(buf_span(&out), span_str(what), &at);
}

static struct dsn_recipient refused(const char *address)
{
	return (struct dsn_recipient){ .address = span_str(address), .original = span_str(address), .status = SPAN("5.1.1"), .reply = SPAN("550 5.1.1 no such user"), .host = SPAN("mx.other.test"), .remote = true, .last_ms = TRIED };
}

static struct dsn example(const struct dsn_recipient *recipients, size_t count)
{
	return (struct dsn){ .kind = NOTICE_FAILED, .hostname = SPAN("mail.example.test"), .to = SPAN("bob@example.test"), .queue_id = SPAN("abc"), .boundary = SPAN("unique"), .now_ms = TRIED, .arrival_ms = ARRIVED, .recipients = recipients, .count = count, .header = SPAN("Subject: lost\r\nMessage-ID: <1@example.test>\r\n\r\n"), .body = SPAN("Good day.\r\n") };
}

static void write_it(const struct dsn *d)
{
	buf_reset(&out);
	assert_int_equal(dsn_write(d, &out, &utf8, &eight_bit), ERR_OK);
	for (size_t i = 1; i < out.len; i++)
		assert_true(out.ptr[i] != '\n' || out.ptr[i - 1] == '\r');
}

static void parse(struct arena *a, struct mime_message *m)
{
	struct message_parser *parser;

	assert_int_equal(message_parser_begin(&parser), ERR_OK);
	message_parser_feed(parser, buf_span(&out));
	assert_int_equal(message_parser_finish(parser, a, m), ERR_OK);
	message_parser_end(&parser);
}

static const char failure[] =
	"From: Mail Delivery System <mailer-daemon@mail.example.test>\r\n"
	"To: <bob@example.test>\r\n"
	"Subject: Undelivered mail: returned to sender\r\n"
	"Date: Thu, 1 Jan 2026 00:01:00 +0000\r\n"
	"Message-ID: <unique@mail.example.test>\r\n"
	"References: <1@example.test>\r\n"
	"Auto-Submitted: auto-replied\r\n"
	"MIME-Version: 1.0\r\n"
	"Content-Type: multipart/report; report-type=delivery-status;\r\n"
	"\tboundary=\"=_unique\"\r\n"
	"\r\n"
	"This is a MIME-encapsulated message.\r\n"
	"\r\n"
	"--=_unique\r\n"
	"Content-Type: text/plain; charset=utf-8\r\n"
	"\r\n"
	"This is the mail system at mail.example.test.\r\n"
	"\r\n"
	"Your message could not be delivered to the recipients below, and no more\r\n"
	"attempts will be made.\r\n"
	"\r\n"
	"<x@other.test>\r\n"
	"    The server mx.other.test answered: 550 5.1.1 no such user\r\n"
	"    There is no such mailbox. Look for a typing mistake in the address, or\r\n"
	"    ask the recipient in another way for the right one.\r\n"
	"\r\n"
	"The header of your message is attached.\r\n"
	"\r\n"
	"--=_unique\r\n"
	"Content-Type: message/delivery-status\r\n"
	"\r\n"
	"Original-Envelope-Id: QQ314159\r\n"
	"Reporting-MTA: dns; mail.example.test\r\n"
	"Received-From-MTA: dns; laptop.example.test\r\n"
	"X-Postroom-Queue-ID: abc\r\n"
	"Arrival-Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
	"\r\n"
	"Original-Recipient: rfc822; X@other.test\r\n"
	"Final-Recipient: rfc822; x@other.test\r\n"
	"Action: failed\r\n"
	"Status: 5.1.1\r\n"
	"Remote-MTA: dns; mx.other.test\r\n"
	"Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	"Last-Attempt-Date: Thu, 1 Jan 2026 00:01:00 +0000\r\n"
	"\r\n"
	"--=_unique\r\n"
	"Content-Type: text/rfc822-headers\r\n"
	"\r\n"
	"Subject: lost\r\n"
	"Message-ID: <1@example.test>\r\n"
	"\r\n"
	"\r\n"
	"--=_unique--\r\n";

static void report_of_a_failure_to_the_letter(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	r.orcpt = SPAN("rfc822;X@other.test");
	d.envid = SPAN("QQ314159");
	d.from = SPAN("laptop.example.test");
	write_it(&d);
	buf_add_char(&out, '\0');
	assert_string_equal(out.ptr, failure);
	assert_false(utf8);
	assert_false(eight_bit);
}

static void report_has_three_parts(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);
	struct mime_message m;
	struct arena a;

	(void)state;
	write_it(&d);
	arena_init(&a, 1u << 20);
	parse(&a, &m);
	assert_int_equal(m.count, 4);
	assert_true(span_iequals(m.parts[0].subtype, SPAN("report")));
	assert_true(span_iequals(m.parts[1].type, SPAN("text")));
	assert_true(span_iequals(m.parts[2].subtype, SPAN("delivery-status")));
	assert_true(span_iequals(m.parts[3].subtype, SPAN("rfc822-headers")));
	arena_clear(&a);
}

static void words_of_a_remote_cannot_make_fields(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	r.original = SPAN("alias@example.test");
	r.reply = SPAN("550 a\r\nAction: delivered\r\n\xff");
	r.host = SPAN("mx\r\nAction: relayed");
	r.orcpt = SPAN("rfc822;x+0D+0AAction:+20expanded@other.test");
	d.envid = SPAN("a+0D+0AAction:+20delayed");
	write_it(&d);
	assert_false(has("\r\nAction: delivered"));
	assert_false(has("\r\nAction: relayed"));
	assert_false(has("\r\nAction: expanded"));
	assert_false(has("\r\nAction: delayed"));
	assert_true(has("Original-Recipient: rfc822; x??Action: expanded@other.test\r\n"));
	assert_true(span_is_ascii(buf_span(&out)));
}

static void without_orcpt_an_alias_is_the_original_recipient(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	write_it(&d);
	assert_false(has("Original-Recipient"));
	r.original = SPAN("alias@example.test");
	write_it(&d);
	assert_true(has("Original-Recipient: rfc822; alias@example.test\r\nFinal-Recipient: rfc822; x@other.test\r\n"));
	assert_true(has("<alias@example.test>\r\n    The server"));
}

static void xtext_is_decoded(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	r.orcpt = SPAN("rfc822;a+2Bb+3Dc@other.test");
	d.envid = SPAN("id+2B1+");
	write_it(&d);
	assert_true(has("Original-Recipient: rfc822; a+b=c@other.test\r\n"));
	assert_true(has("Original-Envelope-Id: id+1+\r\n"));
	r.orcpt = SPAN("x400;/C+3DDE/");
	write_it(&d);
	assert_true(has("Original-Recipient: x400; /C=DE/\r\n"));
}

static void each_kind_has_its_action_and_words(void **state)
{
	static const struct {
		enum notice_kind kind;
		const char *action, *subject, *words;
	} kinds[] = {
		{ NOTICE_FAILED, "Action: failed\r\n", "Subject: Undelivered mail", "no more\r\nattempts will be made" },
		{ NOTICE_DELAYED, "Action: delayed\r\n", "Subject: Delayed mail", "You need" },
		{ NOTICE_DELIVERED, "Action: delivered\r\n", "Subject: Delivery report: delivered", "put into the" },
		{ NOTICE_RELAYED, "Action: relayed\r\n", "Subject: Delivery report: passed on", "Taken by the server mx.other.test" },
		{ NOTICE_EXPANDED, "Action: expanded\r\n", "Subject: Delivery report: sent on", "stand for" },
	};
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	r.until_ms = ARRIVED + 5 * 86400000LL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		d.kind = kinds[i].kind;
		write_it(&d);
		assert_true(has(kinds[i].action));
		assert_true(has(kinds[i].subject));
		assert_true(has(kinds[i].words));
		assert_int_equal(has("Will-Retry-Until: Tue, 6 Jan 2026 00:00:00 +0000\r\n"), d.kind == NOTICE_DELAYED);
		assert_int_equal(has("    It is tried until Tue, 6 Jan 2026"), d.kind == NOTICE_DELAYED);
	}
}

static void advice_goes_by_the_status(void **state)
{
	static const char *const advice[][2] = { { "5.1.10", "This domain takes no mail" }, { "5.1.1", "There is no such mailbox" }, { "5.2.2", "The mailbox is full" }, { "4.4.7", "in all that time" }, { "5.4.7", "The time for delivery was over" }, { "5.7.30", "protected" }, { "5.7.26", "A rule of the recipient's" }, { "5.9.9", "The words above say why" }, { "", "The words above say why" } };
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		r.status = span_str(advice[i][0]);
		write_it(&d);
		assert_true(has(advice[i][1]));
	}
}

static void what_was_decided_here_is_not_blamed_on_others(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	r.remote = false;
	r.status = SPAN("5.7.0");
	r.reply = SPAN("returned by the administrator");
	write_it(&d);
	assert_true(has("What went wrong: returned by the administrator"));
	assert_true(has("The administrator of this mail system decides"));
	assert_false(has("recipient's server"));
}

static void utf8_addresses_use_the_global_types_for_who_reads_them(void **state)
{
	struct dsn_recipient r = refused("\xc3\xbc+a@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	d.utf8_reader = true;
	r.reply = SPAN("550 gibt's nicht: \xc3\xbc");
	write_it(&d);
	assert_false(utf8); /* no header field needs it */
	assert_true(eight_bit);
	assert_true(has("report-type=global-delivery-status;\r\n\tboundary=\"=_unique\"\r\nContent-Transfer-Encoding: 8bit\r\n"));
	assert_true(has("Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n"));
	assert_true(has("Final-Recipient: utf-8; \xc3\xbc\\x{2B}a@other.test\r\n"));
	assert_true(has("Diagnostic-Code: smtp; 550 gibt's nicht: \xc3\xbc\r\n"));
	assert_true(has("Content-Type: message/global-headers\r\n"));
	d.full = true;
	write_it(&d);
	assert_true(has("Content-Type: message/global\r\n"));
}

static void who_reads_ascii_gets_utf8_addresses_spelt_out(void **state)
{
	struct dsn_recipient r = refused("\xc3\xbc+\xe4\xbd\xa0\xf0\x9f\x98\x80@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	r.orcpt = SPAN("utf-8;\xc3\xbc@other.test");
	r.reply = SPAN("550 \xc3\xbc");
	write_it(&d);
	assert_false(utf8);
	assert_true(has("report-type=delivery-status"));
	assert_true(has("Content-Type: message/delivery-status\r\n\r\n"));
	assert_true(has("Original-Recipient: utf-8; \\x{FC}@other.test\r\n"));
	assert_true(has("Final-Recipient: utf-8; \\x{FC}\\x{2B}\\x{4F60}\\x{1F600}@other.test\r\n"));
	assert_true(has("Diagnostic-Code: smtp; 550 ?"));
	r.orcpt = SPAN("utf-8;\\x{FC}@other.test");
	write_it(&d);
	assert_true(has("Original-Recipient: utf-8; \\x{FC}@other.test\r\n"));
}

static void a_sender_beyond_ascii_needs_the_extension(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	d.to = SPAN("b\xc3\xb6"
		    "b@example.test");
	write_it(&d);
	assert_true(utf8);
	assert_true(has("To: <b\xc3\xb6"
			"b@example.test>\r\n"));
	assert_true(has("global-delivery-status"));
}

static void only_the_header_comes_back_and_not_all_of_a_huge_one(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);
	struct buf header;

	(void)state;
	buf_init(&header, 1u << 20);
	for (int i = 0; i < 10000; i++)
		buf_addf(&header, "X-Field-%05d: value\r\n", i);
	d.header = buf_span(&header);
	r.reply = SPAN("");
	write_it(&d);
	assert_true(out.len < 70000);
	assert_true(span_ends(buf_span(&out), SPAN("value\r\n\r\n--=_unique--\r\n")));
	assert_false(has("Diagnostic-Code"));
	assert_false(has("Good day."));
	buf_clear(&header);
}

static void the_message_comes_back_when_asked_for(void **state)
{
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	d.full = true;
	write_it(&d);
	assert_true(has("Content-Type: message/rfc822\r\n\r\nSubject: lost\r\nMessage-ID: <1@example.test>\r\n\r\nGood day.\r\n\r\n--=_unique--\r\n"));
	assert_true(has("Your message is attached."));
	assert_false(eight_bit);
	d.body = SPAN("Gr\xc3\xbc\xc3\x9f"
		      "e\r\n");
	write_it(&d);
	assert_true(eight_bit);
	assert_false(utf8);
	assert_true(has("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
	assert_true(has("Content-Type: text/plain; charset=utf-8\r\n\r\n"));
}

static void a_wild_message_id_is_not_referred_to(void **state)
{
	static const char *const headers[] = { "Message-ID: <a>\r\n <b>\r\n\r\n", "Message-ID: a@b\r\n\r\n", "Message-ID: <\xff@b>\r\n\r\n", "Message-ID: <>\r\n\r\n", "\r\n" };
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		d.header = span_str(headers[i]);
		write_it(&d);
		assert_false(has("References:"));
	}
}

static void no_line_is_longer_than_mail_allows(void **state)
{
	char reply[2000], address[460];
	struct dsn_recipient r = refused("x@other.test");
	struct dsn d = example(&r, 1);
	size_t length = 0;

	(void)state;
	memset(reply, 'r', sizeof(reply));
	memset(address, 'a', sizeof(address));
	r.reply = span_make(reply, sizeof(reply));
	r.original = span_make(address, sizeof(address));
	r.address = r.original;
	write_it(&d);
	for (size_t i = 0; i < out.len; i++) {
		length = out.ptr[i] == '\n' ? 0 : length + 1;
		assert_true(length <= 999);
	}
}

static void a_double_bounce_speaks_to_the_postmaster(void **state)
{
	struct dsn_recipient r = refused("nobody@other.test");
	struct dsn d = example(&r, 1);

	(void)state;
	d.double_bounce = true;
	write_it(&d);
	assert_true(has("Subject: Undeliverable report"));
	assert_true(has("This is for the postmaster."));
	assert_true(has("Action: failed\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(report_of_a_failure_to_the_letter, setup, teardown),
		cmocka_unit_test_setup_teardown(report_has_three_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(words_of_a_remote_cannot_make_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(without_orcpt_an_alias_is_the_original_recipient, setup, teardown),
		cmocka_unit_test_setup_teardown(xtext_is_decoded, setup, teardown),
		cmocka_unit_test_setup_teardown(each_kind_has_its_action_and_words, setup, teardown),
		cmocka_unit_test_setup_teardown(advice_goes_by_the_status, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_decided_here_is_not_blamed_on_others, setup, teardown),
		cmocka_unit_test_setup_teardown(utf8_addresses_use_the_global_types_for_who_reads_them, setup, teardown),
		cmocka_unit_test_setup_teardown(who_reads_ascii_gets_utf8_addresses_spelt_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sender_beyond_ascii_needs_the_extension, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_header_comes_back_and_not_all_of_a_huge_one, setup, teardown),
		cmocka_unit_test_setup_teardown(the_message_comes_back_when_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wild_message_id_is_not_referred_to, setup, teardown),
		cmocka_unit_test_setup_teardown(no_line_is_longer_than_mail_allows, setup, teardown),
		cmocka_unit_test_setup_teardown(a_double_bounce_speaks_to_the_postmaster, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
