/* tests/unit/store/resync_test.c: what a client that was away has missed (RFC 7162), conditional stores, dates of saving, room for copies. */
#include "tests/unit/store/fixture.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/store/mailstore.h"
#include "db/mail_mailbox.h"

static struct view *open_box(struct fixture *f, const char *name)
{
	struct view *v = NULL;

	assert_int_equal(view_open(f->m, fixture_mailbox(f, name), 0, &v), ERR_OK);
	return v;
}

static void fill(struct fixture *f, const char *name, unsigned count)
{
	uint64_t id = fixture_mailbox(f, name);

	for (unsigned i = 0; i < count; i++)
		(void)fixture_append(f, id, "m", 0);
}

static void expunge(struct fixture *f, struct view *v, uint32_t first, uint32_t last)
{
	struct view_flags_changed *rows;
	size_t count;

	assert_int_equal(view_store(v, SET(first, last), FLAGS_ADD, FLAG_DELETED, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_expunge(v, SET(first, last), &count), ERR_OK);
	assert_int_equal(count, last - first + 1);
}

static struct view_changes sync(struct fixture *f, struct view *v, bool may_expunge)
{
	struct view_changes changes;

	assert_int_equal(view_sync(v, may_expunge, &f->arena, &changes), ERR_OK);
	return changes;
}

static void assert_set(const struct uid_set *set, const uint32_t *wanted, size_t count)
{
	assert_int_equal(set->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(set->ranges[i].first, wanted[2 * i]);
		assert_int_equal(set->ranges[i].last, wanted[2 * i + 1]);
	}
}
#define ASSERT_SET(set, ...) assert_set(set, (const uint32_t[]){ __VA_ARGS__ }, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 8)

static void vanished_is_what_the_log_says_and_the_client_knows(void **state)
{
	struct fixture *f = *state;
	struct uid_range ranges[] = { { 1, 3 }, { 6, 8 }, { 12, 40 } };
	const struct uid_set known = { ranges, 3 };
	struct uid_set gone;
	struct view *v;
	uint64_t before, between;

	fill(f, "INBOX", 12);
	v = open_box(f, "INBOX");
	before = view_modseq(v);
	expunge(f, v, 7, 8);
	(void)sync(f, v, true);
	between = view_modseq(v);
	expunge(f, v, 2, 2);
	expunge(f, v, 3, 3);
	expunge(f, v, 9, 12);
	/* What the view still holds has not vanished for it. */
	assert_int_equal(view_vanished(v, before, NULL, &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 7, 8);
	(void)sync(f, v, true);
	assert_int_equal(view_vanished(v, before, NULL, &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 2, 3, 7, 12);
	assert_int_equal(view_vanished(v, before, &known, &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 2, 3, 7, 8, 12, 12);
	assert_int_equal(view_vanished(v, between, NULL, &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 2, 3, 9, 12);
	assert_int_equal(view_vanished(v, view_modseq(v), NULL, &f->arena, &gone), ERR_OK);
	assert_int_equal(gone.count, 0);
	view_close(&v);
	fixture_restart(f);
	v = open_box(f, "INBOX");
	assert_int_equal(view_vanished(v, between, &known, &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 2, 3, 12, 12);
	view_close(&v);
}

static enum err forget_log(struct db *db, void *arg)
{
	return db_expunged_trim(db, *(uint64_t *)arg, 0, INT64_MAX, 100000);
}

static void vanished_is_all_that_is_not_there_when_the_log_is_too_short(void **state)
{
	struct fixture *f = *state;
	uint64_t id = fixture_mailbox(f, "Archive");
	struct uid_set gone;
	struct view *v;

	fill(f, "Archive", 9);
	v = open_box(f, "Archive");
	expunge(f, v, 1, 2);
	expunge(f, v, 5, 5);
	(void)sync(f, v, true);
	assert_int_equal(mailstore_write(f->m, forget_log, &id, 100), ERR_OK);
	expunge(f, v, 9, 9);
	(void)sync(f, v, true);
	assert_int_equal(view_vanished(v, 1, NULL, &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 1, 2, 5, 5, 9, 9);
	assert_int_equal(view_vanished(v, 1, SET(2, 7), &f->arena, &gone), ERR_OK);
	ASSERT_SET(&gone, 2, 2, 5, 5);
	view_close(&v);
}

static void modseq_told_waits_for_expunges_that_are_not(void **state)
{
	struct fixture *f = *state;
	struct view *a, *b;
	struct view_changes c;
	uint64_t before;

	fill(f, "Trash", 5);
	a = open_box(f, "Trash");
	b = open_box(f, "Trash");
	before = view_modseq(b);
	expunge(f, a, 2, 3);
	fill(f, "Trash", 1);
	c = sync(f, b, false);
	assert_true(c.count_changed);
	assert_int_equal(c.vanished_count, 0);
	assert_int_equal(view_modseq(b), before);
	c = sync(f, b, true);
	assert_int_equal(c.vanished_count, 1);
	assert_int_equal(c.vanished[0].first, 2);
	assert_int_equal(c.vanished[0].last, 3);
	assert_true(view_modseq(b) > before);
	(void)sync(f, a, true);
	expunge(f, a, 5, 6);
	expunge(f, a, 1, 1);
	c = sync(f, b, true);
	assert_int_equal(c.expunged_count, 3);
	assert_int_equal(c.vanished_count, 2);
	assert_int_equal(c.vanished[0].last, 1);
	assert_int_equal(c.vanished[1].first, 5);
	assert_int_equal(c.vanished[1].last, 6);
	view_close(&a);
	view_close(&b);
}

struct seen {
	uint32_t uids[16];
	int64_t saved_ms[16];
	size_t count;
};

static bool see(void *arg, const struct message_row *row)
{
	struct seen *s = arg;

	s->uids[s->count] = row->uid;
	s->saved_ms[s->count++] = row->saved_ms;
	return s->count < 16;
}

static struct seen read_since(struct view *v, uint64_t since, unsigned want)
{
	struct seen s = { .count = 0 };
	uint32_t last;
	bool end;

	assert_int_equal(view_read_since(v, SET(1, UINT32_MAX), since, 0, want, see, &s, &last, &end), ERR_OK);
	assert_true(end);
	return s;
}

static void only_changed_messages_are_read(void **state)
{
	struct fixture *f = *state;
	struct view_flags_changed *rows;
	struct view *v;
	struct seen s;
	uint64_t before;
	size_t count;

	fill(f, "Sent", 6);
	v = open_box(f, "Sent");
	before = view_modseq(v);
	assert_int_equal(read_since(v, before, WANT_FLAGS).count, 0);
	assert_int_equal(view_store(v, SET(2, 3), FLAGS_ADD, FLAG_SEEN, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_store(v, SET(5, 5), FLAGS_ADD, FLAG_SEEN, &f->arena, &rows, &count), ERR_OK);
	s = read_since(v, before, WANT_BODY);
	assert_int_equal(s.count, 3);
	assert_int_equal(s.uids[0], 2);
	assert_int_equal(s.uids[2], 5);
	s = read_since(v, rows[0].modseq - 1, WANT_META);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.uids[0], 5);
	view_close(&v);
}

static void conditional_store_leaves_what_is_newer(void **state)
{
	struct fixture *f = *state;
	struct view_flags_changed *rows;
	struct uid_set modified;
	struct view *a, *b;
	uint64_t since;
	size_t count;
	bool has_gone;

	fill(f, "Drafts", 8);
	a = open_box(f, "Drafts");
	b = open_box(f, "Drafts");
	since = view_modseq(a);
	assert_int_equal(view_store(b, SET(2, 4), FLAGS_ADD, FLAG_FLAGGED, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(view_store_unchanged(a, SET(1, 5), since, FLAGS_ADD, FLAG_SEEN, &f->arena, &rows, &count, &modified, &has_gone), ERR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].uid, 1);
	assert_int_equal(rows[1].uid, 5);
	assert_int_equal(rows[0].flags, FLAG_SEEN);
	assert_true(rows[0].modseq > since);
	ASSERT_SET(&modified, 2, 4);
	assert_false(has_gone);
	assert_int_equal(fixture_info(f, "Drafts").unseen, 6);
	/* The other's change is still news, our own is not. */
	assert_int_equal(sync(f, a, false).changed_count, 3);
	assert_int_equal(view_store_unchanged(a, SET(1, 99), 0, FLAGS_ADD, FLAG_SEEN, &f->arena, &rows, &count, &modified, &has_gone), ERR_OK);
	assert_int_equal(count, 0);
	ASSERT_SET(&modified, 1, 8);
	expunge(f, b, 3, 3);
	assert_int_equal(view_store_unchanged(a, SET(3, 6), INT64_MAX, FLAGS_REMOVE, FLAG_SEEN, &f->arena, &rows, &count, &modified, &has_gone), ERR_OK);
	assert_int_equal(count, 3);
	ASSERT_SET(&modified, 3, 3);
	assert_true(has_gone);
	view_close(&a);
	view_close(&b);
	fixture_check(f);
}

static uint32_t first_unseen(struct view *v)
{
	uint32_t sequence;

	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	return sequence;
}

static void first_unseen_follows_every_change(void **state)
{
	struct fixture *f = *state;
	struct view_flags_changed *rows;
	struct view *a, *b;
	size_t count;

	assert_int_equal(mailbox_create(f->m, SPAN("Read"), USE_NONE), ERR_OK);
	fill(f, "Read", 8);
	a = open_box(f, "Read");
	b = open_box(f, "Read");
	assert_int_equal(first_unseen(a), 1);
	assert_int_equal(view_store(b, SET(1, 5), FLAGS_ADD, FLAG_SEEN, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(first_unseen(a), 6);
	assert_int_equal(view_store(b, SET(3, 4), FLAGS_REPLACE, FLAG_FLAGGED, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(first_unseen(a), 3);
	assert_int_equal(view_store(a, SET(1, 8), FLAGS_ADD, FLAG_SEEN, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(first_unseen(b), 0);
	fill(f, "Read", 1);
	(void)sync(f, b, true);
	assert_int_equal(first_unseen(b), 9);
	assert_int_equal(view_store(b, SET(2, 2), FLAGS_REMOVE, FLAG_SEEN, &f->arena, &rows, &count), ERR_OK);
	assert_int_equal(first_unseen(b), 2);
	expunge(f, b, 1, 2);
	(void)sync(f, b, true);
	assert_int_equal(first_unseen(b), 7);
	view_close(&a);
	view_close(&b);
	fixture_check(f);
}

static void date_of_saving_is_the_mailboxs(void **state)
{
	struct fixture *f = *state;
	struct uid_pair *pairs;
	struct view *v;
	struct seen s;
	uint32_t validity;
	size_t count;
	int64_t start_ms = clock_real_ms();

	assert_int_equal(mailbox_create(f->m, SPAN("Dated"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_create(f->m, SPAN("Later"), USE_NONE), ERR_OK);
	fill(f, "Dated", 1);
	v = open_box(f, "Dated");
	s = read_since(v, 0, WANT_FLAGS);
	assert_true(s.saved_ms[0] >= start_ms);
	while (clock_real_ms() <= s.saved_ms[0])
		;
	start_ms = s.saved_ms[0];
	assert_int_equal(view_copy(v, SET(1, 1), fixture_mailbox(f, "Later"), true, UINT64_MAX, NULL, &f->arena, &validity, &pairs, &count), ERR_OK);
	view_close(&v);
	v = open_box(f, "Later");
	s = read_since(v, 0, WANT_FLAGS);
	assert_int_equal(s.count, 1);
	assert_true(s.saved_ms[0] > start_ms);
	view_close(&v);
}

static void copies_need_room_and_moves_do_not(void **state)
{
	struct fixture *f = *state;
	struct store_room room = { 0, 0 };
	uint64_t bytes, messages, target;
	struct uid_pair *pairs;
	uint32_t validity;
	struct view *v;
	size_t count;

	assert_int_equal(mailbox_create(f->m, SPAN("Full"), USE_NONE), ERR_OK);
	fill(f, "Full", 3);
	target = fixture_mailbox(f, "Junk");
	v = open_box(f, "Full");
	assert_int_equal(store_usage(f->store, 1, &bytes, &messages), ERR_OK);
	room.messages = messages + 2;
	assert_int_equal(view_copy(v, SET(1, 3), target, false, UINT64_MAX, &room, &f->arena, &validity, &pairs, &count), ERR_LIMIT);
	assert_int_equal(fixture_info(f, "Junk").messages, 0);
	assert_int_equal(fixture_info(f, "Junk").uid_next, 1);
	assert_int_equal(view_copy(v, SET(1, 2), target, false, UINT64_MAX, &room, &f->arena, &validity, &pairs, &count), ERR_OK);
	room = (struct store_room){ bytes, 0 };
	assert_int_equal(view_copy(v, SET(1, 1), target, false, UINT64_MAX, &room, &f->arena, &validity, &pairs, &count), ERR_LIMIT);
	assert_int_equal(view_copy(v, SET(1, 3), target, true, UINT64_MAX, NULL, &f->arena, &validity, &pairs, &count), ERR_OK);
	/* Now they are gone, which this view has not been told. */
	assert_int_equal(view_copy(v, SET(3, 3), target, false, UINT64_MAX, NULL, &f->arena, &validity, &pairs, &count), ERR_STATE);
	view_close(&v);
	fixture_check(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vanished_is_what_the_log_says_and_the_client_knows),
		cmocka_unit_test(vanished_is_all_that_is_not_there_when_the_log_is_too_short),
		cmocka_unit_test(modseq_told_waits_for_expunges_that_are_not),
		cmocka_unit_test(only_changed_messages_are_read),
		cmocka_unit_test(conditional_store_leaves_what_is_newer),
		cmocka_unit_test(first_unseen_follows_every_change),
		cmocka_unit_test(date_of_saving_is_the_mailboxs),
		cmocka_unit_test(copies_need_room_and_moves_do_not),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
