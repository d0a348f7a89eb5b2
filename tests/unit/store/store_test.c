/* tests/unit/store/store_test.c: accounts opened and closed from many threads, and how much is in them. */
#include "tests/unit/store/fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 40
#define ACCOUNTS 5 /* more than stay open */

struct visitor {
	struct fixture *f;
	unsigned number;
	pthread_t thread;
	unsigned appended[ACCOUNTS];
	bool failed;
};

static void *visit(void *arg)
{
	struct visitor *v = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned account = (i * 3 + v->number) % ACCOUNTS;
		struct new_message n = fixture_message("m", 0);
		struct append_result result;
		struct mailstore *m;

		if (store_open(v->f->store, 100 + account, &m, NULL)) {
			v->failed = true;
			continue;
		}
		if (message_append(m, 1, &n, &result))
			v->failed = true;
		else
			v->appended[account]++;
		store_close(&m);
		if (i % 16 == 0)
			store_tend(v->f->store);
	}
	return NULL;
}

static void accounts_come_and_go_under_many_threads(void **state)
{
	struct fixture *f = *state;
	struct visitor visitors[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		visitors[i] = (struct visitor){ .f = f, .number = i };
		assert_int_equal(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(visitors[i].thread, NULL), 0);
		assert_false(visitors[i].failed);
	}
	for (unsigned account = 0; account < ACCOUNTS; account++) {
		struct mailbox_info info;
		struct mailstore *m;
		unsigned expected = 0;
		struct note why = { "" };

		for (unsigned i = 0; i < THREADS; i++)
			expected += visitors[i].appended[account];
		assert_int_equal(store_open(f->store, 100 + account, &m, &why), ERR_OK);
		assert_int_equal(mailbox_find(m, SPAN("INBOX"), &f->arena, &info), ERR_OK);
		assert_int_equal(info.messages, expected);
		assert_int_equal(store_check(m, &why), ERR_OK);
		store_close(&m);
	}
}

static uint64_t usage_of(struct fixture *f, uint64_t account, uint64_t *messages_out)
{
	uint64_t bytes = 1;

	*messages_out = 1;
	assert_int_equal(store_usage(f->store, account, &bytes, messages_out), ERR_OK);
	return bytes;
}

static void usage_follows_every_change(void **state)
{
	struct fixture *f = *state;
	const uint64_t inbox = fixture_mailbox(f, "INBOX");
	uint64_t one, count;
	struct uid_pair *pairs;
	struct view *v;
	size_t changed;
	uint32_t validity;

	assert_int_equal(usage_of(f, 1, &count), 0);
	assert_int_equal(count, 0);
	(void)fixture_append(f, inbox, "one", 0);
	one = usage_of(f, 1, &count);
	assert_true(one > 8);
	assert_int_equal(count, 1);
	(void)fixture_append(f, inbox, "two", FLAG_DELETED);
	assert_int_equal(usage_of(f, 1, &count), 2 * one);
	assert_int_equal(mailbox_create(f->m, SPAN("Work"), USE_NONE), ERR_OK);
	assert_int_equal(view_open(f->m, inbox, 0, &v), ERR_OK);
	assert_int_equal(view_copy(v, SET(1, 2), fixture_mailbox(f, "Work"), false, UINT64_MAX, NULL, &f->arena, &validity, &pairs, &changed), ERR_OK);
	assert_int_equal(usage_of(f, 1, &count), 4 * one);
	assert_int_equal(count, 4);
	assert_int_equal(view_copy(v, SET(1, 1), fixture_mailbox(f, "Archive"), true, UINT64_MAX, NULL, &f->arena, &validity, &pairs, &changed), ERR_OK);
	assert_int_equal(usage_of(f, 1, &count), 4 * one);
	assert_int_equal(count, 4);
	assert_int_equal(view_expunge(v, NULL, NULL), ERR_OK);
	assert_int_equal(usage_of(f, 1, &count), 3 * one);
	view_close(&v);
	assert_int_equal(mailbox_delete(f->m, SPAN("Work")), ERR_OK);
	assert_int_equal(usage_of(f, 1, &count), one);
	assert_int_equal(count, 1);
	fixture_restart(f);
	store_close(&f->m);
	assert_int_equal(usage_of(f, 1, &count), one);
	assert_int_equal(store_open(f->store, 1, &f->m, NULL), ERR_OK);
}

static void account_without_a_mailbox_has_nothing_and_gets_none(void **state)
{
	struct fixture *f = *state;
	char path[256];
	uint64_t count;

	(void)snprintf(path, sizeof(path), "%s/77", f->accounts);
	assert_int_equal(usage_of(f, 77, &count), 0);
	assert_int_equal(count, 0);
	assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accounts_come_and_go_under_many_threads, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(usage_follows_every_change, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(account_without_a_mailbox_has_nothing_and_gets_none, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
