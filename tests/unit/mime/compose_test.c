/* Messages composed from parts: what stands in them, byte by byte where the RFCs say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/mime/compose.h"
#include "daemon/mime/header.h"
#include "daemon/mime/text.h"
#include "daemon/mime/words.h"

static struct buf out;

static enum err take(void *arg, struct span bytes)
{
	buf_add(arg, bytes);
	return ERR_OK;
}

static const char *composed(const struct compose *m)
{
	buf_reset(&out);
	assert_int_equal(compose_write(m, take, &out), ERR_OK);
	return buf_cstr(&out);
}

static struct compose simple(void)
{
	return (struct compose){ .from = { SPAN("Alice"), SPAN("alice@example.org") }, .message_id = SPAN("id@mail.example.org"), .text = SPAN("") };
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* CRLF only, no line over 998, header lines with encoded words at most 76. */
static void is_sound(const char *text)
{
	size_t line = 0;

	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '\r')
			assert_int_equal(text[i + 1], '\n');
		if (text[i] == '\n') {
			assert_true(i > 0 && text[i - 1] == '\r');
			assert_true(line <= 999);
			line = 0;
			continue;
		}
		line++;
	}
}

static void plain_text_stays_plain(void **state)
{
	struct compose m = simple();
	struct compose_mailbox to[] = { { SPAN(""), SPAN("bob@example.org") }, { SPAN("O'Neil, Carol"), SPAN("carol@example.org") } };

	(void)state;
	m.subject = SPAN("Hello");
	m.text = SPAN("one\ntwo\r\nthree");
	m.to = to;
	m.to_count = 2;
	assert_string_equal(composed(&m), "Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nFrom: Alice <alice@example.org>\r\nTo: bob@example.org, \"O'Neil, Carol\" <carol@example.org>\r\nSubject: Hello\r\n"
					  "Message-ID: <id@mail.example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\none\r\ntwo\r\nthree\r\n");
}

static void other_letters_become_encoded_words_that_decode_again(void **state)
{
	static const char long_text[] = "Gr\xC3\xBC\xC3\x9F"
					"e aus M\xC3\xBCnchen, und noch viel mehr W\xC3\xB6rter, die in keiner einzelnen Zeile Platz haben k\xC3\xB6nnen \xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80";
	const char *const texts[] = { long_text, "\xF0\x9F\x98\x80", "=?UTF-8?Q?x?=", " leading", "trailing ", "a\tb" };
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct compose m = simple();
		struct header_field field;
		struct span decoded, rest;

		m.subject = span_str(texts[i]);
		(void)composed(&m);
		is_sound(buf_cstr(&out));
		assert_true(header_find(buf_span(&out), SPAN("Subject"), 0, &field));
		for (rest = field.whole; rest.len > 0;) {
			struct span line;

			if (!span_split(&rest, '\n', &line))
				break;
			assert_true(line.len <= 77);
		}
		decoded = header_decode(&a, header_unfold(&a, field.value));
		if (i < 5)
			assert_true(span_equals(decoded, span_str(texts[i])));
		else
			assert_true(span_equals(decoded, SPAN("a b")));
	}
	arena_clear(&a);
}

static void long_subjects_are_folded_and_unfold_to_the_same(void **state)
{
	struct compose m = simple();
	struct header_field field;
	struct arena a;
	char words[600], run[3000];

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < sizeof words - 1; i++)
		words[i] = i % 7 == 6 ? ' ' : 'w';
	words[sizeof words - 1] = '\0';
	words[sizeof words - 2] = 'w';
	m.subject = span_str(words);
	(void)composed(&m);
	is_sound(buf_cstr(&out));
	assert_true(header_find(buf_span(&out), SPAN("Subject"), 0, &field));
	assert_true(span_equals(header_unfold(&a, field.value), m.subject));
	memset(run, 'x', sizeof run - 1);
	run[sizeof run - 1] = '\0';
	m.subject = span_str(run);
	(void)composed(&m);
	is_sound(buf_cstr(&out));
	assert_true(header_find(buf_span(&out), SPAN("Subject"), 0, &field));
	assert_true(span_equals(header_decode(&a, header_unfold(&a, field.value)), m.subject));
	arena_clear(&a);
}

static void nothing_given_can_begin_a_line_of_its_own(void **state)
{
	struct compose m = simple();
	struct compose_field field = { SPAN("X-Tag"), SPAN("a\r\nBcc: eve@example.org") };
	struct compose_part part = { SPAN("text/plain"), SPAN("a\r\nX: y\".txt"), SPAN(""), SPAN("YQ==") };

	(void)state;
	m.subject = SPAN("x\r\nBcc: eve@example.org\r\n\r\nbody");
	m.from.name = SPAN("A\r\nB: c");
	m.fields = &field;
	m.field_count = 1;
	m.parts = &part;
	m.part_count = 1;
	(void)composed(&m);
	is_sound(buf_cstr(&out));
	assert_null(strstr(buf_cstr(&out), "\nBcc"));
	assert_null(strstr(buf_cstr(&out), "\nX:"));
	assert_null(strstr(buf_cstr(&out), "\nB:"));
}

static void eight_bit_text_is_quoted_and_reads_the_same(void **state)
{
	static const char text[] = "Zeile eins \nZeile zwei mit \xC3\xA4\xC3\xB6\xC3\xBC = Gleichheitszeichen und sehr vielen weiteren W\xC3\xB6rtern bis weit hinter die Grenze\n.\n";
	struct compose m = simple();
	struct buf decoded;

	(void)state;
	m.text = span_str(text);
	(void)composed(&m);
	is_sound(buf_cstr(&out));
	has(buf_cstr(&out), "Content-Transfer-Encoding: quoted-printable");
	buf_init(&decoded, 4096);
	text_decode_transfer(SPAN("quoted-printable"), span_skip(buf_span(&out), header_length(buf_span(&out))), &decoded);
	assert_string_equal(buf_cstr(&decoded), "Zeile eins \r\nZeile zwei mit \xC3\xA4\xC3\xB6\xC3\xBC = Gleichheitszeichen und sehr vielen weiteren W\xC3\xB6rtern bis weit hinter die Grenze\r\n.\r\n");
	buf_clear(&decoded);
}

static void a_line_without_end_is_quoted(void **state)
{
	struct compose m = simple();
	char *line = malloc(200001);

	(void)state;
	assert_non_null(line);
	memset(line, 'a', 200000);
	line[200000] = '\0';
	m.text = span_str(line);
	(void)composed(&m);
	is_sound(buf_cstr(&out));
	free(line);
}

static void parts_stand_in_their_tree(void **state)
{
	struct compose_part parts[] = { { SPAN("image/png"), SPAN("logo.png"), SPAN("logo"), SPAN("iVBORw0KGgo=") }, { SPAN("application/pdf"), SPAN("\xC3\x9C"
																		     "bersicht.pdf"),
														       SPAN(""), SPAN("JVBERi0=") } };
	struct compose m = simple();
	const char *text;

	(void)state;
	m.html = SPAN("<img src=\"cid:logo\">");
	m.text = SPAN("plain");
	m.parts = parts;
	m.part_count = 2;
	text = composed(&m);
	is_sound(text);
	assert_true(strstr(text, "multipart/mixed") < strstr(text, "multipart/alternative"));
	assert_true(strstr(text, "multipart/alternative") < strstr(text, "text/plain"));
	assert_true(strstr(text, "text/plain") < strstr(text, "multipart/related"));
	has(text, "multipart/related; type=\"text/html\"");
	has(text, "Content-ID: <logo>\r\n");
	has(text, "Content-Disposition: inline;\r\n\tfilename=\"logo.png\"\r\n");
	has(text, "filename*=UTF-8''%C3%9Cbersicht.pdf");
	has(text, "\r\n\r\nJVBERi0=\r\n");
}

static void long_content_is_wrapped_at_76(void **state)
{
	struct compose_part part = { SPAN("application/octet-stream"), SPAN(""), SPAN(""), SPAN("") };
	struct compose m = simple();
	char base64[401];

	(void)state;
	memset(base64, 'A', 400);
	base64[400] = '\0';
	part.base64 = span_str(base64);
	m.parts = &part;
	m.part_count = 1;
	(void)composed(&m);
	assert_null(strstr(buf_cstr(&out), "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
	has(buf_cstr(&out), "\r\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n");
}

static void base64_is_looked_at_to_its_end(void **state)
{
	char text[8193];

	(void)state;
	assert_true(compose_is_base64(SPAN("")));
	assert_true(compose_is_base64(SPAN("YQ==")));
	assert_false(compose_is_base64(SPAN("YQ=")));
	assert_false(compose_is_base64(SPAN("YQ==YQ==")));
	assert_false(compose_is_base64(SPAN("Y Q=")));
	memset(text, 'A', 8192);
	text[8192] = '\0';
	assert_true(compose_is_base64(span_str(text)));
	text[4095] = '=';
	assert_false(compose_is_base64(span_str(text)));
	text[4095] = 'A';
	text[8191] = '!';
	assert_false(compose_is_base64(span_str(text)));
}

static void parameters_in_pieces(void **state)
{
	char name[301];
	struct buf text;

	(void)state;
	memset(name, 'n', 300);
	name[300] = '\0';
	buf_init(&text, 8192);
	words_write_parameter("filename", span_str(name), &text);
	has(buf_cstr(&text), ";\r\n\tfilename*0*=UTF-8''nnn");
	has(buf_cstr(&text), ";\r\n\tfilename*5*=nnn");
	buf_reset(&text);
	words_write_parameter("filename", SPAN("say \"hi\"\\.txt"), &text);
	assert_string_equal(buf_cstr(&text), ";\r\n\tfilename=\"say \\\"hi\\\"\\\\.txt\"");
	buf_clear(&text);
}

static int make(void **state)
{
	(void)state;
	buf_init(&out, 8 << 20);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	buf_clear(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays_plain),
		cmocka_unit_test(other_letters_become_encoded_words_that_decode_again),
		cmocka_unit_test(long_subjects_are_folded_and_unfold_to_the_same),
		cmocka_unit_test(nothing_given_can_begin_a_line_of_its_own),
		cmocka_unit_test(eight_bit_text_is_quoted_and_reads_the_same),
		cmocka_unit_test(a_line_without_end_is_quoted),
		cmocka_unit_test(parts_stand_in_their_tree),
		cmocka_unit_test(long_content_is_wrapped_at_76),
		cmocka_unit_test(base64_is_looked_at_to_its_end),
		cmocka_unit_test(parameters_in_pieces),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
