#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/mime/message.h"
#include "daemon/mime/preview.h"
#include "daemon/mime/refs.h"

static void parse(struct span in, size_t piece, struct arena *a, struct mime_message *out)
{
	struct message_parser *p;

	assert_int_equal(message_parser_begin(&p), ERR_OK);
	while (in.len > 0) {
		message_parser_feed(p, span_take(in, piece));
		in = span_skip(in, piece);
	}
	assert_int_equal(message_parser_finish(p, a, out), ERR_OK);
	message_parser_end(&p);
}

static void expect_preview(const char *in, const char *want)
{
	static const size_t pieces[] = { 1, 2, 7, 100000 };

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct mime_message m;
		struct arena a;

		arena_init(&a, MIME_ARENA_BYTES);
		parse(span_str(in), pieces[i], &a, &m);
		if (!span_equals(m.preview, span_str(want)))
			fail_msg("\n got: %.*s\nwant: %s", (int)m.preview.len, m.preview.ptr, want);
		assert_non_null(m.preview.ptr);
		arena_clear(&a);
	}
}

static void preview_folds_blanks(void **state)
{
	(void)state;
	expect_preview("Subject: x\r\n\r\n  Hello\r\n\r\n\tworld,  how\r\nare you?  \r\n", "Hello world, how are you?");
	expect_preview("Subject: x\r\n\r\n", "");
	expect_preview("Subject: x\r\n", "");
	expect_preview("", "");
	expect_preview("no header here\r\nsecond\r\n", "no header here second");
}

static void preview_decodes(void **state)
{
	(void)state;
	expect_preview("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe =\r\naus K=F6ln\r\n",
		       "Gr\xC3\xBC\xC3\x9F"
		       "e aus K\xC3\xB6ln");
	expect_preview("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8g\r\n8J+Mjg==\r\n", "Hello \xF0\x9F\x8C\x8E");
	expect_preview("Content-Type: text/plain; charset=utf-8\r\n\r\nbad \xff byte", "bad \xEF\xBF\xBD byte");
}

static void preview_leaves_quotes_out(void **state)
{
	(void)state;
	expect_preview("Subject: x\r\n\r\n> you said\r\n> that\r\nI say this\r\n", "I say this");
	expect_preview("Subject: x\r\n\r\n> only\r\n> quotes\r\n", "> only > quotes");
}

static void preview_reads_html(void **state)
{
	(void)state;
	expect_preview("Content-Type: text/html\r\n\r\n<html><head><title>T</title><style>p { x > y }</style></head>\r\n<body><!-- no -->"
		       "<p class=\"a>b\">One&nbsp;<b>tw</b>o</p><p>a &lt; b &amp; c &#8212; &#x41;&unknown; &</p><script>if (a < b)</script> end</body>",
		       "One two a < b & c \xE2\x80\x94 A&unknown; & end");
	expect_preview("Content-Type: text/html\r\n\r\n<style>never ended", "");
	expect_preview("Content-Type: text/html\r\n\r\nhidden \xE2\x80\x8C\xC2\xA0\xE2\x80\x8C\xC2\xA0 words", "hidden words");
}

static void preview_takes_first_text(void **state)
{
	(void)state;
	expect_preview("Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Type: image/png\r\n\r\nxx\r\n"
		       "--b\r\nContent-Type: text/plain; name=notes.txt\r\n\r\nattached\r\n"
		       "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\n \r\n--c\r\nContent-Type: text/html\r\n\r\n<i>yes</i>\r\n--c--\r\n"
		       "--b\r\n\r\nlater\r\n--b--\r\nepilogue\r\n",
		       "yes");
	expect_preview("Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nforwarded\r\n", "forwarded");
	expect_preview("Content-Type: message/rfc822\r\n\r\nno field at all\r\nmore\r\n", "no field at all more");
	expect_preview("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno field\r\nmore\r\n--b--\r\n", "no field more");
	expect_preview("Content-Type: application/pdf\r\n\r\nxx", "");
}

static void preview_is_200_characters(void **state)
{
	struct buf in, want;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&want, 1 << 20);
	buf_add_str(&in, "Content-Type: text/html; charset=utf-8\r\n\r\n<style>");
	for (size_t i = 0; i < 1000; i++)
		buf_add_str(&in, "body { }\r\n");
	buf_add_str(&in, "</style>");
	for (size_t i = 0; i < 300; i++)
		buf_add_str(&in, "\xC3\xA9");
	for (size_t i = 0; i < 200; i++)
		buf_add_str(&want, "\xC3\xA9");
	expect_preview(buf_cstr(&in), buf_cstr(&want));
	buf_reset(&in);
	buf_reset(&want);
	buf_add_str(&in, "Subject: x\r\n\r\n");
	for (size_t i = 0; i < 199; i++) {
		buf_add_char(&in, 'a');
		buf_add_char(&want, 'a');
	}
	buf_add_str(&in, " b");
	expect_preview(buf_cstr(&in), buf_cstr(&want));
	buf_clear(&in);
	buf_clear(&want);
}

static void expect_refs(const char *in, const char *want)
{
	struct mime_message m;
	struct buf shown;
	struct arena a;

	arena_init(&a, MIME_ARENA_BYTES);
	buf_init(&shown, 1 << 20);
	parse(span_str(in), 100000, &a, &m);
	for (size_t i = 0; i < m.refs.len; i++)
		buf_add_char(&shown, m.refs.ptr[i] ? m.refs.ptr[i] : '|');
	assert_string_equal(buf_cstr(&shown), want);
	buf_clear(&shown);
	arena_clear(&a);
}

static void refs_are_normal(void **state)
{
	(void)state;
	expect_refs("Subject: x\r\n\r\n", "");
	expect_refs("References: <a@b>\r\n\t<c@d> junk <\"quoted \\\"x\"@y>\r\nIn-Reply-To: <z@z>\r\n\r\n", "a@b|c@d|quoted \"x@y|");
	expect_refs("In-Reply-To: message of today <z@z> <y@y>\r\n\r\n", "z@z|");
	expect_refs("References: none\r\nIn-Reply-To: <z@z>\r\n\r\n", "z@z|");
	expect_refs("References: <no-at> <a@b> <<c@d> <e @\r\n f> <unclosed@x\r\n\r\n", "a@b|c@d|e@f|");
	expect_refs("References: <@> <\"a@b\">\r\n\r\n", "");
}

static void refs_keep_oldest_and_newest(void **state)
{
	struct mime_message m;
	struct arena a;
	struct buf in;
	struct span rest, id;
	size_t count = 0;

	(void)state;
	buf_init(&in, 1 << 20);
	arena_init(&a, MIME_ARENA_BYTES);
	buf_add_str(&in, "References:");
	for (size_t i = 0; i < 3000; i++)
		buf_addf(&in, "\r\n <%zu@x>", i);
	buf_add_str(&in, "\r\n\r\n");
	parse(buf_span(&in), 1000, &a, &m);
	for (rest = m.refs; rest.len && span_split(&rest, '\0', &id); count++) {
		if (count == 0)
			assert_true(span_equals(id, SPAN("0@x")));
		if (count == 1)
			assert_true(span_equals(id, SPAN("2901@x")));
	}
	assert_int_equal(count, MIME_REFS_MAX);
	arena_clear(&a);
	buf_clear(&in);
}

static void long_ids_are_none(void **state)
{
	struct buf in, id;
	struct span rest;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&id, REFS_ID_MAX);
	buf_add_char(&in, '<');
	for (size_t i = 0; i < 4 * REFS_ID_MAX; i++)
		buf_add_char(&in, 'x');
	buf_add_str(&in, "@y> <a@b>");
	rest = buf_span(&in);
	assert_true(refs_next(&rest, &id));
	assert_true(span_equals(buf_span(&id), SPAN("a@b")));
	assert_false(refs_next(&rest, &id));
	buf_clear(&in);
	buf_clear(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preview_folds_blanks),
		cmocka_unit_test(preview_decodes),
		cmocka_unit_test(preview_leaves_quotes_out),
		cmocka_unit_test(preview_reads_html),
		cmocka_unit_test(preview_takes_first_text),
		cmocka_unit_test(preview_is_200_characters),
		cmocka_unit_test(refs_are_normal),
		cmocka_unit_test(refs_keep_oldest_and_newest),
		cmocka_unit_test(long_ids_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
