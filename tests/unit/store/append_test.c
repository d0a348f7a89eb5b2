/* tests/unit/store/append_test.c: several messages at once, one in another's place, and room. */
#include "tests/unit/store/fixture.h"

#include <stdio.h>
#include <unistd.h>

static struct new_message arriving(struct fixture *f, const char *name, size_t size)
{
	struct new_message n = fixture_message(name, 0);
	const char *path;

	assert_int_equal(message_body_path(f->m, &f->arena, &path), ERR_OK);
	assert_int_equal(rename(fixture_file(f, name, size), path), 0);
	n.body = (struct message_body){ .path = path, .size = size };
	return n;
}

static void all_get_uids_that_follow_each_other(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "INBOX");
	struct new_message n[3] = { fixture_message("a", FLAG_SEEN), arriving(f, "b", 100000), fixture_message("c", FLAG_DELETED) };
	struct append_result first;
	struct mailbox_info info;

	fixture_append(f, inbox, "before", 0);
	assert_int_equal(message_append_all(f->m, inbox, n, 3, NULL, &first), ERR_OK);
	assert_int_equal(first.uid, 2);
	info = fixture_info(f, "INBOX");
	assert_int_equal(info.messages, 4);
	assert_int_equal(info.unseen, 3);
	assert_int_equal(info.deleted, 1);
	assert_int_equal(info.uid_next, 5);
	assert_int_equal(fixture_count_files(f), 1);
	fixture_restart(f);
	assert_int_equal(fixture_info(f, "INBOX").messages, 4);
	fixture_check(f);
}

static void one_bad_message_fails_all(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "INBOX");
	struct new_message n[3] = { fixture_message("a", 0), arriving(f, "b", 100000), arriving(f, "c", 100000) };
	struct append_result first;

	n[2].body.size++;
	assert_int_equal(message_append_all(f->m, inbox, n, 3, NULL, &first), ERR_CORRUPT);
	assert_int_equal(fixture_info(f, "INBOX").messages, 0);
	assert_int_equal(fixture_count_files(f), 2); /* the caller's, which it unlinks */
	assert_int_equal(unlink(n[1].body.path), 0);
	assert_int_equal(unlink(n[2].body.path), 0);
	assert_int_equal(message_append_all(f->m, 9999, n, 1, NULL, &first), ERR_NOT_FOUND);
	fixture_check(f);
}

static void room_is_for_all_together(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "INBOX"), archive = fixture_mailbox(f, "Archive");
	struct new_message n[2] = { fixture_message("a", 0), fixture_message("b", 0) };
	const uint64_t size = n[0].head.len + 8;
	struct store_room room = { .bytes = 3 * size };
	struct append_result first;

	fixture_append(f, archive, "counts too", 0);
	assert_int_equal(message_append_all(f->m, inbox, n, 2, &room, &first), ERR_OK);
	assert_int_equal(message_append_all(f->m, inbox, n, 1, &room, &first), ERR_LIMIT);
	room = (struct store_room){ .bytes = 5 * size - 1 };
	assert_int_equal(message_append_all(f->m, inbox, n, 2, &room, &first), ERR_LIMIT);
	room = (struct store_room){ .messages = 4 };
	assert_int_equal(message_append_all(f->m, inbox, n, 2, &room, &first), ERR_LIMIT);
	assert_int_equal(fixture_info(f, "INBOX").messages, 2);
	room = (struct store_room){ 0, 0 };
	assert_int_equal(message_append_all(f->m, inbox, n, 2, &room, &first), ERR_OK);
	fixture_check(f);
}

static void replace_takes_one_and_gives_one(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "INBOX"), archive = fixture_mailbox(f, "Archive");
	struct new_message n = fixture_message("new", FLAG_DRAFT);
	struct append_result result;
	struct view_changes changes;
	struct view *v;

	fixture_append(f, inbox, "a", 0);
	fixture_append(f, inbox, "b", 0);
	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	assert_int_equal(view_replace(v, 1, inbox, &n, NULL, &result), ERR_OK);
	assert_int_equal(result.uid, 3);
	assert_int_equal(view_sync(v, true, &f->arena, &changes), ERR_OK);
	assert_int_equal(changes.expunged_count, 1);
	assert_int_equal(changes.expunged[0], 1);
	assert_int_equal(view_count(v), 2);
	assert_int_equal(view_uid_of(v, 2), 3);
	assert_int_equal(view_replace(v, 2, archive, &n, NULL, &result), ERR_OK);
	assert_int_equal(result.uid, 1);
	assert_int_equal(fixture_info(f, "INBOX").messages, 1);
	assert_int_equal(fixture_info(f, "Archive").messages, 1);
	assert_int_equal(view_replace(v, 2, archive, &n, NULL, &result), ERR_STATE);
	assert_int_equal(view_replace(v, 3, 9999, &n, NULL, &result), ERR_NOT_FOUND);
	assert_int_equal(fixture_info(f, "Archive").messages, 1);
	view_close(&v);
	fixture_check(f);
}

static void replace_frees_the_old_body_and_keeps_a_shared_one(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "INBOX"), archive = fixture_mailbox(f, "Archive");
	struct new_message n = arriving(f, "one", 100000), other = arriving(f, "two", 100000);
	struct append_result result;
	struct view_changes changes;
	struct uid_pair *pairs;
	uint32_t uid_validity;
	struct view *v;
	size_t count;

	assert_int_equal(message_append(f->m, inbox, &n, &result), ERR_OK);
	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	assert_int_equal(view_replace(v, 1, inbox, &other, NULL, &result), ERR_OK);
	assert_int_equal(fixture_count_files(f), 1);
	assert_int_equal(view_sync(v, true, &f->arena, &changes), ERR_OK);
	assert_int_equal(view_copy(v, SET(2, 2), archive, false, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	n = fixture_message("small", 0);
	assert_int_equal(view_replace(v, 2, inbox, &n, NULL, &result), ERR_OK);
	assert_int_equal(fixture_count_files(f), 1); /* the copy names it */
	view_close(&v);
	fixture_check(f);
}

static void what_is_replaced_is_free_room(void **state)
{
	struct fixture *f = *state;
	uint64_t inbox = fixture_mailbox(f, "INBOX");
	struct new_message n = fixture_message("same size", 0), longer = n;
	const struct store_room room = { .bytes = n.head.len + 8, .messages = 1 }, none = { .bytes = 1 };
	struct append_result result;
	struct view_changes changes;
	struct view *v;

	longer.body = (struct message_body){ .bytes = SPAN("Hello there.\r\n"), .size = 14 };
	fixture_append(f, inbox, "a", 0);
	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	assert_int_equal(view_replace(v, 1, inbox, &longer, &room, &result), ERR_LIMIT);
	assert_int_equal(view_replace(v, 1, inbox, &n, &room, &result), ERR_OK);
	assert_int_equal(view_sync(v, true, &f->arena, &changes), ERR_OK);
	assert_int_equal(view_replace(v, 2, inbox, &n, &none, &result), ERR_OK); /* over, but not more so */
	view_close(&v);
	fixture_check(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_get_uids_that_follow_each_other),
		T(one_bad_message_fails_all),
		T(room_is_for_all_together),
		T(replace_takes_one_and_gives_one),
		T(replace_frees_the_old_body_and_keeps_a_shared_one),
		T(what_is_replaced_is_free_room),
	};

	return cmocka_run_group_tests_name("store/append", tests, NULL, NULL);
}
