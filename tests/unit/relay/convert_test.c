/* Messages made 7-bit: which bytes come of which, and what can't be done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/mime/parts.h"
#include "daemon/relay/convert.h"

static enum err read_span(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	const struct span *message = arg;
	struct span rest = span_take(span_skip(*message, offset), size);

	if (rest.len > 0)
		memcpy(to, rest.ptr, rest.len);
	*count_out = rest.len;
	return ERR_OK;
}

static enum err collect(void *arg, struct span bytes)
{
	buf_add(arg, bytes);
	return ERR_OK;
}

static void assert_converted(struct span message, bool keep_8bit, const char *expected)
{
	struct convert_source from = { read_span, &message };
	struct convert *c;
	struct note why = { .text = "" };
	struct buf out;
	uint64_t size;

	if (convert_begin(&from, keep_8bit, true, &c, &why) != ERR_OK)
		fail_msg("%s", why.text);
	assert_non_null(c);
	buf_init(&out, 1u << 20);
	assert_int_equal(convert_size(c, &size), ERR_OK);
	assert_int_equal(convert_write(c, collect, &out), ERR_OK);
	assert_int_equal(size, out.len);
	if (!span_equals(buf_span(&out), span_str(expected)))
		print_error("%s\n", buf_cstr(&out));
	assert_true(span_equals(buf_span(&out), span_str(expected)));
	buf_clear(&out);
	convert_end(&c);
}

static void assert_untouched(struct span message, bool keep_8bit)
{
	struct convert_source from = { read_span, &message };
	struct convert *c;

	assert_int_equal(convert_begin(&from, keep_8bit, true, &c, NULL), ERR_OK);
	assert_null(c);
}

static void assert_impossible(struct span message, bool keep_8bit, const char *words)
{
	struct convert_source from = { read_span, &message };
	struct convert *c;
	struct note why = { .text = "" };
	size_t at;

	assert_int_equal(convert_begin(&from, keep_8bit, true, &c, &why), ERR_SYNTAX);
	assert_null(c);
	assert_true(span_find(span_str(why.text), span_str(words), &at));
}

#define MIME "MIME-Version: 1.0\r\n"
#define QUOTED "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
#define UTF8_TEXT "Content-Type: text/plain; charset=utf-8\r\n"

static void what_is_7_bit_stays(void **state)
{
	(void)state;
	assert_untouched(SPAN("Subject: x\r\n\r\ntext\r\n"), false);
	assert_untouched(SPAN("Subject: x\r\nContent-Transfer-Encoding: 8bit\r\n\r\ntext\r\n"), false);
	assert_untouched(SPAN("Subject: \xc3\xa4\r\n\r\n\xc3\xa4\r\n"), true);
	assert_untouched(SPAN(""), false);
}

static void text_is_quoted_printable(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME UTF8_TEXT "Content-Transfer-Encoding: 8BIT\r\n\r\nan \xc3\xa4, a = and blanks \t \r\n.dot\r\n--dash\r\n"), false,
			 MIME UTF8_TEXT QUOTED "\r\nan =C3=A4, a =3D and blanks \t=20\r\n=2Edot\r\n=2D-dash\r\n");
	/* 76 characters a line at most, its mark included. */
	assert_converted(SPAN(MIME UTF8_TEXT "\r\n\xc3\xa4 890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\r\n"), false,
			 MIME UTF8_TEXT QUOTED "\r\n=C3=A4 89012345678901234567890123456789012345678901234567890123456789012345=\r\n6789012345678901234567890\r\n");
}

static void an_end_without_a_line_end_stays_one(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME UTF8_TEXT "\r\nsome text with an \xc3\xa4"), false, MIME UTF8_TEXT QUOTED "\r\nsome text with an =C3=A4=\r\n");
	assert_converted(SPAN(MIME "Content-Type: image/x\r\n\r\n\xff\xfe"), false, MIME "Content-Type: image/x\r\n" BASE64 "\r\n//4=\r\n");
}

static void what_is_mostly_8_bit_or_no_text_is_base64(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME UTF8_TEXT "\r\n\xd0\xb6\xd0\xb6\xd0\xb6\r\n"), false, MIME UTF8_TEXT BASE64 "\r\n0LbQttC2DQo=\r\n");
	assert_converted(SPAN(MIME "Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\na\xff\r\n"), false, MIME "Content-Type: application/pdf\r\n" BASE64 "\r\nYf8NCg==\r\n");
}

static void a_message_without_mime_becomes_one(void **state)
{
	(void)state;
	assert_converted(SPAN("Subject: x\r\n\r\nsome text, and an \xe4\r\n"), false, "Subject: x\r\n" MIME "Content-Type: text/plain; charset=unknown-8bit\r\n" QUOTED "\r\nsome text, and an =E4\r\n");
}

static void binary_alone_is_converted_where_8_bit_may_stay(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n" UTF8_TEXT "Content-Transfer-Encoding: binary\r\n\r\n\xc3\xa4\r\n--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: binary\r\n\r\n1\n2\r3\r\n--b--\r\n"), true,
			 MIME "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--b\r\n" UTF8_TEXT "Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n--b\r\nContent-Type: a/b\r\n" BASE64 "\r\nMQoyDTM=\r\n--b--\r\n");
}

static void bare_line_ends_of_text_are_kept_as_bytes(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME "Content-Type: text/plain\r\n\r\nline one\nline two\rthree\r\n.\r\nand a text that is much longer than what is escaped in it\r\n"), false,
			 MIME "Content-Type: text/plain\r\n" QUOTED "\r\nline one=0Aline two=0Dthree\r\n=2E\r\nand a text that is much longer than what is escaped in it\r\n");
}

static void the_structure_stays(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME "Content-Type: multipart/mixed; boundary=o\r\nContent-Transfer-Encoding: 8bit\r\n\r\npre\xff\r\n--o\r\n\r\nplain\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\nContent-Transfer-Encoding: 8bit\r\n\r\n--i\r\n" UTF8_TEXT
				   "\r\nmostly ascii, one \xc3\xa4\r\n--i--\r\n\r\n--o\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: in\r\n" UTF8_TEXT "Content-Transfer-Encoding: 8bit\r\n\r\nthe embedded one has \xc3\xa4\r\n--o--\r\nend\r\n"),
			 false,
			 MIME "Content-Type: multipart/mixed; boundary=o\r\nContent-Transfer-Encoding: 7bit\r\n\r\npre?\r\n--o\r\n\r\nplain\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\nContent-Transfer-Encoding: 7bit\r\n\r\n--i\r\n" UTF8_TEXT QUOTED
			      "\r\nmostly ascii, one =C3=A4\r\n--i--\r\n\r\n--o\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: in\r\n" UTF8_TEXT MIME QUOTED "\r\nthe embedded one has =C3=A4\r\n--o--\r\nend\r\n");
}

static void an_internationalized_message_within_is_encoded_whole(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: \xc3\xa4\r\n\r\nx\r\n"), false, MIME "Content-Type: message/global\r\n" BASE64 "\r\nU3ViamVjdDogw6QNCg0KeA0K\r\n");
}

static void a_soft_line_break_makes_no_boundary(void **state)
{
	(void)state;
	assert_converted(SPAN(MIME "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" UTF8_TEXT "\r\n\xc3\xa4"
				   "789012345678901234567890123456789012345678901234567890123456789012345--b\r\n--b--\r\n"),
			 false,
			 MIME "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" UTF8_TEXT QUOTED "\r\n=C3=A4789012345678901234567890123456789012345678901234567890123456789012345=\r\n=2D-b\r\n--b--\r\n");
}

static void what_is_signed_is_not_changed(void **state)
{
	(void)state;
	assert_impossible(SPAN(MIME "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n" UTF8_TEXT "\r\n\xc3\xa4\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"), false, "signed");
	/* One that is 7-bit goes through beside others that are not. */
	assert_converted(SPAN(MIME "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n--b--\r\n--o\r\n" UTF8_TEXT "\r\nmostly ascii, one \xc3\xa4\r\n--o--\r\n"), false,
			 MIME "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: 8bit\r\n\r\nx\r\n--b--\r\n--o\r\n" UTF8_TEXT QUOTED "\r\nmostly ascii, one =C3=A4\r\n--o--\r\n");
}

static void what_nobody_can_convert_is_said_to_be_so(void **state)
{
	(void)state;
	assert_impossible(SPAN("Subject: \xe4\r\n\r\nx\r\n"), false, "header");
	assert_impossible(SPAN(MIME "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b; name=\xe4\r\n\r\nx\r\n--b--\r\n"), false, "header of a part");
	assert_impossible(SPAN(MIME "Content-Type: message/delivery-status\r\n\r\nx: \xe4\r\n"), false, "message");
	assert_impossible(SPAN(MIME UTF8_TEXT QUOTED "\r\n\xe4\r\n"), false, "encoded");
	assert_impossible(SPAN(MIME UTF8_TEXT "Content-Transfer-Encoding: x-uuencode\r\n\r\n\xe4\r\n"), false, "encoded");
}

/* Those behind the last one that is looked at would be taken for what stands between parts. */
static void more_parts_than_are_looked_at_are_not_lost(void **state)
{
	static const char part[] = "--b\r\n" UTF8_TEXT "Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n";
	struct buf message;

	(void)state;
	buf_init(&message, 16u << 20);
	buf_add(&message, SPAN(MIME "Content-Type: multipart/mixed; boundary=b\r\n\r\n"));
	for (size_t i = 0; i < MIME_MAX_PARTS + 20; i++)
		buf_add(&message, span_str(part));
	buf_add(&message, SPAN("--b--\r\n"));
	assert_impossible(buf_span(&message), false, "too many parts");
	buf_clear(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_7_bit_stays),
		cmocka_unit_test(text_is_quoted_printable),
		cmocka_unit_test(an_end_without_a_line_end_stays_one),
		cmocka_unit_test(what_is_mostly_8_bit_or_no_text_is_base64),
		cmocka_unit_test(a_message_without_mime_becomes_one),
		cmocka_unit_test(binary_alone_is_converted_where_8_bit_may_stay),
		cmocka_unit_test(bare_line_ends_of_text_are_kept_as_bytes),
		cmocka_unit_test(the_structure_stays),
		cmocka_unit_test(an_internationalized_message_within_is_encoded_whole),
		cmocka_unit_test(a_soft_line_break_makes_no_boundary),
		cmocka_unit_test(what_is_signed_is_not_changed),
		cmocka_unit_test(more_parts_than_are_looked_at_are_not_lost),
		cmocka_unit_test(what_nobody_can_convert_is_said_to_be_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
