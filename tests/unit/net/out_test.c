/* net/out.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/net/out.h"

static char scratch[64];

static struct out_file *file_with(const char *text)
{
	char path[] = "/tmp/out_test_XXXXXX";
	int fd = mkstemp(path);
	struct out_file *f;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(out_file_open(path, &f), ERR_OK);
	unlink(path);
	return f;
}

static void expect_all(struct out *o, const char *text)
{
	while (*text) {
		struct span s = out_peek(o, scratch, sizeof(scratch));

		assert_true(s.len > 0);
		assert_true(s.len <= strlen(text));
		assert_memory_equal(s.ptr, text, s.len);
		/* In two steps: a peek may be drained in part. */
		out_drop(o, s.len / 2);
		out_drop(o, s.len - s.len / 2);
		text += s.len;
	}
	assert_int_equal(o->pending_bytes, 0);
	assert_int_equal(o->memory_bytes, 0);
	assert_null(o->first);
}

static void what_is_added_comes_out_in_order(void **state)
{
	struct out_file *f = file_with("0123456789");
	struct out o;

	(void)state;
	out_init(&o);
	out_add(&o, SPAN("one "));
	out_addf(&o, "%s %d ", "two", 3);
	out_add_file(&o, f, 2, 5);
	out_add(&o, SPAN(""));
	out_add_file(&o, f, 9, 0);
	out_add(&o, SPAN(" end"));
	assert_int_equal(o.pending_bytes, 19);
	assert_int_equal(o.memory_bytes, 14);
	out_file_release(&f); /* the chain has its own reference */
	assert_null(f);
	expect_all(&o, "one two 3 23456 end");
	out_clear(&o);
}

static void a_peek_again_gives_at_least_the_same(void **state)
{
	struct out o;
	struct span first, again;

	(void)state;
	out_init(&o);
	out_add(&o, SPAN("abc"));
	first = out_peek(&o, scratch, sizeof(scratch));
	assert_int_equal(first.len, 3);
	for (int i = 0; i < 500; i++)
		out_add(&o, SPAN("defg"));
	again = out_peek(&o, scratch, sizeof(scratch));
	assert_true(again.len >= 3);
	assert_memory_equal(again.ptr, "abcdefg", 7);
	out_clear(&o);
	assert_int_equal(o.pending_bytes, 0);
}

static void long_formats_are_written_whole(void **state)
{
	char text[2001], *want;
	struct out o;

	(void)state;
	memset(text, 'x', 2000);
	text[2000] = 0;
	out_init(&o);
	out_addf(&o, "<%s>", text);
	assert_int_equal(o.pending_bytes, 2002);
	want = malloc(2003);
	snprintf(want, 2003, "<%s>", text);
	expect_all(&o, want);
	free(want);
	out_clear(&o);
}

static void the_ceiling_latches(void **state)
{
	static char block[OUT_MAX / 4];
	struct out o;

	(void)state;
	out_init(&o);
	for (int i = 0; i < 4; i++)
		out_add(&o, span_make(block, sizeof(block)));
	assert_false(o.failed);
	assert_true(out_is_full(&o));
	out_add(&o, SPAN("x"));
	assert_true(o.failed);
	assert_int_equal(o.memory_bytes, OUT_MAX);
	assert_int_equal(out_peek(&o, scratch, sizeof(scratch)).len, 0);
	out_clear(&o);
	assert_false(o.failed);
}

static void a_short_file_latches_when_it_is_drained(void **state)
{
	struct out_file *f = file_with("short"), *none = NULL;
	struct out o;

	(void)state;
	out_init(&o);
	out_add_file(&o, f, 0, 6);
	assert_false(o.failed);
	assert_int_equal(out_peek(&o, scratch, sizeof(scratch)).len, 0);
	assert_true(o.failed);
	out_clear(&o);
	out_add_file(&o, f, UINT64_MAX, 2);
	assert_true(o.failed);
	out_clear(&o);
	out_file_release(&f);
	assert_int_equal(out_file_open("/nonexistent/file", &none), ERR_NOT_FOUND);
}

static void sockets_see_memory_and_files_apart(void **state)
{
	struct out_file *f = file_with("0123456789");
	struct iovec v[4];
	uint64_t offset, length;
	struct out o;
	int fd;

	(void)state;
	out_init(&o);
	out_add(&o, SPAN("head"));
	out_add_file(&o, f, 3, 4);
	assert_false(out_front_file(&o, &fd, &offset, &length));
	assert_int_equal(out_vector(&o, v, 4), 1);
	assert_int_equal(v[0].iov_len, 4);
	out_drop(&o, 4);
	assert_int_equal(out_vector(&o, v, 4), 0);
	assert_true(out_front_file(&o, &fd, &offset, &length));
	out_drop(&o, 1);
	assert_true(out_front_file(&o, &fd, &offset, &length));
	assert_int_equal(offset, 4);
	assert_int_equal(length, 3);
	out_fail(&o);
	assert_true(o.failed);
	out_clear(&o);
	out_file_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_comes_out_in_order),
		cmocka_unit_test(a_peek_again_gives_at_least_the_same),
		cmocka_unit_test(long_formats_are_written_whole),
		cmocka_unit_test(the_ceiling_latches),
		cmocka_unit_test(a_short_file_latches_when_it_is_drained),
		cmocka_unit_test(sockets_see_memory_and_files_apart),
	};

	return cmocka_run_group_tests_name("net/out", tests, NULL, NULL);
}
