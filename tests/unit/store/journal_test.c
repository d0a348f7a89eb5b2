/* tests/unit/store/journal_test.c: what a session that watches all mailboxes is shown, once, and in which order. */
#include "tests/unit/store/fixture.h"

#include <stdio.h>

#include "daemon/store/journal.h"

static struct journal_mark follow(struct fixture *f)
{
	struct journal_mark mark;

	assert_int_equal(journal_follow(f->m, 0, &mark), ERR_OK);
	return mark;
}

static struct journal_news news(struct fixture *f, struct journal_mark *mark)
{
	struct journal_news out;

	assert_int_equal(journal_read(f->m, mark, &f->arena, &out), ERR_OK);
	return out;
}

static void assert_name(const struct journal_news *n, size_t at, enum journal_event event, const char *name, const char *old_name)
{
	assert_true(at < n->name_count);
	assert_int_equal(n->names[at].event, event);
	assert_true(span_equals(n->names[at].name, span_str(name)));
	assert_true(span_equals(n->names[at].old_name, span_str(old_name)));
}

static void each_kind_of_change_is_shown_once(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX"), sent = fixture_mailbox(f, "Sent");
	struct journal_mark mark = follow(f);
	struct view_flags_changed *changed;
	struct journal_news n;
	struct view *v;
	size_t count;

	fixture_append(f, inbox, "a", 0);
	fixture_append(f, sent, "b", 0);
	fixture_append(f, inbox, "c", 0);
	n = news(f, &mark);
	assert_int_equal(n.change_count, 2);
	assert_int_equal(n.changes[0].mailbox.id, inbox);
	assert_int_equal(n.changes[0].mailbox.messages, 2);
	assert_int_equal(n.changes[0].what, CHANGE_NEW);
	assert_true(n.changes[0].mailbox.subscribed);
	assert_true(span_equals(n.changes[1].mailbox.name, SPAN("Sent")));
	assert_int_equal(news(f, &mark).change_count, 0);

	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	assert_int_equal(view_store(v, SET(1, 1), FLAGS_ADD, FLAG_DELETED, &f->arena, &changed, &count), ERR_OK);
	n = news(f, &mark);
	assert_int_equal(n.change_count, 1);
	assert_int_equal(n.changes[0].what, CHANGE_FLAGS);
	assert_int_equal(view_expunge(v, NULL, &count), ERR_OK);
	n = news(f, &mark);
	assert_int_equal(n.change_count, 1);
	assert_int_equal(n.changes[0].what, CHANGE_EXPUNGED);
	assert_int_equal(n.changes[0].mailbox.messages, 1);
	view_close(&v);
	journal_leave(f->m);
}

static void names_are_shown_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct journal_mark mark = follow(f);
	struct journal_news n;

	assert_int_equal(mailbox_create(f->m, SPAN("a/b"), USE_NONE), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, SPAN("a"), SPAN("c/d")), ERR_OK);
	assert_int_equal(mailbox_subscribe(f->m, SPAN("c/d"), true), ERR_OK);
	assert_int_equal(mailbox_subscribe(f->m, SPAN("c/d"), true), ERR_OK); /* nothing new */
	assert_int_equal(mailbox_subscribe(f->m, SPAN("c/d"), false), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("c/d/b")), ERR_OK);
	assert_int_equal(mailbox_delete(f->m, SPAN("none")), ERR_NOT_FOUND);
	n = news(f, &mark);
	assert_name(&n, 0, JOURNAL_CREATED, "a", "");
	assert_name(&n, 1, JOURNAL_CREATED, "a/b", "");
	assert_name(&n, 2, JOURNAL_CREATED, "c", "");
	assert_name(&n, 3, JOURNAL_RENAMED, "c/d", "a");
	assert_name(&n, 4, JOURNAL_SUBSCRIBED, "c/d", "");
	assert_name(&n, 5, JOURNAL_UNSUBSCRIBED, "c/d", "");
	assert_name(&n, 6, JOURNAL_DELETED, "c/d/b", "");
	assert_int_equal(n.name_count, 7);
	assert_int_equal(n.change_count, 0);
	assert_int_equal(news(f, &mark).name_count, 0);
	journal_leave(f->m);
}

static void a_deleted_mailbox_has_no_changes(void **state)
{
	struct fixture *f = *state;
	struct journal_mark mark = follow(f);
	struct journal_news n;

	assert_int_equal(mailbox_create(f->m, SPAN("a"), USE_NONE), ERR_OK);
	fixture_append(f, fixture_mailbox(f, "a"), "m", 0);
	assert_int_equal(mailbox_delete(f->m, SPAN("a")), ERR_OK);
	n = news(f, &mark);
	assert_int_equal(n.name_count, 2);
	assert_int_equal(n.change_count, 0);
	journal_leave(f->m);
}

static void too_many_names_are_lost_and_too_many_changes_are_not(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX"), sent = fixture_mailbox(f, "Sent");
	struct journal_mark mark = follow(f), other = mark;
	struct journal_news n;

	fixture_append(f, sent, "m", 0);
	for (int i = 0; i < 300; i++)
		fixture_append(f, inbox, "m", 0);
	for (int i = 0; i < 70; i++) {
		assert_int_equal(mailbox_subscribe(f->m, SPAN("Sent"), false), ERR_OK);
		assert_int_equal(mailbox_subscribe(f->m, SPAN("Sent"), true), ERR_OK);
	}
	n = news(f, &mark);
	assert_true(n.names_lost);
	assert_int_equal(n.name_count, 0);
	assert_true(n.change_count >= 2); /* the mailboxes themselves are asked */
	for (size_t i = 0; i < n.change_count; i++) {
		assert_int_equal(n.changes[i].what, CHANGE_NEW | CHANGE_EXPUNGED | CHANGE_FLAGS);
		if (n.changes[i].mailbox.id == inbox)
			assert_int_equal(n.changes[i].mailbox.messages, 300);
		if (n.changes[i].mailbox.id == sent)
			assert_int_equal(n.changes[i].mailbox.messages, 1);
	}
	n = news(f, &mark);
	assert_false(n.names_lost);
	assert_int_equal(n.change_count, 0);
	assert_true(news(f, &other).names_lost); /* each has a mark of its own */
	journal_leave(f->m);
}

static void who_comes_later_sees_what_comes_later(void **state)
{
	struct fixture *f = *state;
	struct journal_mark first = follow(f), second;

	fixture_append(f, fixture_mailbox(f, "INBOX"), "m", 0);
	second = follow(f);
	assert_int_equal(news(f, &second).change_count, 0);
	assert_int_equal(news(f, &first).change_count, 1);
	journal_leave(f->m);
	fixture_append(f, fixture_mailbox(f, "INBOX"), "m", 0);
	assert_int_equal(news(f, &second).change_count, 1);
	journal_leave(f->m);
	first = follow(f);
	assert_int_equal(news(f, &first).change_count, 0);
	journal_leave(f->m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_kind_of_change_is_shown_once, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(names_are_shown_in_their_order, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_deleted_mailbox_has_no_changes, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(too_many_names_are_lost_and_too_many_changes_are_not, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(who_comes_later_sees_what_comes_later, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
