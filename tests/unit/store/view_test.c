/* tests/unit/store/view_test.c: what sessions see of each other: arrivals, flags, expunges, \Recent, copies; and how long 10,000 messages take. */
#include "tests/unit/store/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"

static struct view *open_inbox(struct fixture *f)
{
	struct view *v = NULL;

	assert_int_equal(view_open(f->m, fixture_mailbox(f, "INBOX"), 0, &v), ERR_OK);
	return v;
}

static struct view_changes sync(struct fixture *f, struct view *v, bool may_expunge)
{
	struct view_changes changes;

	assert_int_equal(view_sync(v, may_expunge, &f->arena, &changes), ERR_OK);
	return changes;
}

static size_t store(struct fixture *f, struct view *v, const struct uid_set *set, enum flag_change how, uint64_t flags)
{
	struct view_flags_changed *changed;
	size_t count;

	assert_int_equal(view_store(v, set, how, flags, &f->arena, &changed, &count), ERR_OK);
	return count;
}

static void fill(struct fixture *f, unsigned count)
{
	uint64_t inbox = fixture_mailbox(f, "INBOX");

	for (unsigned i = 0; i < count; i++)
		fixture_append(f, inbox, "m", 0);
}

static void arrivals_are_counted(void **state)
{
	struct fixture *f = *state;
	struct view *v = open_inbox(f);
	struct view_changes c;

	assert_false(view_is_stale(v));
	fill(f, 2);
	assert_true(view_is_stale(v));
	assert_int_equal(view_count(v), 0);
	c = sync(f, v, false);
	assert_true(c.count_changed);
	assert_int_equal(c.expunged_count + c.changed_count, 0);
	assert_int_equal(view_count(v), 2);
	assert_int_equal(view_last_uid(v), 2);
	c = sync(f, v, true);
	assert_false(c.count_changed);
	view_close(&v);
}

static void expunges_wait_until_they_may_be_told(void **state)
{
	struct fixture *f = *state;
	struct view *a, *b;
	struct view_changes c;
	uint32_t sequence;

	fill(f, 6);
	a = open_inbox(f);
	b = open_inbox(f);
	assert_int_equal(store(f, a, SET(2, 2), FLAGS_ADD, FLAG_DELETED), 1);
	assert_int_equal(store(f, a, SET(4, 5), FLAGS_ADD, FLAG_DELETED), 2);
	assert_int_equal(view_expunge(a, NULL, NULL), ERR_OK);
	fill(f, 1);
	c = sync(f, b, false);
	assert_int_equal(c.expunged_count, 0);
	assert_true(c.count_changed);
	assert_int_equal(view_count(b), 7);
	assert_true(view_sequence_of(b, 7, &sequence));
	assert_int_equal(sequence, 7);
	assert_true(view_is_stale(b));
	fill(f, 1);
	c = sync(f, b, true);
	assert_int_equal(c.expunged_count, 3);
	assert_int_equal(c.expunged[0], 5);
	assert_int_equal(c.expunged[1], 4);
	assert_int_equal(c.expunged[2], 2);
	assert_true(c.count_changed);
	assert_int_equal(view_count(b), 5);
	assert_int_equal(view_uid_of(b, 1), 1);
	assert_int_equal(view_uid_of(b, 2), 3);
	assert_int_equal(view_uid_of(b, 3), 6);
	assert_int_equal(view_uid_of(b, 5), 8);
	assert_int_equal(view_first_from(b, 4), 3);
	assert_int_equal(view_first_from(b, 9), 6);
	assert_false(view_is_stale(b));
	c = sync(f, a, true);
	assert_int_equal(c.expunged_count, 3);
	view_close(&a);
	view_close(&b);
	fixture_check(f);
}

static void flags_of_others_are_told_and_own_are_not_repeated(void **state)
{
	struct fixture *f = *state;
	struct view *a, *b;
	struct view_changes c;
	struct view_flags_changed *changed;
	size_t count;

	fill(f, 3);
	a = open_inbox(f);
	b = open_inbox(f);
	assert_int_equal(view_store(a, SET(1, 2), FLAGS_ADD, FLAG_SEEN, &f->arena, &changed, &count), ERR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(changed[1].sequence, 2);
	assert_int_equal(changed[1].flags, FLAG_SEEN);
	assert_int_equal(store(f, b, SET(2, 3), FLAGS_ADD, FLAG_FLAGGED), 2);
	assert_int_equal(store(f, b, SET(2, 3), FLAGS_ADD, FLAG_FLAGGED), 2); /* all of the set, changed or not */
	c = sync(f, a, true);
	assert_int_equal(c.changed_count, 2);
	assert_int_equal(c.changed[0].uid, 2);
	assert_int_equal(c.changed[0].flags, FLAG_SEEN | FLAG_FLAGGED);
	assert_int_equal(c.changed[1].uid, 3);
	/* b changed message 2 without knowing of a's change (STORE .SILENT shows it nothing), so it is told the outcome. */
	c = sync(f, b, true);
	assert_int_equal(c.changed_count, 3);
	assert_int_equal(c.changed[0].uid, 1);
	assert_int_equal(c.changed[1].uid, 2);
	assert_int_equal(c.changed[1].flags, FLAG_SEEN | FLAG_FLAGGED);
	assert_int_equal(store(f, b, SET(3, 3), FLAGS_ADD, FLAG_ANSWERED), 1);
	assert_int_equal(sync(f, b, true).changed_count, 0);
	assert_int_equal(sync(f, a, true).changed_count, 1);
	c = sync(f, a, true);
	assert_int_equal(c.changed_count, 0);
	assert_int_equal(store(f, a, SET(1, 9), FLAGS_REPLACE, FLAG_DRAFT), 3);
	assert_int_equal(store(f, a, SET(1, 9), FLAGS_REMOVE, FLAG_DRAFT), 3);
	assert_int_equal(fixture_info(f, "INBOX").unseen, 3);
	view_close(&a);
	view_close(&b);
	fixture_check(f);
}

static void many_changes_are_still_all_told(void **state)
{
	struct fixture *f = *state;
	struct view *a, *b;
	struct view_changes c;

	fill(f, 80);
	a = open_inbox(f);
	b = open_inbox(f);
	for (uint32_t uid = 1; uid <= 80; uid++)
		assert_int_equal(store(f, a, SET(uid, uid), FLAGS_ADD, FLAG_SEEN), 1);
	c = sync(f, b, false);
	assert_int_equal(c.changed_count, 80);
	c = sync(f, a, false);
	assert_int_equal(c.changed_count, 0);
	view_close(&a);
	view_close(&b);
}

static void recent_is_shown_to_one_session(void **state)
{
	struct fixture *f = *state;
	struct view *a, *b, *readonly;

	fill(f, 3);
	assert_int_equal(view_open_readonly(f->m, fixture_mailbox(f, "INBOX"), 0, &readonly), ERR_OK);
	assert_int_equal(view_recent_count(readonly), 3);
	a = open_inbox(f);
	assert_int_equal(view_recent_count(a), 3);
	b = open_inbox(f);
	assert_int_equal(view_recent_count(b), 0);
	fill(f, 1);
	(void)sync(f, b, false);
	(void)sync(f, a, false);
	assert_int_equal(view_recent_count(b), 1);
	assert_int_equal(view_recent_count(a), 3);
	assert_true(view_is_recent(b, 4));
	assert_false(view_is_recent(a, 4));
	view_close(&a);
	view_close(&b);
	view_close(&readonly);
}

static void first_unseen_is_found(void **state)
{
	struct fixture *f = *state;
	struct view *v;
	uint32_t sequence;

	fill(f, 4);
	v = open_inbox(f);
	(void)store(f, v, SET(1, 2), FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	assert_int_equal(sequence, 3);
	(void)store(f, v, SET(3, 4), FLAGS_ADD, FLAG_SEEN);
	assert_int_equal(view_first_unseen(v, &sequence), ERR_OK);
	assert_int_equal(sequence, 0);
	view_close(&v);
}

static void copy_and_move_keep_flags_and_content(void **state)
{
	struct fixture *f = *state;
	struct uid_range ranges[] = { { 1, 1 }, { 3, 9 } };
	struct uid_set set = { ranges, 2 };
	uint64_t target = fixture_mailbox(f, "Archive");
	struct view *v;
	struct uid_pair *pairs;
	struct view_changes c;
	uint32_t uid_validity;
	size_t count;

	fill(f, 4);
	v = open_inbox(f);
	(void)store(f, v, SET(3, 3), FLAGS_ADD, FLAG_FLAGGED | FLAG_SEEN);
	assert_int_equal(view_copy(v, &set, target, false, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	assert_int_equal(count, 3);
	assert_int_equal(pairs[1].from, 3);
	assert_int_equal(pairs[1].to, 2);
	assert_int_equal(uid_validity, fixture_info(f, "Archive").uid_validity);
	assert_int_equal(view_copy(v, &set, target, true, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	assert_int_equal(pairs[2].from, 4);
	assert_int_equal(pairs[2].to, 6);
	assert_int_equal(view_copy(v, &set, 9999, true, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_NOT_FOUND);
	c = sync(f, v, true);
	assert_int_equal(c.expunged_count, 3);
	assert_int_equal(view_count(v), 1);
	assert_int_equal(fixture_info(f, "Archive").messages, 6);
	assert_int_equal(fixture_info(f, "Archive").unseen, 4);
	/* Into the same mailbox. */
	assert_int_equal(view_copy(v, SET(1, 9), fixture_mailbox(f, "INBOX"), true, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	assert_int_equal(count, 1);
	c = sync(f, v, true);
	assert_int_equal(c.expunged_count, 1);
	assert_true(c.count_changed);
	assert_int_equal(view_uid_of(v, 1), pairs[0].to);
	view_close(&v);
	fixture_check(f);
}

static void expunge_of_a_set_leaves_others(void **state)
{
	struct fixture *f = *state;
	struct view *v;

	fill(f, 4);
	v = open_inbox(f);
	(void)store(f, v, SET(1, 4), FLAGS_ADD, FLAG_DELETED);
	assert_int_equal(view_expunge(v, SET(2, 3), NULL), ERR_OK);
	assert_int_equal(fixture_info(f, "INBOX").messages, 2);
	assert_int_equal(fixture_info(f, "INBOX").deleted, 2);
	view_close(&v);
	fixture_check(f);
}

static void log_below_its_floor_is_not_needed(void **state)
{
	struct fixture *f = *state;
	struct view *a, *b;
	struct view_changes c;

	clock_set_source(&clock_fake);
	fill(f, 10);
	a = open_inbox(f);
	b = open_inbox(f);
	(void)store(f, a, SET(2, 3), FLAGS_ADD, FLAG_DELETED);
	assert_int_equal(view_expunge(a, NULL, NULL), ERR_OK);
	clock_fake_advance_ms(INT64_C(91) * 24 * 3600 * 1000);
	(void)store(f, a, SET(7, 7), FLAGS_ADD, FLAG_DELETED);
	assert_int_equal(view_expunge(a, NULL, NULL), ERR_OK);
	fixture_check(f); /* the first is forgotten, and counted so */
	c = sync(f, b, true);
	clock_set_source(NULL);
	assert_int_equal(c.expunged_count, 3);
	assert_int_equal(c.expunged[0], 7);
	assert_int_equal(c.expunged[1], 3);
	assert_int_equal(c.expunged[2], 2);
	assert_int_equal(view_uid_of(b, 2), 4);
	view_close(&a);
	view_close(&b);
}

static void count_call(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

static void watches_are_told_of_their_mailbox(void **state)
{
	struct fixture *f = *state;
	atomic_uint inbox_calls = 0, any_calls = 0;
	struct store_watch inbox = { .mailbox_id = fixture_mailbox(f, "INBOX"), .changed = count_call, .arg = &inbox_calls };
	struct store_watch any = { .changed = count_call, .arg = &any_calls };

	store_watch_add(f->m, &inbox);
	store_watch_add(f->m, &any);
	fill(f, 1);
	fixture_append(f, fixture_mailbox(f, "Sent"), "m", 0);
	assert_int_equal(inbox_calls, 1);
	assert_int_equal(any_calls, 2);
	store_watch_remove(f->m, &inbox);
	fill(f, 1);
	assert_int_equal(inbox_calls, 1);
	assert_int_equal(any_calls, 3);
	store_watch_remove(f->m, &any);
}

struct counting {
	size_t count, bytes;
	uint32_t last;
};

static bool count_row(void *arg, const struct message_row *row)
{
	struct counting *c = arg;

	assert_true(row->uid > c->last);
	c->last = row->uid;
	c->count++;
	c->bytes += row->envelope.len;
	return true;
}

static size_t read_all(struct view *v, unsigned want)
{
	struct counting c = { 0, 0, 0 };
	uint32_t after = 0;
	bool end = false;

	while (!end)
		assert_int_equal(view_read(v, SET(1, UINT32_MAX), after, want, count_row, &c, &after, &end), ERR_OK);
	return c.count;
}

static bool stop_at_once(void *arg, const struct message_row *row)
{
	*(uint32_t *)arg = row->uid;
	return false;
}

static void reading_can_stop_and_go_on(void **state)
{
	struct fixture *f = *state;
	struct uid_range ranges[] = { { 1, 1 }, { 3, 4 }, { 6, 100 } };
	struct uid_set set = { ranges, 3 };
	const uint32_t expected[] = { 1, 3, 4, 6 };
	struct view *v;
	uint32_t after = 0, uid = 0;
	bool end = false;

	fill(f, 6);
	v = open_inbox(f);
	fill(f, 1); /* not in the view */
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(view_read(v, &set, after, WANT_FLAGS, stop_at_once, &uid, &after, &end), ERR_OK);
		assert_int_equal(uid, expected[i]);
		assert_int_equal(after, uid);
		assert_false(end);
	}
	assert_int_equal(view_read(v, &set, after, WANT_FLAGS, stop_at_once, &uid, &after, &end), ERR_OK);
	assert_true(end);
	view_close(&v);
}

#define MANY 10000
#define BATCH 250

static void deliver_many(struct fixture *f, unsigned count)
{
	struct new_delivery *items = calloc(BATCH, sizeof(*items));
	enum err results[BATCH];

	assert_non_null(items);
	for (unsigned done = 0; done < count; done += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			unsigned id = done + i;

			items[i].message = fixture_message("m", 0);
			memcpy(items[i].queue_id, &id, sizeof(id));
		}
		assert_int_equal(message_deliver(f->m, items, BATCH, results), ERR_OK);
		assert_int_equal(results[BATCH - 1], ERR_OK);
	}
	free(items);
}

static int64_t lap(const char *what, int64_t since)
{
	const int64_t now = clock_mono_us();

	print_message("    %-44s %7.2f ms\n", what, (double)(now - since) / 1000);
	return clock_mono_us();
}

static void ten_thousand_messages(void **state)
{
	struct fixture *f = *state;
	struct view *v, *other;
	struct view_changes c;
	struct uid_pair *pairs;
	uint32_t uid_validity;
	size_t count;
	int64_t t = clock_mono_us();

	deliver_many(f, MANY);
	t = lap("deliver 10,000 in batches of 250", t);
	v = open_inbox(f);
	t = lap("open a first view", t);
	other = open_inbox(f);
	t = lap("open a second view", t);
	assert_int_equal(read_all(v, WANT_FLAGS), MANY);
	t = lap("read flags", t);
	assert_int_equal(read_all(v, WANT_FLAGS | WANT_ENVELOPE), MANY);
	t = lap("read envelopes, cold", t);
	assert_int_equal(read_all(v, WANT_FLAGS | WANT_ENVELOPE), MANY);
	t = lap("read envelopes, warm", t);
	assert_int_equal(read_all(v, WANT_BODY), MANY);
	t = lap("read bodies", t);
	assert_int_equal(store(f, v, SET(1, UINT32_MAX), FLAGS_ADD, FLAG_SEEN), MANY);
	t = lap("store 1:* +FLAGS \\Seen", t);
	c = sync(f, other, true);
	assert_int_equal(c.changed_count, MANY);
	t = lap("sync of another view, all changed", t);
	assert_int_equal(store(f, v, SET(5000, 5000), FLAGS_ADD, FLAG_FLAGGED), 1);
	t = lap("store one", t);
	c = sync(f, other, true);
	assert_int_equal(c.changed_count, 1);
	t = lap("sync of another view, one changed", t);
	for (int i = 0; i < 10000; i++)
		assert_false(view_is_stale(other));
	t = lap("10,000 times not stale", t);
	assert_int_equal(view_copy(v, SET(1, UINT32_MAX), fixture_mailbox(f, "Archive"), false, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	assert_int_equal(count, MANY);
	t = lap("copy all", t);
	assert_int_equal(view_copy(v, SET(1, 5000), fixture_mailbox(f, "Trash"), true, UINT64_MAX, NULL, &f->arena, &uid_validity, &pairs, &count), ERR_OK);
	t = lap("move 5,000", t);
	(void)store(f, v, SET(1, UINT32_MAX), FLAGS_ADD, FLAG_DELETED);
	t = clock_mono_us();
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	t = lap("expunge 5,000 that are also elsewhere", t);
	c = sync(f, other, true);
	assert_int_equal(c.expunged_count, MANY);
	t = lap("sync of another view, all expunged", t);
	assert_int_equal(mailbox_delete(f->m, SPAN("Archive")), ERR_OK);
	(void)lap("delete a mailbox of 10,000, half the contents", t);
	view_close(&v);
	view_close(&other);
	fixture_check(f);
}

/* ---- threads ---- */

#define ROUNDS 25

struct worker {
	struct fixture *f;
	unsigned number;
	pthread_t thread;
	bool failed;
};

static void *deliverer(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct new_delivery item = { .message = fixture_message("m", 0) };
		enum err result;

		item.queue_id[0] = (uint8_t)w->number;
		item.queue_id[1] = (uint8_t)i;
		if (message_deliver(w->f->m, &item, 1, &result) || result)
			w->failed = true;
	}
	return NULL;
}

static void *reader(void *arg)
{
	struct worker *w = arg;
	struct view *v;
	struct arena a;

	arena_init(&a, 16u * 1024u * 1024u);
	if (view_open(w->f->m, 1, 0, &v)) {
		w->failed = true;
		return NULL;
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct view_flags_changed *changed;
		struct view_changes c;
		size_t count;
		uint32_t pick = 1 + (i * 7 + w->number) % (ROUNDS * 2);

		if (view_sync(v, i % 2, &a, &c) ||
		    view_store(v, SET(pick, pick), FLAGS_ADD, i % 3 ? FLAG_SEEN : FLAG_DELETED, &a, &changed, &count) ||
		    (i % 5 == 0 && view_expunge(v, NULL, NULL)))
			w->failed = true;
		arena_reset(&a);
	}
	arena_clear(&a);
	view_close(&v);
	return NULL;
}

static void sessions_and_deliveries_at_once(void **state)
{
	struct fixture *f = *state;
	struct worker workers[6];

	for (unsigned i = 0; i < 6; i++) {
		workers[i] = (struct worker){ .f = f, .number = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, i % 2 ? reader : deliverer, &workers[i]), 0);
	}
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_false(workers[i].failed);
	}
	store_tend(f->store);
	assert_int_equal(fixture_info(f, "INBOX").uid_next, 3 * ROUNDS + 1);
	fixture_check(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(arrivals_are_counted),
		T(expunges_wait_until_they_may_be_told),
		T(flags_of_others_are_told_and_own_are_not_repeated),
		T(many_changes_are_still_all_told),
		T(recent_is_shown_to_one_session),
		T(first_unseen_is_found),
		T(copy_and_move_keep_flags_and_content),
		T(expunge_of_a_set_leaves_others),
		T(log_below_its_floor_is_not_needed),
		T(watches_are_told_of_their_mailbox),
		T(reading_can_stop_and_go_on),
		T(ten_thousand_messages),
		T(sessions_and_deliveries_at_once),
	};

	return cmocka_run_group_tests_name("store/view", tests, NULL, NULL);
}
