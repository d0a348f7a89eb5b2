#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "daemon/base/buf.h"
#include "daemon/mime/message.h"

static void parse_in_pieces(struct span in, size_t piece, struct arena *a, struct mime_message *out)
{
	struct message_parser *p;

	assert_int_equal(message_parser_begin(&p), ERR_OK);
	while (in.len > 0) {
		message_parser_feed(p, span_take(in, piece));
		in = span_skip(in, piece);
	}
	assert_int_equal(message_parser_finish(p, a, out), ERR_OK);
	message_parser_end(&p);
	assert_null(p);
}

static void expect_text(struct span got, const char *want)
{
	if (got.len != strlen(want) || memcmp(got.ptr, want, got.len) != 0)
		fail_msg("\n got: %.*s\nwant: %s", (int)got.len, got.ptr, want);
}

static void expect_same(const struct mime_message *a, const struct mime_message *b)
{
	struct buf x, y;

	buf_init(&x, 8u << 20);
	buf_init(&y, 8u << 20);
	mime_parts_encode(a, &x);
	mime_parts_encode(b, &y);
	assert_true(span_equals(buf_span(&x), buf_span(&y)));
	assert_true(span_equals(a->envelope, b->envelope));
	assert_true(span_equals(a->body_structure, b->body_structure));
	assert_true(span_equals(a->body, b->body));
	assert_true(span_equals(a->subject, b->subject));
	assert_true(span_equals(a->from, b->from));
	assert_true(span_equals(a->message_id, b->message_id));
	assert_int_equal(a->date_ms, b->date_ms);
	buf_clear(&x);
	buf_clear(&y);
}

/* Whole, then byte by byte and in threes and sevens: the same. */
static void parse(struct span in, struct arena *a, struct mime_message *out)
{
	static const size_t pieces[] = { 1, 3, 7, 100 };

	arena_init(a, 4 * MIME_ARENA_BYTES);
	parse_in_pieces(in, in.len + 1, a, out);
	for (size_t i = 0; in.len < 65536 && i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct mime_message again;

		parse_in_pieces(in, pieces[i], a, &again);
		expect_same(out, &again);
	}
}

static struct span text_of(struct span in, const struct mime_message *m, size_t part)
{
	struct span body = span_skip(in, m->header_bytes);

	return span_take(span_skip(body, m->parts[part].body_start), m->parts[part].body_end - m->parts[part].body_start);
}

static void expect_structure(const char *in, const char *structure)
{
	struct mime_message m;
	struct arena a;

	parse(span_str(in), &a, &m);
	expect_text(m.body_structure, structure);
	arena_clear(&a);
}

static void expect_envelope(const char *in, const char *envelope)
{
	struct mime_message m;
	struct arena a;

	parse(span_str(in), &a, &m);
	expect_text(m.envelope, envelope);
	arena_clear(&a);
}

static void a_plain_message(void **state)
{
	const struct span in = SPAN("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
				    "From: Terry Gray <gray@cac.washington.test>\r\n"
				    "Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
				    "To: imap@cac.washington.test\r\n"
				    "cc: minutes@CNRI.Reston.test, John Klensin <KLENSIN@MIT.test>\r\n"
				    "Message-Id: <B27397-0100000@cac.washington.test>\r\n"
				    "MIME-Version: 1.0\r\n"
				    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
				    "one\r\ntwo\r\n");
	struct mime_message m;
	struct arena a;

	(void)state;
	parse(in, &a, &m);
	/* The example of RFC 9051 section 8, with this body's size. */
	expect_text(m.envelope, "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" "
				"((\"Terry Gray\" NIL \"gray\" \"cac.washington.test\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.test\")) "
				"((\"Terry Gray\" NIL \"gray\" \"cac.washington.test\")) ((NIL NIL \"imap\" \"cac.washington.test\")) "
				"((NIL NIL \"minutes\" \"CNRI.Reston.test\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.test\")) NIL NIL \"<B27397-0100000@cac.washington.test>\")");
	expect_text(m.body, "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 10 2)");
	expect_text(m.body_structure, "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7bit\" 10 2 NIL NIL NIL NIL)");
	expect_text(m.subject, "IMAP4rev2 WG mtg summary and minutes");
	expect_text(m.from, "gray@cac.washington.test");
	expect_text(m.message_id, "<B27397-0100000@cac.washington.test>");
	assert_int_equal(m.date_ms, 837595405000);
	assert_int_equal(m.size_bytes, in.len);
	assert_int_equal(m.header_bytes, in.len - 10);
	assert_int_equal(m.count, 1);
	assert_int_equal(m.parts[0].header_lines, 9);
	expect_text(text_of(in, &m, 0), "one\r\ntwo\r\n");
	arena_clear(&a);
}

static void envelopes(void **state)
{
	(void)state;
	expect_envelope("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
	expect_envelope("Subject:\r\nTo:\r\nFrom: \r\nDate: \r\nMessage-ID:\r\nIn-Reply-To:\r\n\r\n", "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")");
	expect_envelope("From: a@b\r\nSender: s@t\r\nReply-To: r@t\r\nBcc: x@y\r\nIn-Reply-To: <1@b>\r\n <2@b>\r\n\r\n",
			"(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"s\" \"t\")) ((NIL NIL \"r\" \"t\")) NIL NIL ((NIL NIL \"x\" \"y\")) \"<1@b> <2@b>\" NIL)");
	expect_envelope("From: a@b\r\nSender:\r\nReply-To: ()\r\n\r\n", "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)");
	expect_envelope("To: A Group:Ed <e@w.test>,j@w.test;, <@r1,@r2:z@w.test>\r\nCc: undisclosed:;\r\n\r\n",
			"(NIL NIL NIL NIL NIL ((NIL NIL \"A Group\" NIL)(\"Ed\" NIL \"e\" \"w.test\")(NIL NIL \"j\" \"w.test\")(NIL NIL NIL NIL)(NIL \"@r1,@r2\" \"z\" \"w.test\")) "
			"((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL)");
	expect_envelope("From: root\r\n\r\n", "(NIL NIL ((NIL NIL \"root\" \"\")) ((NIL NIL \"root\" \"\")) ((NIL NIL \"root\" \"\")) NIL NIL NIL NIL NIL)");
	expect_envelope("Subject: say \"hi\" \\ there\r\n\r\n", "(NIL \"say \\\"hi\\\" \\\\ there\" NIL NIL NIL NIL NIL NIL NIL NIL)");
	expect_envelope("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\n", "(NIL {6}\r\ngr\xc3\xbc\xc3\x9f NIL NIL NIL NIL NIL NIL NIL NIL)");
	expect_envelope("Subject: a\rb\r\n\r\n", "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)");
	expect_envelope("Subject: =?utf-8?Q?a?=\r\n\t=?utf-8?Q?b?=\r\n\r\n", "(NIL \"=?utf-8?Q?a?=\t=?utf-8?Q?b?=\" NIL NIL NIL NIL NIL NIL NIL NIL)");
	expect_envelope("Subject: one\r\nSubject: two\r\nFrom: a@b\r\nFrom: c@d\r\n\r\n", "(NIL \"one\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL)");
	expect_envelope("From: \"Doe, \\\"J\\\"\" <j@d>\nTo: \"a b\"@c\n\nbody", "(NIL NIL ((\"Doe, \\\"J\\\"\" NIL \"j\" \"d\")) ((\"Doe, \\\"J\\\"\" NIL \"j\" \"d\")) ((\"Doe, \\\"J\\\"\" NIL \"j\" \"d\")) "
										 "((NIL NIL \"a b\" \"c\")) NIL NIL NIL NIL)");
}

static void a_nul_in_a_header_is_sent_as_a_space(void **state)
{
	const struct span in = SPAN("Subject: a\0b\r\n\r\n");
	struct mime_message m;
	struct arena a;

	(void)state;
	parse(in, &a, &m);
	expect_text(m.envelope, "(NIL {3}\r\na b NIL NIL NIL NIL NIL NIL NIL NIL)");
	arena_clear(&a);
}

static void structures_of_single_parts(void **state)
{
	(void)state;
	expect_structure("", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)");
	expect_structure("A: b\r\n\r\nabc", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0 NIL NIL NIL NIL)");
	expect_structure("Content-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na\r\n",
			 "(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"quoted-printable\" 3 1 NIL NIL NIL NIL)");
	expect_structure("Content-Type: text/html\r\n\r\na\r\n", "(\"text\" \"html\" NIL NIL NIL \"7bit\" 3 1 NIL NIL NIL NIL)");
	expect_structure("Content-Type: IMAGE/PNG; name=\"a \\\"b\\\".png\" ; x=y (comment)\r\nContent-Transfer-Encoding: BASE64\r\nContent-ID: <1@x>\r\n"
			 "Content-Description: A\r\n picture\r\nContent-MD5: Q2hlY2s=\r\nContent-Disposition: attachment; filename=a.png; size=12\r\n"
			 "Content-Language: en, de\r\nContent-Location: http://a.test/b\r\n\r\nAAAA\r\n",
			 "(\"IMAGE\" \"PNG\" (\"name\" \"a \\\"b\\\".png\" \"x\" \"y\") \"<1@x>\" \"A picture\" \"BASE64\" 6 \"Q2hlY2s=\" "
			 "(\"attachment\" (\"filename\" \"a.png\" \"size\" \"12\")) (\"en\" \"de\") \"http://a.test/b\")");
	expect_structure("Content-Type: application/pdf\r\nContent-Disposition: inline\r\n\r\n", "(\"application\" \"pdf\" NIL NIL NIL \"7bit\" 0 NIL (\"inline\" NIL) NIL NIL)");
	/* RFC 2045 5.2: what can't be read is text/plain. */
	expect_structure("Content-Type: text\r\n\r\n", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)");
	expect_structure("Content-Type: /; a=b\r\n\r\n", "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)");
	expect_structure("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n", "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 9 NIL NIL NIL NIL)");
	expect_structure("Content-Type: multipart/mixed\r\n\r\nx", "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 1 NIL NIL NIL NIL)");
	expect_structure("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA", "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 4 NIL NIL NIL NIL)");
}

static const char mixed[] = "From: a@b\r\nContent-Type: multipart/mixed; boundary=\"outer\"\r\n\r\n"
			    "preamble\r\n"
			    "--outer\r\n"
			    "Content-Type: multipart/alternative;\r\n boundary=outer2\r\n\r\n"
			    "--outer2\r\n\r\nplain\r\n"
			    "--outer2  \r\nContent-Type: text/html\r\n\r\n<p>html\r\n</p>\r\n"
			    "--outer2--\r\n"
			    "epilogue\r\n--outer2\r\nnot a part\r\n"
			    "--outer\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n\r\n"
			    "--outer-not\r\n"
			    "--outer--\r\n"
			    "the end\r\n";

static void nested_multiparts(void **state)
{
	const struct span in = span_str(mixed);
	struct mime_message m;
	struct arena a;

	(void)state;
	parse(in, &a, &m);
	expect_text(m.body_structure, "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)"
				      "(\"text\" \"html\" NIL NIL NIL \"7bit\" 13 1 NIL NIL NIL NIL) \"alternative\" (\"boundary\" \"outer2\") NIL NIL NIL)"
				      "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 19 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"outer\") NIL NIL NIL)");
	expect_text(m.body, "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0)(\"text\" \"html\" NIL NIL NIL \"7bit\" 13 1) \"alternative\")"
			    "(\"application\" \"octet-stream\" NIL NIL NIL \"base64\" 19) \"mixed\")");
	assert_int_equal(m.count, 5);
	expect_text(text_of(in, &m, 2), "plain");
	expect_text(text_of(in, &m, 3), "<p>html\r\n</p>");
	expect_text(text_of(in, &m, 4), "AAAA\r\n\r\n--outer-not");
	assert_true(span_starts(text_of(in, &m, 1), SPAN("--outer2\r\n\r\nplain")));
	assert_true(span_ends(text_of(in, &m, 1), SPAN("not a part")));
	assert_true(span_starts(text_of(in, &m, 0), SPAN("preamble")));
	assert_true(span_ends(text_of(in, &m, 0), SPAN("the end\r\n")));
	assert_int_equal(m.parts[0].kind, MIME_MULTIPART);
	assert_int_equal(m.parts[3].parent, 1);
	assert_int_equal(m.parts[2].next_sibling, 3);
	assert_int_equal(m.parts[1].next_sibling, 4);
	arena_clear(&a);
}

static bool find(const struct mime_message *m, uint32_t *out, size_t count, uint32_t a, uint32_t b, uint32_t c)
{
	return mime_part_find(m, (const uint32_t[]){ a, b, c }, count, out);
}

static void sections_name_parts(void **state)
{
	struct mime_message m;
	struct arena a;
	uint32_t i;

	(void)state;
	parse(span_str(mixed), &a, &m);
	assert_true(find(&m, &i, 1, 1, 0, 0) && i == 1);
	assert_true(find(&m, &i, 2, 1, 2, 0) && i == 3);
	assert_true(find(&m, &i, 1, 2, 0, 0) && i == 4);
	assert_false(find(&m, &i, 1, 3, 0, 0));
	assert_false(find(&m, &i, 1, 0, 0, 0));
	assert_false(find(&m, &i, 2, 2, 1, 0));
	assert_false(find(&m, &i, 0, 0, 0, 0));
	assert_false(find(&m, &i, 1, UINT32_MAX, 0, 0));
	arena_clear(&a);
	parse(SPAN("A: b\r\n\r\nx"), &a, &m);
	assert_true(find(&m, &i, 1, 1, 0, 0) && i == 0);
	assert_false(find(&m, &i, 1, 2, 0, 0));
	assert_false(find(&m, &i, 2, 1, 1, 0));
	arena_clear(&a);
}

static void embedded_messages(void **state)
{
	const struct span in = SPAN("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
				    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
				    "Subject: inner\r\nFrom: i@n\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nX\r\n--c--\r\n"
				    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: leaf\r\n\r\ntext\r\n"
				    "--b--\r\n");
	struct mime_message m;
	struct arena a;
	uint32_t i;

	(void)state;
	parse(in, &a, &m);
	expect_text(m.body_structure,
		    "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 87 "
		    "(NIL \"inner\" ((NIL NIL \"i\" \"n\")) ((NIL NIL \"i\" \"n\")) ((NIL NIL \"i\" \"n\")) NIL NIL NIL NIL NIL) "
		    "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"c\") NIL NIL NIL) 7 NIL NIL NIL NIL)"
		    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"leaf\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 4 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)");
	assert_true(find(&m, &i, 1, 1, 0, 0) && m.parts[i].kind == MIME_MESSAGE);
	assert_true(find(&m, &i, 2, 1, 1, 0));
	expect_text(text_of(in, &m, i), "X");
	assert_false(find(&m, &i, 2, 1, 2, 0));
	assert_true(find(&m, &i, 2, 2, 1, 0));
	expect_text(text_of(in, &m, i), "text");
	assert_false(find(&m, &i, 3, 2, 1, 1));
	arena_clear(&a);
	/* The message itself is message/rfc822: 1 is its body, 1.1 the text of what is inside. */
	parse(SPAN("Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhello\r\n"), &a, &m);
	assert_true(find(&m, &i, 1, 1, 0, 0) && i == 0);
	assert_true(find(&m, &i, 2, 1, 1, 0) && i == 1);
	expect_text(m.body, "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 7 1) 3)");
	arena_clear(&a);
}

static void a_digest_holds_messages(void **state)
{
	(void)state;
	expect_structure("Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\nhi\r\n--b\r\nContent-Type: text/html\r\n\r\n--b--",
			 "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 2 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
			 "(\"text\" \"html\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"b\") NIL NIL NIL)");
}

static void boundaries_that_end_oddly(void **state)
{
	struct mime_message m;
	struct arena a;

	(void)state;
	/* An end that is missing, of the inner one and of both. */
	expect_structure("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\n1\r\n--a\r\n\r\n2",
			 "(((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"ab\") NIL NIL NIL)"
			 "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 1 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"a\") NIL NIL NIL)");
	/* Line ends of LF only; a delimiter without line end; a part that is all header. */
	parse(SPAN("Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n\n--a\nX: y\n--a--"), &a, &m);
	assert_int_equal(m.count, 3);
	assert_int_equal(m.parts[1].body_end - m.parts[1].body_start, 4);
	assert_int_equal(m.parts[1].body_lines, 1);
	assert_int_equal(m.parts[2].body_end, m.parts[2].body_start);
	arena_clear(&a);
	/* An embedded message that is all header, cut by the outer delimiter. */
	parse(SPAN("Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n--a\r\nContent-Type: message/rfc822\r\n--a--\r\n"), &a, &m);
	assert_int_equal(m.count, 5);
	for (size_t i = 1; i < m.count; i++) {
		assert_true(m.parts[i].body_end <= m.parts[m.parts[i].parent].body_end);
		assert_true(m.parts[i].header_start >= m.parts[m.parts[i].parent].body_start);
		assert_int_equal(m.parts[i].body_lines, 0);
	}
	arena_clear(&a);
	/* An embedded message of a header and its empty line: the line end belongs to the delimiter, and the parts still nest. */
	parse(SPAN("Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: x\r\n\r\n--a--\r\n"), &a, &m);
	assert_int_equal(m.count, 3);
	assert_int_equal(m.parts[1].body_end - m.parts[1].body_start, 12);
	assert_int_equal(m.parts[2].body_start, m.parts[1].body_end);
	assert_int_equal(m.parts[2].body_end, m.parts[1].body_end);
	arena_clear(&a);
	/* No delimiter at all: one empty part. */
	expect_structure("Content-Type: multipart/mixed; boundary=a\r\n\r\nnothing\r\n", "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"a\") NIL NIL NIL)");
	/* A boundary that looks like a field. */
	expect_structure("Content-Type: multipart/mixed; boundary=\"x:y\"\r\n\r\n--x:y\r\n--x:y--\r\n", "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"x:y\") NIL NIL NIL)");
}

static void a_line_that_is_no_field_begins_the_body(void **state)
{
	struct mime_message m;
	struct arena a;

	(void)state;
	parse(SPAN("A: b\r\nno field\r\nB: c\r\n\r\nx"), &a, &m);
	assert_int_equal(m.header_bytes, 6);
	assert_int_equal(m.parts[0].body_lines, 3);
	arena_clear(&a);
	parse(SPAN("   \r\n\r\nx"), &a, &m);
	assert_int_equal(m.header_bytes, 0);
	arena_clear(&a);
	parse(SPAN("Content-Type: message/rfc822\r\n junk: x\r\nno field\r\n"), &a, &m);
	assert_int_equal(m.count, 2);
	assert_int_equal(m.header_bytes, 40);
	assert_int_equal(m.parts[1].body_lines, 1);
	arena_clear(&a);
}

static void a_long_boundary_makes_a_leaf(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 65536);
	buf_add_str(&b, "Content-Type: multipart/mixed; boundary=");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\r\n\r\n--");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\r\n\r\nhi\r\n");
	parse(buf_span(&b), &a, &m);
	assert_int_equal(m.count, 1);
	assert_int_equal(m.parts[0].kind, MIME_LEAF);
	expect_text(m.body, "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 2010)");
	arena_clear(&a);
	buf_clear(&b);
}

/* Wall-clock ceilings here are wide: they tell linear from quadratic. */
static void parse_timed(struct buf *b, struct arena *a, struct mime_message *m, int max_ms)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	arena_init(a, MIME_ARENA_BYTES);
	parse_in_pieces(buf_span(b), b->len, a, m);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < max_ms);
	assert_true(m->count <= MIME_MAX_PARTS);
	assert_true(m->body_structure.len <= 1u << 20);
}

static void ten_thousand_nested_multiparts(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 8u << 20);
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%sContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i ? "" : "A: b\r\n", i, i);
	parse_timed(&b, &a, &m, 5000);
	assert_int_equal(m.count, MIME_MAX_DEPTH);
	assert_int_equal(m.parts[m.count - 1].kind, MIME_LEAF);
	arena_clear(&a);
	buf_clear(&b);
}

static void a_million_empty_parts(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 32u << 20);
	buf_add_str(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 1000000; i++)
		buf_add_str(&b, "--b\r\n\r\n");
	parse_timed(&b, &a, &m, 10000);
	assert_int_equal(m.count, MIME_MAX_PARTS);
	arena_clear(&a);
	buf_clear(&b);
}

static void messages_in_messages(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 8u << 20);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "Subject: %d\r\nContent-Type: message/rfc822\r\n\r\n", i);
	parse_timed(&b, &a, &m, 5000);
	assert_int_equal(m.count, MIME_MAX_DEPTH);
	assert_int_equal(m.parts[98].kind, MIME_MESSAGE);
	assert_int_equal(m.parts[99].kind, MIME_LEAF);
	arena_clear(&a);
	buf_clear(&b);
}

static void a_structure_too_large_is_one_leaf(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 8u << 20);
	buf_add_str(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 3000; i++) {
		buf_add_str(&b, "--b\r\nContent-Description: ");
		for (int k = 0; k < 900; k++)
			buf_add_char(&b, 'd');
		buf_add_str(&b, "\r\n\r\n");
	}
	parse_timed(&b, &a, &m, 5000);
	assert_true(span_starts(m.body_structure, SPAN("(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 2")));
	arena_clear(&a);
	buf_clear(&b);
}

static void headers_past_their_room_are_counted(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 64u << 20);
	buf_add_str(&b, "Subject: here\r\n");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, "Received: from a by b with c; Mon, 1 Jan 2001 00:00:00 +0000\r\n");
	buf_add_str(&b, "From: lost@b\r\n\r\nbody\r\n");
	parse_timed(&b, &a, &m, 5000);
	expect_text(m.subject, "here");
	assert_int_equal(m.from.len, 0);
	assert_int_equal(m.parts[0].header_lines, 100003);
	assert_int_equal(m.header_bytes, b.len - 6);
	arena_clear(&a);
	/* One field of 16 MiB, in front and behind. */
	buf_reset(&b);
	buf_add_str(&b, "Subject: here\r\nX: ");
	for (int i = 0; i < 1 << 20; i++)
		buf_add_str(&b, "aaaaaaaaaaaaa\r\n ");
	buf_add_str(&b, "end\r\n\r\nbody\r\n");
	parse_timed(&b, &a, &m, 5000);
	expect_text(m.subject, "here");
	assert_int_equal(m.parts[0].body_end, 6);
	arena_clear(&a);
	buf_clear(&b);
}

static void parameters_are_decoded(void **state)
{
	struct mime_message m;
	struct arena a;

	(void)state;
	parse(SPAN("Content-Type: application/x; name*0*=utf-8''J%C3%BC; name*1=\"rg%20\"; name*2*=en%20.pdf; name*999999999*=x\r\n\r\n"), &a, &m);
	expect_text(m.parts[0].name, "J\xc3\xbcrg%20en .pdf");
	arena_clear(&a);
	parse(SPAN("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Disposition: attachment; filename*=iso-8859-1'de'%FCber.txt; filename=plain.txt\r\n\r\n"), &a, &m);
	expect_text(m.parts[0].name, "\xc3\xbc"
				     "ber.txt");
	expect_text(m.parts[0].charset, "iso-8859-1");
	arena_clear(&a);
	parse(SPAN("Content-Type: application/pdf; name=\"=?utf-8?Q?a=C3=BC?=\"\r\n\r\n"), &a, &m);
	expect_text(m.parts[0].name, "a\xc3\xbc");
	arena_clear(&a);
	parse(SPAN("Content-Type: application/pdf; name=my file(1).pdf; x\r\n\r\n"), &a, &m);
	expect_text(m.parts[0].name, "my file(1).pdf");
	arena_clear(&a);
	parse(SPAN("Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\nx\r\n--ab--"), &a, &m);
	assert_int_equal(m.count, 2);
	arena_clear(&a);
}

static void a_hundred_thousand_continuations(void **state)
{
	struct buf b;
	struct mime_message m;
	struct arena a;

	(void)state;
	buf_init(&b, 8u << 20);
	buf_add_str(&b, "Content-Type: application/x");
	for (int i = 0; i < 100000; i++)
		buf_addf(&b, ";\r\n name*%d=x", i);
	buf_add_str(&b, "\r\n\r\n");
	parse_timed(&b, &a, &m, 5000);
	assert_int_equal(m.parts[0].name.len, 100);
	arena_clear(&a);
	buf_clear(&b);
}

static void subjects_are_decoded_and_harmless(void **state)
{
	struct mime_message m;
	struct arena a;

	(void)state;
	parse(SPAN("Subject: =?utf-8?B?R3LDvMOfZQ0KQmNjOiB4?= there\r\nFrom: \"a\rb\"@c\r\n\r\n"), &a, &m);
	expect_text(m.subject, "Gr\xc3\xbc\xc3\x9f"
			       "e  Bcc: x there");
	expect_text(m.from, "");
	arena_clear(&a);
}

static void tables_are_stored_and_read_back(void **state)
{
	static const char single[] = "From: a@b\r\nSubject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nhello there\r\n";
	const char *const messages[] = { single, mixed, "", "Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nx" };
	struct mime_message m, back;
	struct arena a;
	struct buf b, again;

	(void)state;
	buf_init(&b, 65536);
	buf_init(&again, 65536);
	for (size_t i = 0; i < 4; i++) {
		parse(span_str(messages[i]), &a, &m);
		buf_reset(&b);
		buf_reset(&again);
		mime_parts_encode(&m, &b);
		if (i == 0)
			assert_true(b.len < 40);
		assert_int_equal(mime_parts_decode(buf_span(&b), &a, &back), ERR_OK);
		mime_parts_encode(&back, &again);
		assert_true(span_equals(buf_span(&b), buf_span(&again)));
		assert_int_equal(back.count, m.count);
		for (size_t k = 0; k < m.count; k++) {
			assert_int_equal(m.parts[k].first_child, back.parts[k].first_child);
			assert_int_equal(m.parts[k].next_sibling, back.parts[k].next_sibling);
			assert_true(span_equals(m.parts[k].boundary, back.parts[k].boundary));
		}
		for (size_t cut = 0; cut < b.len; cut++)
			assert_int_equal(mime_parts_decode(span_take(buf_span(&b), cut), &a, &back), ERR_CORRUPT);
		buf_add_char(&b, 0);
		assert_int_equal(mime_parts_decode(buf_span(&b), &a, &back), ERR_CORRUPT);
		b.ptr[0] = 9;
		assert_int_equal(mime_parts_decode(buf_span(&b), &a, &back), ERR_CORRUPT);
		arena_clear(&a);
	}
	buf_clear(&b);
	buf_clear(&again);
}

static void a_small_arena_is_a_limit(void **state)
{
	struct message_parser *p;
	struct mime_message m;
	struct arena a;

	(void)state;
	arena_init(&a, 100);
	assert_int_equal(message_parser_begin(&p), ERR_OK);
	message_parser_feed(p, SPAN("A: b\r\n\r\n"));
	assert_int_equal(message_parser_finish(p, &a, &m), ERR_LIMIT);
	message_parser_end(&p);
	message_parser_end(&p);
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_message),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(a_nul_in_a_header_is_sent_as_a_space),
		cmocka_unit_test(structures_of_single_parts),
		cmocka_unit_test(nested_multiparts),
		cmocka_unit_test(sections_name_parts),
		cmocka_unit_test(embedded_messages),
		cmocka_unit_test(a_digest_holds_messages),
		cmocka_unit_test(boundaries_that_end_oddly),
		cmocka_unit_test(a_line_that_is_no_field_begins_the_body),
		cmocka_unit_test(a_long_boundary_makes_a_leaf),
		cmocka_unit_test(ten_thousand_nested_multiparts),
		cmocka_unit_test(a_million_empty_parts),
		cmocka_unit_test(messages_in_messages),
		cmocka_unit_test(a_structure_too_large_is_one_leaf),
		cmocka_unit_test(headers_past_their_room_are_counted),
		cmocka_unit_test(parameters_are_decoded),
		cmocka_unit_test(a_hundred_thousand_continuations),
		cmocka_unit_test(subjects_are_decoded_and_harmless),
		cmocka_unit_test(tables_are_stored_and_read_back),
		cmocka_unit_test(a_small_arena_is_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
