/* Opening, migrating, statements, transactions and their errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/db.h"
#include "db/stmt.h"

static const char *const texts[] = {
	("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB) STRICT;"
	 "CREATE TABLE part (thing INTEGER NOT NULL REFERENCES thing (id)) STRICT;"),
	"ALTER TABLE thing ADD COLUMN size INTEGER NOT NULL DEFAULT 7;",
	"CREATE TABLE broken (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE broken (id INTEGER);",
};
static const struct db_schema one = { "one", DB_FULL, texts, 1 }, two = { "two", DB_FULL, texts, 2 }, three = { "three", DB_NORMAL, texts, 3 };

struct place {
	char dir[64], path[96];
};

static int make_place(void **state)
{
	static struct place p;

	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-db-XXXXXX");
	if (!mkdtemp(p.dir) || db_init())
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/x.db", p.dir);
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

static struct db *open_at(const struct place *p, const struct db_schema *schema)
{
	struct db *db;
	struct note why = { "" };

	if (db_open(p->path, schema, DB_WRITE, &db, &why))
		fail_msg("%s", why.text);
	return db;
}

static int64_t number(struct db *db, const char *sql)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);
	int64_t n;

	assert_int_equal(stmt_row(db, s), ERR_OK);
	n = stmt_get_int(s, 0);
	stmt_reset(s);
	return n;
}

static enum err add_thing(struct db *db, const char *name)
{
	static const char sql[] = "INSERT INTO thing (name, data) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, span_str(name));
	stmt_blob(s, 2, SPAN("a\0b"));
	return stmt_run(db, s);
}

static void new_file_is_private_and_has_the_settings(void **state)
{
	struct place *p = *state;
	struct db *db = open_at(p, &one);
	static const char synchronous[] = "PRAGMA synchronous", keys[] = "PRAGMA foreign_keys", trusted[] = "PRAGMA trusted_schema",
			  wipe[] = "PRAGMA secure_delete", checkpoint[] = "PRAGMA wal_autocheckpoint", version[] = "PRAGMA user_version";
	char wal[128];
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(wal, sizeof(wal), "%s-wal", p->path);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(number(db, synchronous), 2);
	assert_int_equal(number(db, keys), 1);
	assert_int_equal(number(db, trusted), 0);
	assert_int_equal(number(db, wipe), 2);
	assert_int_equal(number(db, checkpoint), 0);
	assert_int_equal(number(db, version), 1);
	assert_string_equal(db_path(db), p->path);
	db_close(&db);
	assert_null(db);
	assert_int_equal(stat(wal, &st), 0);
	db = open_at(p, &one);
	db_close(&db);
}

static void reader_never_creates(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct note why;

	assert_int_equal(db_open(p->path, &one, DB_READ, &db, &why), ERR_NOT_FOUND);
	assert_null(db);
	assert_int_equal(access(p->path, F_OK), -1);
}

static void reader_reads_and_cannot_write(void **state)
{
	static const char count[] = "SELECT count(*) FROM thing";
	struct place *p = *state;
	struct db *writer = open_at(p, &one), *reader;

	assert_int_equal(add_thing(writer, "a"), ERR_OK);
	assert_int_equal(db_open(p->path, &one, DB_READ, &reader, NULL), ERR_OK);
	assert_int_equal(db_begin(reader), ERR_OK);
	assert_int_equal(number(reader, count), 1);
	assert_int_equal(add_thing(writer, "b"), ERR_OK);
	assert_int_equal(number(reader, count), 1);
	db_rollback(reader);
	assert_int_equal(number(reader, count), 2);
	assert_int_not_equal(add_thing(reader, "c"), ERR_OK);
	db_close(&reader);
	db_close(&writer);
}

static void reader_of_an_older_file_is_refused(void **state)
{
	struct place *p = *state;
	struct db *db = open_at(p, &one);
	struct note why;

	db_close(&db);
	assert_int_equal(db_open(p->path, &two, DB_READ, &db, &why), ERR_STATE);
}

static void migrates_an_older_file_and_keeps_its_rows(void **state)
{
	static const char sql[] = "SELECT size FROM thing", version[] = "PRAGMA user_version";
	struct place *p = *state;
	struct db *db = open_at(p, &one);

	assert_int_equal(add_thing(db, "a"), ERR_OK);
	db_close(&db);
	db = open_at(p, &two);
	assert_int_equal(number(db, sql), 7);
	assert_int_equal(number(db, version), 2);
	db_close(&db);
}

static void opens_a_newer_file(void **state)
{
	static const char version[] = "PRAGMA user_version";
	struct place *p = *state;
	struct db *db = open_at(p, &two);

	db_close(&db);
	db = open_at(p, &one);
	assert_int_equal(number(db, version), 2);
	assert_int_equal(add_thing(db, "a"), ERR_OK);
	db_close(&db);
}

static void failed_migration_leaves_the_version_before_it(void **state)
{
	static const char version[] = "PRAGMA user_version", tables[] = "SELECT count(*) FROM sqlite_schema WHERE name = 'broken'";
	struct place *p = *state;
	struct db *db;
	struct note why = { "" };

	assert_int_not_equal(db_open(p->path, &three, DB_WRITE, &db, &why), ERR_OK);
	assert_null(db);
	assert_non_null(strstr(why.text, "broken"));
	db = open_at(p, &two);
	assert_int_equal(number(db, version), 2);
	assert_int_equal(number(db, tables), 0);
	db_close(&db);
}

static void not_a_database_is_corrupt(void **state)
{
	struct place *p = *state;
	FILE *f = fopen(p->path, "w");
	struct db *db;
	struct note why = { "" };

	for (int i = 0; i < 1000; i++)
		(void)fputs("not a database ", f);
	(void)fclose(f);
	assert_int_equal(db_open(p->path, &one, DB_WRITE, &db, &why), ERR_CORRUPT);
	assert_int_not_equal(why.text[0], 0);
}

static void statement_errors_have_names(void **state)
{
	static const char bad[] = "SELECT nothing FROM nowhere", orphan[] = "INSERT INTO part VALUES (99)";
	struct place *p = *state;
	struct db *db = open_at(p, &one);

	assert_int_equal(add_thing(db, "a"), ERR_OK);
	assert_int_equal(db_last_rowid(db), 1);
	assert_int_equal(add_thing(db, "a"), ERR_EXISTS);
	assert_int_equal(stmt_run(db, db_stmt(db, orphan)), ERR_STATE);
	assert_null(db_stmt(db, bad));
	stmt_int(NULL, 1, 1);
	assert_int_equal(stmt_run(db, NULL), ERR_CORRUPT);
	db_close(&db);
}

static void values_come_back_as_they_went_in(void **state)
{
	static const char sql[] = "SELECT name, data, NULL, id FROM thing";
	struct place *p = *state;
	struct db *db = open_at(p, &one);
	struct sqlite3_stmt *s;

	assert_int_equal(add_thing(db, ""), ERR_OK);
	assert_int_equal(db_changes(db), 1);
	s = db_stmt(db, sql);
	assert_int_equal(stmt_row(db, s), ERR_OK);
	assert_int_equal(stmt_get_bytes(s, 0).len, 0);
	assert_false(stmt_is_null(s, 0));
	assert_true(span_equals(stmt_get_bytes(s, 1), SPAN("a\0b")));
	assert_true(stmt_is_null(s, 2));
	assert_int_equal(stmt_get_int(s, 3), 1);
	assert_int_equal(stmt_row(db, s), ERR_NOT_FOUND);
	db_close(&db);
}

static void many_statements_are_cached_apart(void **state)
{
	static char sql[300][32];
	struct place *p = *state;
	struct db *db = open_at(p, &one);

	for (int i = 0; i < 300; i++)
		(void)snprintf(sql[i], sizeof(sql[i]), "SELECT %d", i);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 300; i++)
			assert_int_equal(number(db, sql[i]), i);
	db_close(&db);
}

static void second_writer_is_a_temporary_error(void **state)
{
	static const char quick[] = "PRAGMA busy_timeout=1";
	struct place *p = *state;
	struct db *a = open_at(p, &one), *b = open_at(p, &one);

	assert_int_equal(db_run_script(b, quick, NULL), ERR_OK);
	assert_int_equal(db_begin(a), ERR_OK);
	assert_true(db_in_transaction(a));
	assert_int_equal(db_begin(b), ERR_TEMP);
	db_rollback(b);
	assert_int_equal(db_commit(a), ERR_OK);
	assert_int_equal(db_begin(b), ERR_OK);
	db_rollback(b);
	assert_false(db_in_transaction(b));
	db_close(&a);
	db_close(&b);
}

static void checkpoint_waits_for_enough_pages(void **state)
{
	struct place *p = *state;
	struct db *db = open_at(p, &one);
	int left;

	assert_int_equal(add_thing(db, "a"), ERR_OK);
	assert_int_equal(db_checkpoint(db, 1000, &left), ERR_OK);
	assert_true(left > 0);
	assert_int_equal(db_checkpoint(db, 0, &left), ERR_OK);
	assert_int_equal(left, 0);
	db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(new_file_is_private_and_has_the_settings, make_place, remove_place),
		cmocka_unit_test_setup_teardown(reader_never_creates, make_place, remove_place),
		cmocka_unit_test_setup_teardown(reader_reads_and_cannot_write, make_place, remove_place),
		cmocka_unit_test_setup_teardown(reader_of_an_older_file_is_refused, make_place, remove_place),
		cmocka_unit_test_setup_teardown(migrates_an_older_file_and_keeps_its_rows, make_place, remove_place),
		cmocka_unit_test_setup_teardown(opens_a_newer_file, make_place, remove_place),
		cmocka_unit_test_setup_teardown(failed_migration_leaves_the_version_before_it, make_place, remove_place),
		cmocka_unit_test_setup_teardown(not_a_database_is_corrupt, make_place, remove_place),
		cmocka_unit_test_setup_teardown(statement_errors_have_names, make_place, remove_place),
		cmocka_unit_test_setup_teardown(values_come_back_as_they_went_in, make_place, remove_place),
		cmocka_unit_test_setup_teardown(many_statements_are_cached_apart, make_place, remove_place),
		cmocka_unit_test_setup_teardown(second_writer_is_a_temporary_error, make_place, remove_place),
		cmocka_unit_test_setup_teardown(checkpoint_waits_for_enough_pages, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
