/* The keys of URLs (store/url_key.h): made once, gone when they are removed or their mailbox is. */
#include "tests/unit/store/fixture.h"

#include <string.h>

#include "daemon/store/url_key.h"

static bool same(const struct url_key *a, const struct url_key *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static void a_mailbox_keeps_its_key(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX"), drafts = fixture_mailbox(f, "Drafts");
	struct url_key first, other, again;

	assert_int_equal(url_key_find(f->m, inbox, &first), ERR_NOT_FOUND);
	assert_int_equal(url_key_make(f->m, inbox, &first), ERR_OK);
	assert_int_equal(url_key_make(f->m, drafts, &other), ERR_OK);
	assert_int_equal(url_key_make(f->m, inbox, &again), ERR_OK);
	assert_true(same(&first, &again));
	assert_false(same(&first, &other));
	fixture_restart(f);
	assert_int_equal(url_key_find(f->m, inbox, &again), ERR_OK);
	assert_true(same(&first, &again));
	assert_int_equal(url_key_make(f->m, 999, &again), ERR_NOT_FOUND);
	assert_int_equal(url_key_find(f->m, 0, &again), ERR_NOT_FOUND);
	fixture_check(f);
}

static void what_is_removed_comes_back_as_another(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX"), drafts = fixture_mailbox(f, "Drafts");
	struct url_key first, other, again;

	assert_int_equal(url_key_make(f->m, inbox, &first), ERR_OK);
	assert_int_equal(url_key_make(f->m, drafts, &other), ERR_OK);
	assert_int_equal(url_key_remove(f->m, inbox), ERR_OK);
	assert_int_equal(url_key_find(f->m, inbox, &again), ERR_NOT_FOUND);
	assert_int_equal(url_key_find(f->m, drafts, &again), ERR_OK);
	assert_true(same(&other, &again));
	assert_int_equal(url_key_make(f->m, inbox, &again), ERR_OK);
	assert_false(same(&first, &again));
	assert_int_equal(url_key_remove(f->m, 0), ERR_OK);
	assert_int_equal(url_key_find(f->m, inbox, &again), ERR_NOT_FOUND);
	assert_int_equal(url_key_find(f->m, drafts, &again), ERR_NOT_FOUND);
	assert_int_equal(url_key_remove(f->m, inbox), ERR_OK);
}

static void a_key_goes_with_its_mailbox_and_stays_with_its_name(void **state)
{
	struct fixture *f = *state;
	struct url_key first, again;
	uint64_t id;

	assert_int_equal(mailbox_create(f->m, SPAN("shared"), USE_NONE), ERR_OK);
	id = fixture_mailbox(f, "shared");
	assert_int_equal(url_key_make(f->m, id, &first), ERR_OK);
	assert_int_equal(mailbox_rename(f->m, SPAN("shared"), SPAN("renamed")), ERR_OK);
	assert_int_equal(url_key_find(f->m, id, &again), ERR_OK);
	assert_true(same(&first, &again));
	assert_int_equal(mailbox_delete(f->m, SPAN("renamed")), ERR_OK);
	assert_int_equal(url_key_find(f->m, id, &again), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_mailbox_keeps_its_key, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(what_is_removed_comes_back_as_another, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(a_key_goes_with_its_mailbox_and_stays_with_its_name, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/url_key", tests, NULL, NULL);
}
