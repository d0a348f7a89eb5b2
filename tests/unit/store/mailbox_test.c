/* tests/unit/store/mailbox_test.c: names, creating, renaming, deleting, listing, subscriptions. */
#include "tests/unit/store/fixture.h"

#include <stdio.h>

static struct mailbox_info *list(struct fixture *f, size_t *count)
{
	struct mailbox_info *rows = NULL;

	assert_int_equal(mailbox_list(f->m, &f->arena, &rows, count), ERR_OK);
	return rows;
}

static const struct mailbox_info *find_in(const struct mailbox_info *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (span_equals(rows[i].name, span_str(name)))
			return &rows[i];
	}
	return NULL;
}

static void new_account_has_its_mailboxes(void **state)
{
	static const struct {
		const char *name;
		enum special_use use;
	} expected[] = { { "INBOX", USE_NONE }, { "Archive", USE_ARCHIVE }, { "Drafts", USE_DRAFTS }, { "Junk", USE_JUNK }, { "Sent", USE_SENT }, { "Trash", USE_TRASH } };
	struct fixture *f = *state;
	size_t count;
	struct mailbox_info *rows = list(f, &count);

	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++) {
		assert_true(span_equals(rows[i].name, span_str(expected[i].name)));
		assert_int_equal(rows[i].use, expected[i].use);
		assert_true(rows[i].exists && rows[i].subscribed && !rows[i].has_children);
		assert_int_equal(rows[i].uid_next, 1);
	}
	fixture_check(f);
}

static void names_are_made_normal_or_refused(void **state)
{
	static const struct {
		const char *in, *out;
		enum err e;
	} cases[] = {
		{ "inbox", "INBOX", ERR_OK },
		{ "InBox/x", "INBOX/x", ERR_OK },
		{ "inboxes", "inboxes", ERR_OK },
		{ "e\xcc\x81", "\xc3\xa9", ERR_OK },
		{ "", "", ERR_SYNTAX },
		{ "../x", "", ERR_SYNTAX },
		{ "a/../b", "", ERR_SYNTAX },
		{ "a/./b", "", ERR_SYNTAX },
		{ "a//b", "", ERR_SYNTAX },
		{ "/a", "", ERR_SYNTAX },
		{ "a/", "", ERR_SYNTAX },
		{ "a\nb", "", ERR_SYNTAX },
		{ "a\x7f", "", ERR_SYNTAX },
		{ "a\xc2\x85", "", ERR_SYNTAX },
		{ "a\xe2\x80\xa8", "", ERR_SYNTAX },
		{ "a\xff", "", ERR_SYNTAX },
		{ "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u", "", ERR_LIMIT },
	};
	struct fixture *f = *state;
	char longest[MAILBOX_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct span out = { NULL, 0 };

		assert_int_equal(mailbox_name_normal(span_str(cases[i].in), &f->arena, &out), cases[i].e);
		if (!cases[i].e)
			assert_true(span_equals(out, span_str(cases[i].out)));
	}
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(mailbox_create(f->m, span_make(longest, MAILBOX_NAME_MAX + 1), USE_NONE), ERR_LIMIT);
	assert_int_equal(mailbox_create(f->m, span_make(longest, MAILBOX_NAME_MAX), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_create(f->m, span_make("a\0b", 3), USE_NONE), ERR_SYNTAX);
}

static void create_makes_parents(void **state)
{
	struct fixture *f = *state;
	const struct mailbox_info *rows;
	size_t count;

	assert_int_equal(mailbox_create(f->m, SPAN("a/b/c"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("a/b"), USE_NONE), ERR_EXISTS);
	assert_int_equal(mailbox_create(f->m, SPAN("Inbox"), USE_NONE), ERR_DENIED);
	assert_int_equal(mailbox_create(f->m, SPAN("d/"), USE_NONE), ERR_OK);
	rows = list(f, &count);
	assert_true(find_in(rows, count, "a")->has_children);
	assert_true(find_in(rows, count, "a/b")->has_children);
	assert_false(find_in(rows, count, "a/b/c")->has_children);
	assert_non_null(find_in(rows, count, "d"));
	assert_false(find_in(rows, count, "d")->subscribed);
	assert_true(fixture_info(f, "a").has_children);
	assert_int_equal(mailbox_delete(f->m, SPAN("a/b/c")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("a/b")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("a")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("a")), ERR_NOT_FOUND);
	assert_int_equal(mailbox_delete(f->m, SPAN("INBOX")), ERR_DENIED);
}

static void deleted_mailbox_leaves_its_name_above_its_children(void **state)
{
	struct fixture *f = *state;
	struct mailbox_info info;
	const struct mailbox_info *rows;
	size_t count;

	assert_int_equal(mailbox_create(f->m, SPAN("a/b/c"), USE_NONE), ERR_OK);
	fixture_append(f, fixture_mailbox(f, "a"), "m", 0);
	assert_int_equal(mailbox_delete(f->m, SPAN("a")), ERR_OK);
	rows = list(f, &count);
	assert_false(find_in(rows, count, "a")->exists);
	assert_true(find_in(rows, count, "a")->has_children);
	assert_int_equal(mailbox_find(f->m, SPAN("a"), &f->arena, &info), ERR_OK);
	assert_false(info.exists);
	assert_int_equal(mailbox_delete(f->m, SPAN("a")), ERR_STATE);
	/* It does not come back by itself. */
	assert_int_equal(mailbox_create(f->m, SPAN("a/d"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_find(f->m, SPAN("a"), &f->arena, &info), ERR_OK);
	assert_false(info.exists);
	/* Nor is it in the way of a mailbox, and what is below moves with it. */
	assert_int_equal(mailbox_create(f->m, SPAN("x"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("y/b"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, SPAN("y"), SPAN("a")), ERR_EXISTS);
	assert_int_equal(mailbox_rename(f->m, SPAN("a"), SPAN("z")), ERR_OK);
	assert_int_equal(mailbox_find(f->m, SPAN("a"), &f->arena, &info), ERR_NOT_FOUND);
	assert_true(fixture_info(f, "z/b/c").exists);
	assert_int_equal(mailbox_rename(f->m, SPAN("x"), SPAN("z")), ERR_OK);
	assert_true(fixture_info(f, "z").has_children);
	assert_int_equal(mailbox_delete(f->m, SPAN("z")), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("z"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("z")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("z/d")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("z/b/c")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("z/b")), ERR_OK);
	assert_int_equal(mailbox_find(f->m, SPAN("z"), &f->arena, &info), ERR_NOT_FOUND);
	fixture_check(f);
}

static void use_stands_at_one_mailbox(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mailbox_create(f->m, SPAN("x"), USE_SENT), ERR_OK);
	assert_int_equal(fixture_info(f, "x").use, USE_SENT);
	assert_int_equal(fixture_info(f, "Sent").use, USE_NONE);
	assert_int_equal(mailbox_create(f->m, SPAN("x"), USE_JUNK), ERR_EXISTS);
	assert_int_equal(fixture_info(f, "Junk").use, USE_JUNK);
	assert_int_equal(mailbox_create(f->m, SPAN("h"), USE_IMPORTANT), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("i"), USE_IMPORTANT), ERR_OK);
	assert_int_equal(fixture_info(f, "h").use, USE_NONE);
	assert_int_equal(mailbox_rename(f->m, SPAN("i"), SPAN("k")), ERR_OK);
	assert_int_equal(fixture_info(f, "k").use, USE_IMPORTANT);
	assert_int_equal(mailbox_delete(f->m, SPAN("k")), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("j"), USE_IMPORTANT), ERR_OK);
}

static void deleted_messages_have_their_bytes_told(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	uint64_t bytes = 1, before;

	fixture_append(f, inbox, "kept", 0);
	before = fixture_info(f, "INBOX").size_bytes;
	assert_int_equal(mailbox_deleted_bytes(f->m, inbox, &bytes), ERR_OK);
	assert_int_equal(bytes, 0);
	fixture_append(f, inbox, "to go", FLAG_DELETED);
	assert_int_equal(mailbox_deleted_bytes(f->m, inbox, &bytes), ERR_OK);
	assert_int_equal(bytes, fixture_info(f, "INBOX").size_bytes - before);
}

static void mailbox_made_again_has_another_uidvalidity(void **state)
{
	struct fixture *f = *state;
	uint32_t seen[4];

	for (int i = 0; i < 4; i++) {
		assert_int_equal(mailbox_create(f->m, SPAN("x"), USE_NONE), ERR_OK);
		fixture_append(f, fixture_mailbox(f, "x"), "m", 0);
		seen[i] = fixture_info(f, "x").uid_validity;
		for (int k = 0; k < i; k++)
			assert_true(seen[k] < seen[i]);
		assert_int_equal(mailbox_delete(f->m, SPAN("x")), ERR_OK);
		if (i == 1)
			fixture_restart(f);
	}
	fixture_check(f);
}

static void rename_takes_children_along(void **state)
{
	struct fixture *f = *state;
	uint64_t id;

	assert_int_equal(mailbox_create(f->m, SPAN("a/b/c"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("ab"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("a b"), USE_NONE), ERR_OK);
	id = fixture_mailbox(f, "a/b/c");
	assert_int_equal(mailbox_rename(f->m, SPAN("a"), SPAN("a/b/d")), ERR_DENIED);
	assert_int_equal(mailbox_rename(f->m, SPAN("a"), SPAN("ab")), ERR_EXISTS);
	assert_int_equal(mailbox_rename(f->m, SPAN("nope"), SPAN("b")), ERR_NOT_FOUND);
	assert_int_equal(mailbox_rename(f->m, SPAN("a"), SPAN("x/\xc3\xa9y")), ERR_OK);
	assert_int_equal(fixture_mailbox(f, "x/\xc3\xa9y/b/c"), id);
	assert_true(fixture_info(f, "x").has_children);
	assert_true(fixture_mailbox(f, "ab") != 0 && fixture_mailbox(f, "a b") != 0);
	assert_int_equal(mailbox_rename(f->m, SPAN("x/\xc3\xa9y"), SPAN("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19")), ERR_LIMIT);
	assert_int_equal(mailbox_rename(f->m, SPAN("x/\xc3\xa9y"), SPAN("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18")), ERR_OK);
	fixture_check(f);
}

static void rename_of_inbox_moves_its_messages(void **state)
{
	struct fixture *f = *state;
	struct mailbox_info before, moved;
	struct view *v;
	struct view_changes changes;

	fixture_append(f, fixture_mailbox(f, "INBOX"), "one", FLAG_SEEN);
	fixture_append(f, fixture_mailbox(f, "INBOX"), "two", FLAG_DELETED);
	before = fixture_info(f, "INBOX");
	assert_int_equal(view_open(f->m, before.id, 0, &v), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, SPAN("inbox"), SPAN("old/mail")), ERR_OK);
	moved = fixture_info(f, "old/mail");
	assert_int_equal(moved.messages, 2);
	assert_int_equal(moved.unseen, 1);
	assert_int_equal(moved.deleted, 1);
	assert_int_equal(moved.size_bytes, before.size_bytes);
	assert_int_not_equal(moved.uid_validity, before.uid_validity);
	assert_int_equal(fixture_info(f, "INBOX").id, before.id);
	assert_int_equal(fixture_info(f, "INBOX").messages, 0);
	assert_int_equal(fixture_info(f, "INBOX").uid_next, 3);
	assert_true(view_is_stale(v));
	assert_int_equal(view_sync(v, true, &f->arena, &changes), ERR_OK);
	assert_int_equal(changes.expunged_count, 2);
	view_close(&v);
	fixture_check(f);
}

static void subscriptions_outlive_their_mailbox(void **state)
{
	struct fixture *f = *state;
	const struct mailbox_info *row;
	size_t count;
	struct mailbox_info *rows;

	assert_int_equal(mailbox_create(f->m, SPAN("news"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_subscribe(f->m, SPAN("news"), true), ERR_OK);
	assert_int_equal(mailbox_subscribe(f->m, SPAN("news"), true), ERR_OK);
	assert_true(fixture_info(f, "news").subscribed);
	assert_int_equal(mailbox_delete(f->m, SPAN("news")), ERR_OK);
	fixture_restart(f);
	rows = list(f, &count);
	row = find_in(rows, count, "news");
	assert_non_null(row);
	assert_true(row->subscribed && !row->exists);
	assert_int_equal(mailbox_subscribe(f->m, SPAN("news"), false), ERR_OK);
	rows = list(f, &count);
	assert_null(find_in(rows, count, "news"));
	assert_int_equal(count, 6);
}

static void delete_tells_open_views(void **state)
{
	struct fixture *f = *state;
	struct view *v, *other;
	struct view_changes changes;
	uint64_t id;

	assert_int_equal(mailbox_create(f->m, SPAN("x"), USE_NONE), ERR_OK);
	id = fixture_mailbox(f, "x");
	fixture_append(f, id, "m", 0);
	assert_int_equal(view_open(f->m, id, 0, &v), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("x")), ERR_OK);
	assert_true(view_is_stale(v));
	assert_int_equal(view_sync(v, false, &f->arena, &changes), ERR_OK);
	assert_true(changes.gone);
	assert_int_equal(view_open(f->m, id, 0, &other), ERR_NOT_FOUND);
	view_close(&v);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(new_account_has_its_mailboxes),
		T(names_are_made_normal_or_refused),
		T(create_makes_parents),
		T(deleted_mailbox_leaves_its_name_above_its_children),
		T(use_stands_at_one_mailbox),
		T(deleted_messages_have_their_bytes_told),
		T(mailbox_made_again_has_another_uidvalidity),
		T(rename_takes_children_along),
		T(rename_of_inbox_moves_its_messages),
		T(subscriptions_outlive_their_mailbox),
		T(delete_tells_open_views),
	};

	return cmocka_run_group_tests_name("store/mailbox", tests, NULL, NULL);
}
