/* tests/unit/store/renew_test.c: an account that was put back from an older copy gives no number again that was given since. */
#include "tests/unit/store/fixture.h"

#include "daemon/store/renew.h"

#define LOST 1000000u /* so many numbers may have been given in the lost time */

static bool take_content(void *arg, const struct message_row *row)
{
	*(uint64_t *)arg = row->content;
	return true;
}

/* Of the message with the highest UID. */
static uint64_t last_content(struct fixture *f, uint64_t mailbox_id)
{
	struct view *v = NULL;
	uint64_t content = 0;
	uint32_t last;
	bool end;

	assert_int_equal(view_open_readonly(f->m, mailbox_id, 0, &v), ERR_OK);
	assert_int_equal(view_read(v, SET(1, UINT32_MAX), 0, 0, take_content, &content, &last, &end), ERR_OK);
	assert_true(end);
	view_close(&v);
	return content;
}

static void every_number_that_may_be_known_is_left_behind(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	struct mailbox_info before[2], after[2];
	uint64_t last;

	assert_int_equal(mailbox_create(f->m, SPAN("Work"), USE_NONE), ERR_OK);
	assert_int_equal(fixture_append(f, inbox, "old", FLAG_SEEN), 1);
	last = last_content(f, inbox);
	before[0] = fixture_info(f, "INBOX");
	before[1] = fixture_info(f, "Work");
	for (int again = 0; again < 2; again++) {
		const uint32_t least = again ? 0 : LOST; /* the second time nothing was lost in between */

		assert_int_equal(store_renew(f->m), ERR_OK);
		after[0] = fixture_info(f, "INBOX");
		after[1] = fixture_info(f, "Work");
		assert_int_not_equal(after[0].uid_validity, after[1].uid_validity);
		for (int i = 0; i < 2; i++) {
			assert_true(after[i].uid_validity > before[0].uid_validity + least && after[i].uid_validity > before[1].uid_validity + least);
			assert_true(after[i].highest_modseq > before[i].highest_modseq + LOST);
			assert_int_equal(after[i].id, before[i].id);
			assert_int_equal(after[i].messages, before[i].messages);
			assert_int_equal(after[i].uid_next, before[i].uid_next);
		}
		before[0] = after[0];
		before[1] = after[1];
	}
	assert_int_equal(fixture_append(f, inbox, "new", 0), 2);
	assert_true(last_content(f, inbox) > last + LOST);
	assert_int_equal(mailbox_create(f->m, SPAN("Later"), USE_NONE), ERR_OK);
	assert_true(fixture_info(f, "Later").id > before[1].id + LOST);
	assert_true(fixture_info(f, "Later").uid_validity > before[1].uid_validity);
	fixture_check(f);
	fixture_restart(f);
	assert_int_equal(fixture_info(f, "INBOX").uid_validity, before[0].uid_validity);
	fixture_check(f);
}

static void who_has_a_mailbox_open_sees_it_go_and_can_open_it_again(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	struct view *old = NULL, *fresh = NULL;
	struct view_changes changes;

	fixture_append(f, inbox, "old", 0);
	assert_int_equal(view_open(f->m, inbox, 0, &old), ERR_OK);
	assert_false(view_is_gone(old));
	assert_int_equal(store_renew(f->m), ERR_OK);
	assert_true(view_is_gone(old));
	assert_int_equal(view_open(f->m, inbox, 0, &fresh), ERR_OK);
	assert_false(view_is_gone(fresh));
	view_close(&old);
	assert_false(view_is_gone(fresh));
	fixture_append(f, inbox, "new", 0);
	assert_int_equal(view_sync(fresh, true, &f->arena, &changes), ERR_OK);
	assert_true(changes.count_changed);
	assert_int_equal(view_count(fresh), 2);
	view_close(&fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_number_that_may_be_known_is_left_behind, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(who_has_a_mailbox_open_sees_it_go_and_can_open_it_again, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/renew", tests, NULL, NULL);
}
