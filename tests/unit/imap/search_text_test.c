/* What a hostile header and hostile keys may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/imap/search.h"

#define SECOND_US 1000000

/* "Name: " text CRLF CRLF, the text filled up to `size` bytes with `fill`. */
static struct span header_of(struct buf *b, const char *name, size_t size, const char *fill)
{
	buf_init(b, STORE_HEAD_MAX);
	buf_add_str(b, name);
	buf_add_str(b, ": ");
	while (b->len < size)
		buf_add_str(b, fill);
	buf_add_str(b, "\r\n\r\n");
	assert_false(b->failed);
	return buf_span(b);
}

static void a_long_key_is_looked_for_in_linear_time(void **state)
{
	struct message_row row = { .uid = 1 };
	struct search_scratch scratch;
	struct search_message m = { NULL, NULL, &row, SEARCH_AT_TEXT, 0, &scratch };
	struct buf head, key;
	int64_t start = clock_mono_us();

	(void)state;
	row.head = header_of(&head, "X-Long", STORE_HEAD_MAX - 1024, "a");
	buf_init(&key, IMAP_LITERAL_MAX);
	while (key.len < IMAP_LITERAL_MAX - 1)
		buf_add_char(&key, 'A');
	search_scratch_init(&scratch);
	assert_true(search_header(&m, SPAN("x-long"), &(struct search_node){ .key = buf_span(&key) }));
	buf_add_char(&key, 'B');
	assert_false(search_header(&m, SPAN("x-long"), &(struct search_node){ .key = buf_span(&key) }));
	search_scratch_clear(&scratch);
	assert_true(clock_mono_us() - start < SECOND_US);
	buf_clear(&key);
	buf_clear(&head);
}

static void many_keys_on_a_large_header_find_what_is_there(void **state)
{
	struct message_row row = { .uid = 1 };
	struct search_scratch scratch;
	struct search_message m = { NULL, NULL, &row, SEARCH_AT_TEXT, 0, &scratch };
	struct buf head;

	(void)state;
	row.head = header_of(&head, "X-Folded", STORE_HEAD_MAX - 1024, "abcdefgh\r\n ");
	search_scratch_init(&scratch);
	for (int i = 0; i < IMAP_SEARCH_NODES_MAX; i++)
		assert_true(search_header(&m, SPAN("x-folded"), &(struct search_node){ .key = SPAN("GH AB") }));
	assert_true(scratch.arena.used_bytes < STORE_HEAD_MAX);
	search_scratch_clear(&scratch);
	buf_clear(&head);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_key_is_looked_for_in_linear_time),
		cmocka_unit_test(many_keys_on_a_large_header_find_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
