/* The structure of one part, out of the whole message's (imap/part_structure.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/imap/part_structure.h"
#include "daemon/mime/message.h"

static const char text[] =
	"Subject: x\r\nContent-Type: multipart/mixed; boundary=\"a\\\"(b\"\r\n\r\n"
	"--a\"(b\r\nContent-Description: odd ) \"(\r\n\r\none\r\n"
	"--a\"(b\r\nContent-Type: message/rfc822\r\n\r\n"
	"Subject: \xc3\xa4 literal )\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
	"--c\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--c\r\nContent-Type: image/png\r\n\r\nx\r\n--c--\r\n"
	"--a\"(b--\r\n";

struct world {
	struct arena arena;
	struct mime_message m;
};

static int begin(void **state)
{
	static struct world w;
	struct message_parser *p;

	arena_init(&w.arena, MIME_ARENA_BYTES);
	assert_int_equal(message_parser_begin(&p), ERR_OK);
	message_parser_feed(p, span_str(text));
	assert_int_equal(message_parser_finish(p, &w.arena, &w.m), ERR_OK);
	message_parser_end(&p);
	*state = &w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	arena_clear(&w->arena);
	return 0;
}

static struct span at(struct world *w, const uint32_t *numbers, size_t count)
{
	struct span out;
	uint32_t index;

	assert_true(mime_part_find(&w->m, numbers, count, &index));
	assert_true(part_structure_find(&w->m, index, w->m.body_structure, &out));
	return out;
}

static void starts(struct span got, const char *want)
{
	if (!span_istarts(got, span_str(want)) || got.ptr[got.len - 1] != ')')
		fail_msg("\"%.*s\" does not start with \"%s\"", (int)got.len, got.ptr, want);
}

static void each_part_has_its_own(void **state)
{
	struct span out;

	starts(at(*state, (const uint32_t[]){ 1 }, 1), "(\"text\" \"plain\"");
	starts(at(*state, (const uint32_t[]){ 2 }, 1), "(\"message\" \"rfc822\"");
	starts(at(*state, (const uint32_t[]){ 2, 1 }, 2), "(\"text\" \"html\"");
	starts(at(*state, (const uint32_t[]){ 2, 2 }, 2), "(\"image\" \"png\"");
	assert_true(part_structure_find(&((struct world *)*state)->m, 0, ((struct world *)*state)->m.body_structure, &out));
	assert_int_equal(out.len, ((struct world *)*state)->m.body_structure.len);
}

static void what_does_not_fit_is_not_found(void **state)
{
	struct world *w = *state;
	const uint32_t numbers[] = { 2, 2 };
	struct span out;
	uint32_t index;

	assert_true(mime_part_find(&w->m, numbers, 2, &index));
	for (size_t n = 0; n + 1 < w->m.body_structure.len; n++) /* cut anywhere: found or not, and never past the end */
		if (part_structure_find(&w->m, index, span_take(w->m.body_structure, n), &out))
			assert_true(out.ptr + out.len <= w->m.body_structure.ptr + n);
	assert_false(part_structure_find(&w->m, index, SPAN(""), &out));
	assert_false(part_structure_find(&w->m, index, SPAN("(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)"), &out));
}

static void without_its_encoding(void **state)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_true(part_structure_decoded(at(*state, (const uint32_t[]){ 2, 1 }, 2), SPAN("7bit"), 2, &out));
	starts(buf_span(&out), "(\"text\" \"html\" NIL NIL NIL \"7bit\" 2 0 NIL");
	buf_reset(&out);
	assert_true(part_structure_decoded(SPAN("(\"image\" \"png\" NIL NIL NIL \"base64\" 4 NIL NIL NIL NIL)"), SPAN("binary"), 3, &out));
	assert_true(span_equals(buf_span(&out), SPAN("(\"image\" \"png\" NIL NIL NIL \"binary\" 3 NIL NIL NIL NIL)")));
	assert_false(part_structure_decoded(SPAN("(\"image\" \"png\")"), SPAN("7bit"), 3, &out));
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_has_its_own),
		cmocka_unit_test(what_does_not_fit_is_not_found),
		cmocka_unit_test(without_its_encoding),
	};

	return cmocka_run_group_tests_name("imap/part_structure", tests, begin, end);
}
