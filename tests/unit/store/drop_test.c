/* Maildrops (store/drop.h): numbers and sizes that stay, ids that say which message it is, removals of all or none. */
#include "tests/unit/store/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/drop.h"

struct found {
	const struct drop *d;
	uint32_t numbers[64];
	char ids[64][DROP_ID_LEN + 1];
	uint64_t bytes;
	size_t count;
};

static bool find(void *arg, uint32_t number, const struct message_row *row)
{
	struct found *f = arg;

	f->numbers[f->count] = number;
	f->bytes += row->size;
	drop_id(f->d, row, f->ids[f->count++]);
	return true;
}

static struct found read_all(struct drop *d)
{
	struct found f = { .d = d };
	uint32_t next = 1;

	while (next <= drop_count(d))
		assert_int_equal(drop_read(d, next, drop_count(d), WANT_META, find, &f, &next), ERR_OK);
	return f;
}

static struct drop *open_drop(struct fixture *f)
{
	struct drop *d;

	assert_int_equal(drop_open(f->m, &d), ERR_OK);
	return d;
}

static void fill(struct fixture *f, unsigned count)
{
	const uint64_t inbox = fixture_mailbox(f, "INBOX");

	for (unsigned i = 0; i < count; i++) {
		char subject[16];

		snprintf(subject, sizeof subject, "number %u", i);
		fixture_append(f, inbox, subject, 0);
	}
}

static void expunge(struct fixture *f, uint32_t first, uint32_t last)
{
	struct view_flags_changed *rows;
	struct view *v;
	size_t count;

	assert_int_equal(view_open(f->m, fixture_mailbox(f, "INBOX"), 0, &v), ERR_OK);
	assert_int_equal(view_store(v, SET(first, last), FLAGS_ADD, FLAG_DELETED, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	view_close(&v);
}

static void an_empty_one_is_there(void **state)
{
	struct fixture *f = *state;
	struct drop *d = open_drop(f);

	assert_int_equal(drop_count(d), 0);
	assert_int_equal(drop_bytes(d), 0);
	drop_close(&d);
}

static void size_is_the_sum_of_its_messages(void **state)
{
	struct fixture *f = *state;
	struct found all;
	struct drop *d;

	fill(f, 20);
	d = open_drop(f);
	all = read_all(d);
	assert_int_equal(all.count, 20);
	assert_int_equal(drop_bytes(d), all.bytes);
	assert_int_equal(drop_bytes(d), fixture_info(f, "INBOX").size_bytes);
	drop_close(&d);
}

static void numbers_stay_whatever_others_do(void **state)
{
	struct fixture *f = *state;
	struct found all;
	struct drop *d;

	fill(f, 10);
	d = open_drop(f);
	expunge(f, 3, 5);
	fill(f, 4);
	all = read_all(d);
	assert_int_equal(drop_count(d), 10);
	assert_int_equal(all.count, 7);
	assert_int_equal(all.numbers[1], 2);
	assert_int_equal(all.numbers[2], 6);
	assert_int_equal(all.numbers[6], 10);
	drop_close(&d);
}

static void ids_stay_with_their_messages(void **state)
{
	struct fixture *f = *state;
	struct found before, after;
	struct drop *d;

	fill(f, 10);
	d = open_drop(f);
	before = read_all(d);
	drop_close(&d);
	expunge(f, 4, 4);
	fixture_restart(f);
	d = open_drop(f);
	after = read_all(d);
	assert_int_equal(after.count, 9);
	for (size_t i = 0; i < 9; i++) {
		assert_int_equal(strlen(after.ids[i]), DROP_ID_LEN);
		assert_string_equal(after.ids[i], before.ids[i < 3 ? i : i + 1]);
		assert_string_not_equal(after.ids[i], before.ids[3]);
	}
	drop_close(&d);
}

/* As after a restore: the same numbers, at another time. */
static void an_id_tells_when_a_message_came(void **state)
{
	struct message_row row = { .uid = 5, .content = 9, .saved_ms = 1000 };
	struct fixture *f = *state;
	struct drop *d = open_drop(f);
	char first[DROP_ID_LEN + 1], other[DROP_ID_LEN + 1];

	drop_id(d, &row, first);
	row.saved_ms++;
	drop_id(d, &row, other);
	assert_string_not_equal(first, other);
	row.saved_ms--;
	drop_id(d, &row, other);
	assert_string_equal(first, other);
	row.content++;
	drop_id(d, &row, other);
	assert_string_not_equal(first, other);
	drop_close(&d);
}

static void what_is_marked_is_removed_and_nothing_else(void **state)
{
	const uint8_t bits[] = { 0x06, 0, 0x88 }; /* 2, 3, 20, 24 */
	struct fixture *f = *state;
	struct found all;
	struct drop *d;

	fill(f, 24);
	d = open_drop(f);
	expunge(f, 20, 20);
	fill(f, 1);
	assert_int_equal(drop_remove(d, bits), ERR_OK);
	drop_close(&d);
	assert_int_equal(fixture_info(f, "INBOX").messages, 21);
	d = open_drop(f);
	all = read_all(d);
	assert_int_equal(all.count, 21);
	assert_int_equal(drop_bytes(d), all.bytes);
	drop_close(&d);
	fixture_check(f);
}

static void nothing_marked_changes_nothing(void **state)
{
	const uint8_t bits[] = { 0 };
	struct fixture *f = *state;
	uint64_t modseq;
	struct drop *d;

	fill(f, 3);
	d = open_drop(f);
	modseq = fixture_info(f, "INBOX").highest_modseq;
	assert_int_equal(drop_remove(d, bits), ERR_OK);
	assert_int_equal(drop_mark_seen(d, bits), ERR_OK);
	assert_int_equal(fixture_info(f, "INBOX").highest_modseq, modseq);
	drop_close(&d);
}

static void seen_is_given_to_what_is_marked(void **state)
{
	const uint8_t bits[] = { 0x15, 0x80 };
	struct fixture *f = *state;
	struct drop *d;

	fill(f, 16);
	d = open_drop(f);
	assert_int_equal(drop_mark_seen(d, bits), ERR_OK);
	assert_int_equal(fixture_info(f, "INBOX").unseen, 12);
	drop_close(&d);
	fixture_check(f);
}

static void a_body_is_read_though_its_message_is_removed(void **state)
{
	struct fixture *f = *state;
	struct new_message message = fixture_message("large", 0);
	struct append_result result;
	struct drop_body *b;
	struct buf text;
	const char *path = fixture_file(f, "body", 200000);

	message.body = (struct message_body){ .path = path, .size = 200000 };
	assert_int_equal(message_append(f->m, fixture_mailbox(f, "INBOX"), &message, &result), ERR_OK);
	assert_int_equal(drop_body_open(path, &b), ERR_OK);
	remove(path);
	buf_init(&text, 100000);
	assert_int_equal(drop_body_read(b, 199000, 1000, &text), ERR_OK);
	assert_int_equal(text.len, 1000);
	assert_int_equal(drop_body_read(b, 199001, 1000, &text), ERR_TEMP);
	buf_clear(&text);
	drop_body_close(&b);
	assert_int_equal(drop_body_open(path, &b), ERR_TEMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_one_is_there, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(size_is_the_sum_of_its_messages, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(numbers_stay_whatever_others_do, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(ids_stay_with_their_messages, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(an_id_tells_when_a_message_came, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_marked_is_removed_and_nothing_else, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(nothing_marked_changes_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(seen_is_given_to_what_is_marked, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_body_is_read_though_its_message_is_removed, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/drop", tests, NULL, NULL);
}
