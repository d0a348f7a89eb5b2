/* The audit log: what is added stays, is found again, and shows when somebody was at it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "daemon/base/clock.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/events/audit.h"
#include "db/db.h"

struct place {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	struct arena a;
	struct audit_entry *found;
	size_t count;
	bool more;
};

static void open_at(struct place *p)
{
	struct directory_config config = { p->path, &p->key, NULL };

	assert_int_equal(directory_open(&config, &p->d, NULL), ERR_OK);
}

static int make_place(void **state)
{
	static struct place p;

	clock_set_source(&clock_fake);
	p = (struct place){ .d = NULL };
	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-audit-XXXXXX");
	if (db_init() || !mkdtemp(p.dir))
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/control.db", p.dir);
	seal_key_random(&p.key);
	open_at(&p);
	arena_init(&p.a, 1 << 22);
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct place *p = *state;
	char path[128];

	arena_clear(&p->a);
	directory_close(&p->d);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	return rmdir(p->dir);
}

static struct audit_entry entry(const char *subject, const char *domain)
{
	return (struct audit_entry){
		.actor = SPAN("ann@example.test"),
		.actor_account = 1,
		.via = SPAN("session"),
		.peer = SPAN("192.0.2.1"),
		.request_id = SPAN("req_1"),
		.operation = SPAN("user_update"),
		.subject = span_str(subject),
		.domain = span_str(domain),
		.before = SPAN("{\"suspended\": false}"),
		.after = SPAN("{\"suspended\": true}"),
	};
}

static void add(struct place *p, const char *subject, const char *domain)
{
	struct audit_entry e = entry(subject, domain);

	assert_int_equal(audit_add(p->d, &e), ERR_OK);
}

static size_t list(struct place *p, const struct audit_filter *f, uint64_t before_id, size_t limit)
{
	assert_int_equal(audit_list(p->d, f, before_id, limit, &p->a, &p->found, &p->count, &p->more), ERR_OK);
	return p->count;
}

static enum err verify(struct place *p, uint64_t *count, uint64_t *bad)
{
	return audit_verify(p->d, count, bad);
}

/* As somebody would who can write to the file. */
static void tamper(struct place *p, const char *sql)
{
	sqlite3 *sqlite;

	directory_close(&p->d);
	assert_int_equal(sqlite3_open(p->path, &sqlite), SQLITE_OK);
	if (sqlite3_exec(sqlite, "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_removed", NULL, NULL, NULL) ||
	    sqlite3_exec(sqlite, sql, NULL, NULL, NULL))
		fail_msg("%s", sqlite3_errmsg(sqlite));
	(void)sqlite3_close(sqlite);
	open_at(p);
}

static void entries_come_back_newest_first(void **state)
{
	struct place *p = *state;
	const struct audit_filter all = { .text = { 0 } };

	add(p, "one@example.test", "example.test");
	clock_fake_advance_ms(1000);
	add(p, "two@example.test", "example.test");
	assert_int_equal(list(p, &all, 0, 10), 2);
	assert_false(p->more);
	assert_int_equal(p->found[0].id, 2);
	assert_true(span_equals(p->found[0].subject, SPAN("two@example.test")));
	assert_int_equal(p->found[0].at_ms - p->found[1].at_ms, 1000);
	assert_true(span_equals(p->found[1].after, SPAN("{\"suspended\": true}")));
	assert_true(span_equals(p->found[1].via, SPAN("session")));
	assert_int_equal(list(p, &all, 0, 1), 1);
	assert_true(p->more);
	assert_int_equal(list(p, &all, 2, 1), 1);
	assert_false(p->more);
	assert_int_equal(p->found[0].id, 1);
}

static void filters_narrow(void **state)
{
	struct place *p = *state;
	const struct span domains[] = { SPAN("a.test"), SPAN("b.test") };
	struct audit_entry other = entry("x@c.test", "c.test");
	int64_t begun = clock_real_ms();

	add(p, "one@a.test", "a.test");
	clock_fake_advance_ms(1000);
	add(p, "two@b.test", "b.test");
	clock_fake_advance_ms(1000);
	other.actor_account = 7;
	other.operation = SPAN("user_delete");
	other.after = SPAN("J\xc3\x96RG");
	assert_int_equal(audit_add(p->d, &other), ERR_OK);
	assert_int_equal(list(p, &(struct audit_filter){ .subject = SPAN("one@a.test") }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .actor_account = 7 }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .actor_account = 1 }, 0, 10), 2);
	assert_int_equal(list(p, &(struct audit_filter){ .operation = SPAN("user_delete") }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .domain = SPAN("b.test") }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .text = SPAN("TWO@") }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .text = SPAN("j\xc3\xb6rg") }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .domains = domains, .domain_count = 2 }, 0, 10), 2);
	assert_int_equal(list(p, &(struct audit_filter){ .domains = domains, .domain_count = 1 }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .domains = domains, .domain_count = 0 }, 0, 10), 0);
	assert_int_equal(list(p, &(struct audit_filter){ .domains = domains, .domain_count = 1, .domain = SPAN("b.test") }, 0, 10), 0);
	assert_int_equal(list(p, &(struct audit_filter){ .since_ms = begun + 1000 }, 0, 10), 2);
	assert_int_equal(list(p, &(struct audit_filter){ .since_ms = begun + 1000, .until_ms = begun + 2000 }, 0, 10), 1);
	assert_int_equal(list(p, &(struct audit_filter){ .until_ms = begun }, 0, 10), 0);
	assert_int_equal(list(p, &(struct audit_filter){ .since_ms = begun + 9000 }, 0, 10), 0);
}

static void clock_that_was_set_back_hides_nothing(void **state)
{
	struct place *p = *state;
	int64_t now = clock_real_ms();

	clock_fake_set_real_ms(now + 10000);
	add(p, "early@a.test", "a.test");
	clock_fake_set_real_ms(now);
	add(p, "late@a.test", "a.test");
	assert_int_equal(list(p, &(struct audit_filter){ .since_ms = now, .until_ms = now + 1 }, 0, 10), 1);
	assert_true(span_equals(p->found[0].subject, SPAN("late@a.test")));
	assert_int_equal(list(p, &(struct audit_filter){ .since_ms = now + 1 }, 0, 10), 1);
	assert_true(span_equals(p->found[0].subject, SPAN("early@a.test")));
}

static void entry_is_there_exactly_when_its_change_is(void **state)
{
	struct place *p = *state;
	struct audit_entry e = entry("a.test", "a.test");
	uint64_t count, bad;

	assert_int_equal(directory_begin(p->d, NULL), ERR_OK);
	assert_int_equal(directory_domain_add(p->d, SPAN("a.test"), NULL), ERR_OK);
	assert_int_equal(audit_add(p->d, &e), ERR_OK);
	directory_end(p->d);
	assert_int_equal(verify(p, &count, &bad), ERR_OK);
	assert_int_equal(count, 0);
	assert_int_equal(directory_begin(p->d, NULL), ERR_OK);
	assert_int_equal(directory_domain_add(p->d, SPAN("a.test"), NULL), ERR_OK);
	assert_int_equal(audit_add(p->d, &e), ERR_OK);
	assert_int_equal(audit_add(p->d, &e), ERR_OK);
	assert_int_equal(directory_commit(p->d, NULL), ERR_OK);
	assert_int_equal(verify(p, &count, &bad), ERR_OK);
	assert_int_equal(count, 2);
}

static void endless_values_are_refused(void **state)
{
	struct place *p = *state;
	static char big[(1 << 20) + 1];
	struct audit_entry e = entry("x", "");

	memset(big, 'x', sizeof(big));
	e.after = span_make(big, sizeof(big));
	assert_int_equal(audit_add(p->d, &e), ERR_LIMIT);
	e.after = span_make(big, sizeof(big) - 1);
	assert_int_equal(audit_add(p->d, &e), ERR_OK);
	e.subject = span_make(big, 2049);
	assert_int_equal(audit_add(p->d, &e), ERR_LIMIT);
}

static void each_kind_of_tampering_is_found(void **state)
{
	static const struct {
		const char *sql;
		uint64_t bad;
	} cases[] = {
		{ "UPDATE audit SET after = '{}' WHERE id = 3", 3 },
		{ "UPDATE audit SET at_ms = at_ms + 1 WHERE id = 3", 3 },
		{ "UPDATE audit SET actor_account = 9 WHERE id = 3", 3 },
		{ "UPDATE audit SET subject = 'subject', via = 'session' || 'x' WHERE id = 3", 3 },
		{ "UPDATE audit SET chain = x'00' WHERE id = 3", 3 },
		{ "DELETE FROM audit WHERE id = 3", 4 },
		{ "DELETE FROM audit WHERE id = 1", 2 },
		{ "UPDATE audit SET operation = 'user_updateu', subject = substr(subject, 2) WHERE id = 5", 5 },
	};
	struct place *p;
	uint64_t count, bad;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (i > 0)
			assert_int_equal(make_place(state), 0);
		p = *state;
		for (int n = 0; n < 5; n++)
			add(p, "user@example.test", "example.test");
		assert_int_equal(verify(p, &count, &bad), ERR_OK);
		tamper(p, cases[i].sql);
		assert_int_equal(verify(p, &count, &bad), ERR_CORRUPT);
		assert_int_equal(bad, cases[i].bad);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			assert_int_equal(remove_place(state), 0);
	}
}

static void rows_can_only_be_added(void **state)
{
	struct place *p = *state;
	sqlite3 *sqlite;

	add(p, "x", "");
	assert_int_equal(sqlite3_open(p->path, &sqlite), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(sqlite, "UPDATE audit SET actor = 'x'", NULL, NULL, NULL), SQLITE_OK);
	assert_int_not_equal(sqlite3_exec(sqlite, "DELETE FROM audit", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(sqlite);
}

/* More than is looked at in one turn. */
static void long_log_is_walked_in_turns(void **state)
{
	struct place *p = *state;
	uint64_t count, bad;
	struct audit_entry e = entry("many@example.test", "example.test");

	add(p, "needle@example.test", "example.test");
	assert_int_equal(directory_begin(p->d, NULL), ERR_OK);
	for (int i = 0; i < 8199; i++)
		assert_int_equal(audit_add(p->d, &e), ERR_OK);
	assert_int_equal(directory_commit(p->d, NULL), ERR_OK);
	assert_int_equal(verify(p, &count, &bad), ERR_OK);
	assert_int_equal(count, 8200);
	assert_int_equal(list(p, &(struct audit_filter){ .text = SPAN("needle") }, 0, 10), 1);
	assert_int_equal(p->found[0].id, 1);
	assert_false(p->more);
}

static void *add_many(void *arg)
{
	struct place *p = arg;
	uint64_t count, bad;

	for (int i = 0; i < 50; i++) {
		add(p, "thread@example.test", "example.test");
		if (i % 10 == 0)
			assert_int_equal(verify(p, &count, &bad), ERR_OK);
	}
	return NULL;
}

static void threads_make_one_chain(void **state)
{
	struct place *p = *state;
	pthread_t threads[4];
	uint64_t count, bad;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, p), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(verify(p, &count, &bad), ERR_OK);
	assert_int_equal(count, 200);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(entries_come_back_newest_first),
		CASE(filters_narrow),
		CASE(clock_that_was_set_back_hides_nothing),
		CASE(entry_is_there_exactly_when_its_change_is),
		CASE(endless_values_are_refused),
		CASE(each_kind_of_tampering_is_found),
		CASE(rows_can_only_be_added),
		CASE(long_log_is_walked_in_turns),
		CASE(threads_make_one_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
