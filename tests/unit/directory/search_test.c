/* Finding accounts by a part of their address or name. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/directory/fixture.h"

#define USERS 200

static void add_users(struct fixture *f)
{
	char text[64];
	uint64_t id;

	assert_int_equal(directory_begin(f->d, NULL), ERR_OK);
	for (int i = 0; i < USERS; i++) {
		(void)snprintf(text, sizeof(text), "user%03d@example.test", USERS - i);
		assert_int_equal(directory_account_add(f->d, span_str(text), SPAN(""), ROLE_USER, &id, NULL), ERR_OK);
		(void)snprintf(text, sizeof(text), "Name %d Of", i * i);
		assert_int_equal(directory_account_set_name(f->d, id, span_str(text), NULL), ERR_OK);
	}
	assert_int_equal(directory_commit(f->d, NULL), ERR_OK);
}

static bool holds(struct span text, const char *needle)
{
	char lower[128];

	(void)snprintf(lower, sizeof(lower), "%.*s", (int)text.len, text.ptr);
	for (char *c = lower; *c; c++)
		*c = ascii_lower(*c);
	return strstr(lower, needle) != NULL;
}

static size_t check(const struct snapshot *s, const char *needle)
{
	uint64_t hits[USERS / 64 + 2] = { 0 };
	const struct account *accounts;
	size_t count = snapshot_accounts_by_id(s, &accounts), found = 0;

	assert_true(snapshot_search(s, span_str(needle), hits));
	for (size_t i = 0; i < count; i++) {
		bool expected = holds(accounts[i].address, needle) || holds(accounts[i].name, needle);

		assert_int_equal(hits[i / 64] >> (i % 64) & 1, expected);
		found += expected;
	}
	return found;
}

static void search_finds_what_a_look_at_each_finds(void **state)
{
	static const char *const needles[] = { "user", "user1", "00@", "name 1", "of", "e", "200", "name 9 of", "@example.test", "zzz", "testname", "test name" };
	struct fixture *f = *state;
	const struct snapshot *s;

	add_users(f);
	s = directory_hold(f->d);
	for (size_t i = 0; i < sizeof(needles) / sizeof(needles[0]); i++)
		(void)check(s, needles[i]);
	assert_int_equal(check(s, "user"), USERS);
	assert_int_equal(check(s, "ann@"), 1);
	assert_int_equal(check(s, "testname"), 0);
	snapshot_release(&s);
}

static void *search_all_the_time(void *arg)
{
	const struct snapshot *s = arg;

	for (int i = 0; i < 20; i++)
		assert_int_equal(check(s, "name 9 of"), 1);
	return NULL;
}

static void threads_search_one_snapshot(void **state)
{
	struct fixture *f = *state;
	const struct snapshot *s;
	pthread_t threads[4];

	add_users(f);
	s = directory_hold(f->d);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, search_all_the_time, (void *)(uintptr_t)s), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	snapshot_release(&s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(search_finds_what_a_look_at_each_finds),
		CASE(threads_search_one_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
