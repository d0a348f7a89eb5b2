/* What programs hand to sendmail(1), and what becomes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/cli/sendmail.h"
#include "daemon/cli/sendmail_message.h"
#include "daemon/cli/sendmail_options.h"

static const struct sendmail_home home = { { "mail.example.org", 16 }, { "ann@mail.example.org", 20 }, { "example.org", 11 } };

static void read_text(struct sendmail_message *m, const char *text, bool ignore_dots)
{
	FILE *from = fmemopen((char *)(uintptr_t)text, strlen(text), "r");

	sendmail_message_init(m);
	assert_int_equal(sendmail_message_read(m, from, ignore_dots), ERR_OK);
	fclose(from);
}

static void expect_read(const char *text, bool ignore_dots, const char *becomes)
{
	struct sendmail_message m;

	read_text(&m, text, ignore_dots);
	assert_int_equal(m.text.len, strlen(becomes));
	if (m.text.len > 0)
		assert_memory_equal(m.text.ptr, becomes, m.text.len);
	sendmail_message_clear(&m);
}

static void lines_end_with_crlf(void **state)
{
	(void)state;
	expect_read("a: b\n\nx\ny", false, "a: b\r\n\r\nx\r\ny\r\n");
	expect_read("a: b\r\n\r\nx\r\n", false, "a: b\r\n\r\nx\r\n");
	expect_read("a\rb\n", false, "a\r\nb\r\n");
	expect_read("From ann Mon Jan 1\na: b\n\nFrom here\n", false, "a: b\r\n\r\nFrom here\r\n");
}

static void a_dot_alone_ends_the_message_unless_told(void **state)
{
	(void)state;
	expect_read("a: b\n\nx\n.\nlost\n", false, "a: b\r\n\r\nx\r\n");
	expect_read("a: b\n\nx\n.\nkept\n", true, "a: b\r\n\r\nx\r\n.\r\nkept\r\n");
	expect_read("a: b\n\nx\r\n.\r\nlost", false, "a: b\r\n\r\nx\r\n");
	expect_read("a: b\n\nx\n.", false, "a: b\r\n\r\nx\r\n");
	expect_read("a: b\n\nx\n..\n. \n", false, "a: b\r\n\r\nx\r\n..\r\n. \r\n");
}

static void expect_prepared(const char *text, bool take, const char *header, const char *body, const char *recipients)
{
	struct sendmail_message m;
	struct buf all;

	read_text(&m, text, false);
	assert_int_equal(sendmail_message_prepare(&m, &home, take, home.sender, SPAN("Ann Example")), ERR_OK);
	buf_add_char(&m.header, '\0');
	assert_string_equal(m.header.ptr, header);
	assert_int_equal(m.body.len, strlen(body));
	if (m.body.len > 0)
		assert_memory_equal(m.body.ptr, body, m.body.len);
	buf_init(&all, 4096);
	for (size_t i = 0; i < m.recipient_count; i++)
		buf_addf(&all, "%.*s%s", (int)m.recipients[i].address.len, m.recipients[i].address.ptr, m.recipients[i].login.len ? "* " : " ");
	assert_string_equal(all.len ? buf_cstr(&all) : "", recipients);
	buf_clear(&all);
	sendmail_message_clear(&m);
}

static void recipients_come_from_the_header_and_blind_ones_go(void **state)
{
	(void)state;
	expect_prepared("From: ann@example.org\nTo: Bob <bob@example.org>, \"C, D\" <cd@example.net>\nCc: root\nBcc: eve@example.org\nSubject: x\n\nhi\n", true,
			"From: ann@example.org\r\nTo: Bob <bob@example.org>, \"C, D\" <cd@example.net>\r\nCc: <root@example.org>\r\nSubject: x\r\n\r\n", "hi\r\n", "bob@example.org cd@example.net root@example.org* eve@example.org ");
	expect_prepared("From: ann@example.org\nTo: bob@example.org\nResent-To: carl@example.org\nResent-Bcc: dora@example.org\n\n", true,
			"From: ann@example.org\r\nTo: bob@example.org\r\nResent-To: carl@example.org\r\n\r\n", "", "carl@example.org dora@example.org ");
	expect_prepared("From: ann@example.org\nTo: bob@example.org\nBcc: eve@example.org\n\nhi\n", false, "From: ann@example.org\r\nTo: bob@example.org\r\nBcc: eve@example.org\r\n\r\n", "hi\r\n", "");
	expect_prepared("From: ann@example.org\nTo: a@example.org, A@EXAMPLE.org\nCc: team: b@example.org, c;\n\n", true,
			"From: ann@example.org\r\nTo: a@example.org, A@EXAMPLE.org\r\nCc: team:<b@example.org>,\r\n\t<c@example.org>;\r\n\r\n", "", "a@example.org b@example.org c@example.org* ");
}

static void names_without_a_domain_get_one(void **state)
{
	(void)state;
	expect_prepared("From: root (Cron Daemon)\nTo: ann\nSubject: x\n\nhi\n", true, "From: Cron Daemon <root@example.org>\r\nTo: <ann@example.org>\r\nSubject: x\r\n\r\n", "hi\r\n", "ann@example.org* ");
	expect_prepared("From: ann\nTo: bob@localhost\n\n", true, "From: <ann@mail.example.org>\r\nTo: bob@localhost\r\n\r\n", "", "bob@example.org* ");
	expect_prepared("From: \"A. B\" <ann>\nTo: x@MAIL.example.org\n\n", true, "From: \"A. B\" <ann@mail.example.org>\r\nTo: x@MAIL.example.org\r\n\r\n", "", "x@example.org* ");
}

static void a_missing_header_is_made(void **state)
{
	(void)state;
	expect_prepared("just text\nmore\n", false, "From: Ann Example <ann@mail.example.org>\r\n\r\n", "just text\r\nmore\r\n", "");
	expect_prepared("\njust text\n", false, "From: Ann Example <ann@mail.example.org>\r\n\r\n", "just text\r\n", "");
	expect_prepared("Subject: x\nno field\n", false, "Subject: x\r\nFrom: Ann Example <ann@mail.example.org>\r\n\r\n", "no field\r\n", "");
	expect_prepared("", false, "From: Ann Example <ann@mail.example.org>\r\n\r\n", "", "");
}

static void a_name_cannot_leave_its_quotes(void **state)
{
	struct sendmail_message m;

	(void)state;
	read_text(&m, "Subject: x\n\n", false);
	assert_int_equal(sendmail_message_prepare(&m, &home, false, SPAN("a@example.org"), SPAN("x\" <evil@example.org>, \"y")), ERR_OK);
	buf_add_char(&m.header, '\0');
	assert_non_null(strstr(m.header.ptr, "From: \"x\\\" <evil@example.org>, \\\"y\" <a@example.org>\r\n"));
	sendmail_message_clear(&m);
	read_text(&m, "Subject: x\n\n", false);
	assert_int_equal(sendmail_message_prepare(&m, &home, false, SPAN("a@example.org"), SPAN("J\xc3\xbcrgen")), ERR_OK);
	buf_add_char(&m.header, '\0');
	assert_non_null(strstr(m.header.ptr, "From: =?utf-8?B?SsO8cmdlbg==?= <a@example.org>\r\n"));
	sendmail_message_clear(&m);
}

static struct sendmail_options options_of(const char *line, enum err expected)
{
	static char text[500];
	static char *argv[20];
	struct sendmail_options o;
	struct note why = { "" };
	int argc = 0;
	char *rest = text;

	snprintf(text, sizeof text, "sendmail %s", line);
	while (*rest && argc < 19) {
		argv[argc++] = rest;
		rest += strcspn(rest, " ");
		if (*rest)
			*rest++ = '\0';
	}
	argv[argc] = NULL;
	assert_int_equal(sendmail_options_read(argc, argv, &o, &why), expected);
	return o;
}

static void options_are_those_that_programs_use(void **state)
{
	struct sendmail_options o = options_of("-t -oi -oem -odb -f me@example.org", ERR_OK);

	(void)state;
	assert_true(o.from_header && o.ignore_dots && o.mode == SENDMAIL_SEND && o.recipient_count == 0);
	assert_string_equal(o.sender, "me@example.org");
	o = options_of("-i -fme@example.org -F Me -- -x@example.org y", ERR_OK);
	assert_string_equal(o.name, "Me");
	assert_int_equal(o.recipient_count, 2);
	assert_string_equal(o.recipients[0], "-x@example.org");
	o = options_of("-FCronDaemon -i -odi -oem -oi -t -f root", ERR_OK);
	assert_string_equal(o.name, "CronDaemon");
	o = options_of("-N failure,delay -R hdrs -B8BITMIME -bm a@example.org -t", ERR_OK);
	assert_false(o.from_header); /* behind the first recipient there are no options */
	assert_int_equal(o.recipient_count, 2);
	assert_int_equal(options_of("-bs", ERR_OK).mode, SENDMAIL_SMTP);
	assert_int_equal(options_of("-bp", ERR_OK).mode, SENDMAIL_LIST);
	assert_int_equal(options_of("-bi", ERR_OK).mode, SENDMAIL_ALIASES);
	assert_int_equal(options_of("-I", ERR_OK).mode, SENDMAIL_ALIASES);
	assert_int_equal(options_of("-q", ERR_OK).mode, SENDMAIL_FLUSH);
	assert_int_equal(options_of("-bd -q1h", ERR_OK).mode, SENDMAIL_DAEMON);
	assert_int_equal(options_of("-q15m", ERR_OK).mode, SENDMAIL_SEND);
	assert_int_equal(options_of("-bv x", ERR_OK).mode, SENDMAIL_UNKNOWN);
	(void)options_of("-Z", ERR_SYNTAX);
	(void)options_of("-f", ERR_SYNTAX);
}

static void the_name_decides(void **state)
{
	(void)state;
	assert_true(sendmail_is_name("/usr/sbin/sendmail"));
	assert_true(sendmail_is_name("mailq"));
	assert_true(sendmail_is_name("/usr/bin/newaliases"));
	assert_false(sendmail_is_name("/usr/bin/postroom"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_crlf),
		cmocka_unit_test(a_dot_alone_ends_the_message_unless_told),
		cmocka_unit_test(recipients_come_from_the_header_and_blind_ones_go),
		cmocka_unit_test(names_without_a_domain_get_one),
		cmocka_unit_test(a_missing_header_is_made),
		cmocka_unit_test(a_name_cannot_leave_its_quotes),
		cmocka_unit_test(options_are_those_that_programs_use),
		cmocka_unit_test(the_name_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
