/* tests/unit/store/store_test.c: accounts opened and closed from many threads. */
#include "tests/unit/store/fixture.h"

#include <pthread.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accounts_come_and_go_under_many_threads, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
