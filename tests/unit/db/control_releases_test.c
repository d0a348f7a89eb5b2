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
#include "db/control_domain.h"
#include "db/control_relay.h"
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

/* What release 0002 does to the tables that 0003 added to, with values in place of its parameters. */
static const char *const statements_0002[] = {
	"INSERT INTO domain (name, created_ms) VALUES ('old.test', 1)",
	"INSERT INTO domain (name, created_ms) VALUES ('other.test', 1)",
	"SELECT name FROM domain ORDER BY name",
	("INSERT INTO account (key, address, domain, password_hash, role, duty, suspended, created_ms) "
	 "SELECT 'ann@old.test', 'ann@old.test', 'old.test', '$hash', 1, 0, 0, 5 WHERE NOT EXISTS (SELECT 1 FROM alias WHERE key = 'ann@old.test')"),
	("INSERT INTO account (key, address, domain, password_hash, role, duty, suspended, created_ms) "
	 "SELECT 'bob@old.test', 'bob@old.test', 'old.test', '$hash', 0, 0, 0, 5 WHERE NOT EXISTS (SELECT 1 FROM alias WHERE key = 'bob@old.test')"),
	"SELECT count(*) FROM account WHERE role = 1 AND NOT suspended",
	"SELECT id, key, address, domain, CASE role WHEN 1 THEN 1 ELSE duty END, suspended, created_ms, name FROM account ORDER BY id",
	"INSERT OR REPLACE INTO relay (domain, host, port, tls, user, password_sealed) VALUES ('*', 'relay.test', 25, 2, '', x'')",
	"SELECT domain, host, port, tls, user, password_sealed FROM relay ORDER BY domain",
};
static const char *const removals_0002[] = {
	"DELETE FROM account WHERE id = 2",
	"DELETE FROM relay WHERE domain = '@old.test'",
	"DELETE FROM domain WHERE name = 'stands.test'",
	"DELETE FROM domain WHERE name = 'other.test'",
};

static enum err look_at_relay(void *arg, const struct db_relay *r)
{
	int *seen = arg;

	*seen = *seen * 10 + r->tls;
	return ERR_OK;
}

static enum err look_at_domain(void *arg, const struct db_domain *d)
{
	int *seen = arg;

	(*seen)++;
	assert_int_equal(d->state, 0);
	assert_int_equal(d->alias_of.len + d->source_ipv4.len + d->source_ipv6.len, 0);
	return ERR_OK;
}

static enum err look_at_sending(void *arg, const struct db_account *a)
{
	int *seen = arg;

	(*seen)++;
	assert_true(a->forward_keep);
	assert_int_equal(a->send_hour, -1);
	assert_int_equal(a->send_day, -1);
	assert_int_equal(a->send_new, -1);
	assert_int_equal(a->quota_bytes, -1);
	assert_int_equal(a->quota_messages, -1);
	assert_int_equal(a->imap_off.len, 0);
	assert_false(a->is_shared);
	assert_int_equal(a->protocols_off, 0);
	return ERR_OK;
}

static void what_release_0002_wrote_has_the_defaults_of_0003(void **state)
{
	struct place *p = *state;
	struct db *db;
	int domains = 0, accounts = 0, relays = 0;

	p->old.count = 2;
	open_as(p, &p->old);
	RUN(p, statements_0002);
	assert_int_equal(number(p, "PRAGMA user_version"), 2);
	assert_int_equal(db_open(p->path, &db_schema_control, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_domain_each(db, look_at_domain, &domains), ERR_OK);
	assert_int_equal(db_account_each(db, look_at_sending, &accounts), ERR_OK);
	assert_int_equal(db_relay_each(db, look_at_relay, &relays), ERR_OK);
	db_close(&db);
	assert_int_equal(domains, 2);
	assert_int_equal(accounts, 2);
	assert_int_equal(relays, 2);
	assert_int_equal(number(p, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static void release_0002_runs_on_the_migrated_file(void **state)
{
	static const char *const newer[] = {
		"INSERT INTO domain (name, created_ms, alias_of) VALUES ('stands.test', 1, 'other.test')",
		"UPDATE domain SET state = 2, source_ipv4 = '192.0.2.1' WHERE name = 'old.test'",
		"INSERT INTO forward (account_id, position, target, key, base_key) VALUES (2, 0, 'x@y.test', 'x@y.test', 'x@y.test')",
		"INSERT INTO identity (account_id, key, address) VALUES (2, 'x@y.test', 'x@y.test')",
		"INSERT INTO tls_rule (domain, mode, names, created_ms) VALUES ('y.test', 3, '', 1)",
	};
	const struct db_relay encrypted = { .domain = SPAN("@old.test"), .host = SPAN("r.test"), .port = 25, .tls = 3 };
	struct place *p = *state;
	struct db *db;
	int relays = 0;

	open_as(p, &db_schema_control);
	RUN(p, statements_0002);
	RUN(p, newer);
	assert_int_equal(db_open(p->path, &db_schema_control, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_relay_set(db, &encrypted), ERR_OK);
	assert_int_equal(db_relay_each(db, look_at_relay, &relays), ERR_OK);
	assert_int_equal(relays, 23);
	db_close(&db);
	/* Who knows only three kinds of TLS takes the strictest. */
	assert_int_equal(number(p, "SELECT tls FROM relay WHERE domain = '@old.test'"), 2);
	p->old.count = 2;
	open_as(p, &p->old);
	run_all(p, statements_0002 + 5, sizeof(statements_0002) / sizeof(statements_0002[0]) - 5);
	RUN(p, removals_0002);
	assert_int_equal(number(p, "SELECT count(*) FROM forward"), 0);
	assert_int_equal(number(p, "SELECT count(*) FROM identity"), 0);
	open_as(p, &db_schema_control);
	assert_int_equal(number(p, "SELECT count(*) FROM tls_rule"), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(older_release_runs_on_the_migrated_file),
		CASE(what_the_older_release_wrote_is_there),
		CASE(what_release_0002_wrote_has_the_defaults_of_0003),
		CASE(release_0002_runs_on_the_migrated_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
