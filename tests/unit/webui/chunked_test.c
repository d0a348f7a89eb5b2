/* Chunked bodies: one way to read them, whatever the cuts; extensions and trailers have ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/base/buf.h"
#include "webui/chunked.h"

/* Feeds `text` in parts of `step` bytes; the body goes to `body`. */
static enum err decode(struct span text, size_t step, struct buf *body, size_t *used_out)
{
	struct chunked c = { 0 };
	enum err e = ERR_STATE;
	size_t at = 0;

	while (e == ERR_STATE && at < text.len) {
		size_t end = at + step < text.len ? at + step : text.len, used = 0;
		struct span data;

		while (e == ERR_STATE && at < end) {
			e = chunked_step(&c, span_make(text.ptr + at, end - at), &used, &data);
			buf_add(body, data);
			at += used;
		}
	}
	if (used_out)
		*used_out = at;
	return e;
}

static void check(const char *text, enum err wanted)
{
	for (size_t step = 1; step < 8; step++) {
		struct buf body;

		buf_init(&body, 65536);
		assert_int_equal(decode(span_str(text), step, &body, NULL), wanted);
		buf_clear(&body);
	}
}

static void a_body_is_put_together_whatever_the_cuts(void **state)
{
	const struct span text = SPAN("5\r\nhello\r\n10;a=b;c=\"d\"\r\n, chunked world!\r\n000\r\nX: y\r\n\r\nGET /");

	(void)state;
	for (size_t step = 1; step <= text.len; step++) {
		struct buf body;
		size_t used;

		buf_init(&body, 65536);
		assert_int_equal(decode(text, step, &body, &used), ERR_OK);
		assert_string_equal(buf_cstr(&body), "hello, chunked world!");
		assert_int_equal(text.len - used, 5);
		buf_clear(&body);
	}
}

static void what_is_no_chunk_is_refused(void **state)
{
	static const char *const bodies[] = {
		"\r\n",
		";x\r\n",
		"x\r\n",
		"-1\r\n",
		"+1\r\n",
		"0x1\r\na\r\n",
		" 1\r\na\r\n",
		"1 \r\na\r\n",
		"1\t;x\r\na\r\n",
		"1\na\r\n",
		"1\r\nab\r\n",
		"1\r\na\n",
		"1\r\na\rX",
		"1;\nx\r\na\r\n",
		"1;x\x01y\r\na\r\n",
		"0\r\nX: y\n\r\n",
		"0\r\n folded\r\n\r\n",
		"0\r\n: y\r\n\r\n",
		"0\r\nX: \x01\r\n\r\n",
		"0\r\n\rX",
		"00000000000000001\r\na\r\n",
		"1\r\ra",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		check(bodies[i], ERR_SYNTAX);
	check("1\r\na\r\n0\r\n", ERR_STATE);
}

static void a_huge_size_does_not_wrap(void **state)
{
	struct chunked c = { 0 };
	struct span data;
	size_t used;

	(void)state;
	assert_int_equal(chunked_step(&c, SPAN("ffffffffffffffff\r\nabc"), &used, &data), ERR_STATE);
	assert_int_equal(data.len, 3);
	assert_true(c.left == UINT64_MAX - 3);
}

static void what_is_thrown_away_has_an_end(void **state)
{
	static char text[200000];
	struct buf body;
	size_t len = 0;

	(void)state;
	buf_init(&body, 65536);
	len = (size_t)snprintf(text, sizeof text, "1;");
	memset(text + len, 'x', CHUNKED_LINE_MAX + 1);
	assert_int_equal(decode(span_make(text, len + CHUNKED_LINE_MAX + 1), 1000, &body, NULL), ERR_LIMIT);
	for (len = 0; len < sizeof text - 200;)
		len += (size_t)snprintf(text + len, sizeof text - len, "1;%0100d\r\na\r\n", 0);
	assert_int_equal(decode(span_make(text, len), 1000, &body, NULL), ERR_LIMIT);
	len = (size_t)snprintf(text, sizeof text, "0\r\n");
	while (len < sizeof text - 200)
		len += (size_t)snprintf(text + len, sizeof text - len, "X: %0100d\r\n", 0);
	assert_int_equal(decode(span_make(text, len), 1000, &body, NULL), ERR_LIMIT);
	buf_clear(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_put_together_whatever_the_cuts),
		cmocka_unit_test(what_is_no_chunk_is_refused),
		cmocka_unit_test(a_huge_size_does_not_wrap),
		cmocka_unit_test(what_is_thrown_away_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
