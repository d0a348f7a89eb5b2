/* control.db between releases: what an older one wrote is there after the migration, and what it does works on the new file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db/control_account.h"
#include "db/db.h"

/* Every statement of release 0001, with values in place of its parameters. */
static const char *const statements_0001[] = {
	"INSERT INTO setting (name, value) VALUES ('hostname', x'6d782e74657374') ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	"SELECT value FROM setting WHERE name = 'hostname'",
	"INSERT INTO domain (name, created_ms) VALUES ('old.test', 1)",
	"SELECT 1 FROM domain WHERE name = 'old.test'",
	"SELECT name FROM domain ORDER BY name",
	("INSERT INTO account (key, address, domain, password_hash, role, suspended, created_ms) "
	 "SELECT 'ann@old.test', 'ann@old.test', 'old.test', '$hash', 1, 0, 5 WHERE NOT EXISTS (SELECT 1 FROM alias WHERE key = 'ann@old.test')"),
	("INSERT INTO account (key, address, domain, password_hash, role, suspended, created_ms) "
	 "SELECT 'bob@old.test', 'bob@old.test', 'old.test', '$hash', 0, 0, 5 WHERE NOT EXISTS (SELECT 1 FROM alias WHERE key = 'bob@old.test')"),
	"UPDATE account SET password_hash = '$other' WHERE key = 'ann@old.test'",
	"UPDATE account SET suspended = 1 WHERE key = 'ann@old.test'",
	"SELECT count(*) FROM account WHERE role = 1 AND NOT suspended",
	"SELECT id, key, address, domain, password_hash, role, suspended, created_ms FROM account ORDER BY id",
	("INSERT INTO alias (key, address, domain, created_ms) SELECT 'info@old.test', 'info@old.test', 'old.test', 7 "
	 "WHERE NOT EXISTS (SELECT 1 FROM account WHERE key = 'info@old.test')"),
	"INSERT INTO alias_target (alias, position, target, key, base_key) VALUES ('info@old.test', 0, 'ann@old.test', 'ann@old.test', 'ann@old.test')",
	"SELECT alias.key, address, target, alias_target.key, base_key FROM alias JOIN alias_target ON alias = alias.key ORDER BY alias.key, position",
	"INSERT OR REPLACE INTO relay (domain, host, port, tls, user, password_sealed) VALUES ('*', 'relay.test', 25, 1, '', x'')",
	"SELECT domain, host, port, tls, user, password_sealed FROM relay ORDER BY domain",
	"INSERT OR REPLACE INTO certificate (name, chain_pem, key_sealed, updated_ms) VALUES ('mx.test', 'chain', x'00', 9)",
	"SELECT count(*) FROM certificate",
	"SELECT name, chain_pem, key_sealed, updated_ms FROM certificate ORDER BY name",
};
static const char *const again_0001[] = {
	"UPDATE account SET password_hash = '$third' WHERE id = 2",
	"UPDATE account SET suspended = 1 WHERE id = 2",
	"SELECT count(*) FROM account WHERE role = 1 AND NOT suspended",
	"SELECT id, key, address, domain, password_hash, role, suspended, created_ms FROM account ORDER BY id",
};
static const char *const removals_0001[] = {
	("DELETE FROM alias_target WHERE base_key = (SELECT key FROM account WHERE id = 2) AND "
	 "(key = base_key OR (key NOT IN (SELECT key FROM account) AND key NOT IN (SELECT key FROM alias)))"),
	"DELETE FROM alias_target WHERE key = (SELECT key FROM account WHERE id = 2)",
	"DELETE FROM alias WHERE key NOT IN (SELECT alias FROM alias_target)",
	"DELETE FROM account WHERE id = 2",
	"DELETE FROM alias WHERE key = 'info@old.test'",
	"DELETE FROM relay WHERE domain = '*'",
	"DELETE FROM account",
	"DELETE FROM domain WHERE name = 'old.test'",
};

struct place {
	char dir[64], path[96];
	struct db_schema old;
};

static int make_place(void **state)
{
	static struct place p;

	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-releases-XXXXXX");
	if (db_init() || !mkdtemp(p.dir))
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/control.db", p.dir);
	p.old = db_schema_control;
	p.old.count = 1;
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct place *p = *state;
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	return rmdir(p->dir);
}

/* Opens as a release of this schema does, and closes. */
static void open_as(struct place *p, const struct db_schema *schema)
{
	struct note why = { "" };
	struct db *db;

	if (db_open(p->path, schema, DB_WRITE, &db, &why))
		fail_msg("%s", why.text);
	db_close(&db);
}

static void run_all(struct place *p, const char *const *statements, size_t count)
{
	sqlite3 *sqlite;

	assert_int_equal(sqlite3_open(p->path, &sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sqlite, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF", NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < count; i++) {
		if (sqlite3_exec(sqlite, statements[i], NULL, NULL, NULL))
			fail_msg("%s: %s", statements[i], sqlite3_errmsg(sqlite));
	}
	(void)sqlite3_close(sqlite);
}

#define RUN(p, statements) run_all(p, statements, sizeof(statements) / sizeof((statements)[0]))

static int number(struct place *p, const char *sql)
{
	sqlite3 *sqlite;
	sqlite3_stmt *s;
	int value;

	assert_int_equal(sqlite3_open(p->path, &sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(sqlite, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	value = sqlite3_column_int(s, 0);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(sqlite);
	return value;
}

static void older_release_runs_on_the_migrated_file(void **state)
{
	static const char *const newer[] = {
		"UPDATE account SET duty = 3, name = 'Bob' WHERE id = 2",
		"INSERT INTO account_grant (account_id, domain) VALUES (2, 'old.test')",
		"INSERT INTO known_device (account_id, network, first_ms, seen_ms, protocols) VALUES (2, '192.0.2.0/24', 1, 1, 1)",
	};
	struct place *p = *state;

	open_as(p, &db_schema_control);
	open_as(p, &p->old);
	RUN(p, statements_0001);
	RUN(p, newer);
	/* What the older one does not know of keeps it from nothing. */
	RUN(p, again_0001);
	RUN(p, removals_0001);
	assert_int_equal(number(p, "SELECT count(*) FROM account_grant"), 0);
	assert_int_equal(number(p, "SELECT count(*) FROM known_device"), 0);
	open_as(p, &db_schema_control);
}

static enum err look(void *arg, const struct db_account *a)
{
	int *seen = arg;

	(*seen)++;
	assert_int_equal(a->name.len, 0);
	assert_int_equal(a->role, a->id == 1 ? 1 : 0);
	return ERR_OK;
}

static void what_the_older_release_wrote_is_there(void **state)
{
	struct place *p = *state;
	struct db *db;
	int seen = 0;

	open_as(p, &p->old);
	RUN(p, statements_0001);
	assert_int_equal(number(p, "PRAGMA user_version"), 1);
	assert_int_equal(db_open(p->path, &db_schema_control, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_account_each(db, look, &seen), ERR_OK);
	assert_int_equal(seen, 2);
	db_close(&db);
	assert_int_equal(number(p, "PRAGMA user_version"), (int)db_schema_control.count);
	assert_int_equal(number(p, "SELECT count(*) FROM alias_target"), 1);
	assert_int_equal(number(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(older_release_runs_on_the_migrated_file),
		CASE(what_the_older_release_wrote_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
