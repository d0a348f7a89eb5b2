/* mail.db between releases: what an older one wrote is there after the migration, and what it does works on the new file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "db/db.h"
#include "db/mail_check.h"
#include "db/mail_message.h"
#include "db/mail_thread.h"

/* What release 0001 does, with values in place of its parameters: an account, two messages in INBOX, ... */
static const char *const begun_0001[] = {
	"INSERT INTO account (id, modseq, content, uidvalidity) VALUES (1, 1, 0, 0)",
	"UPDATE account SET uidvalidity = max(uidvalidity + 1, 7) WHERE id = 1",
	"INSERT INTO mailbox (name, special_use, uidvalidity, modseq) VALUES ('INBOX', 0, 7, 1)",
	"UPDATE account SET uidvalidity = max(uidvalidity + 1, 7) WHERE id = 1",
	"INSERT INTO mailbox (name, special_use, uidvalidity, modseq) VALUES ('Old', 0, 8, 1)",
	"INSERT OR IGNORE INTO subscription (name) SELECT 'INBOX' WHERE (SELECT count(*) FROM subscription) < 1000",
	"UPDATE account SET modseq = modseq + 1, content = content + 2 WHERE id = 1",
	"INSERT OR IGNORE INTO ledger (queue_id, at_ms) VALUES (x'00112233445566778899aabbccddeeff', 5)",
	("INSERT INTO meta (id, internal_ms, internal_offset, sent_ms, size, body_size, file, envelope, body_structure, body_text_structure, parts, subject, message_id)"
	 " VALUES (1, 10, 0, 9, 6, 2, NULL, x'', x'', x'', x'', x'', x'3c614062003e'), (2, 11, 60, 9, 7, 3, 'file', x'', x'', x'', x'', x'', x'')"),
	"INSERT INTO content (id, prefix, head, body) VALUES (1, x'01', x'020304', x'0506'), (2, x'01', x'020304', NULL)",
	"INSERT INTO message (mailbox, uid, flags, modseq, content) VALUES (1, 1, 0, 2, 1), (1, 2, 1, 2, 2)",
	"UPDATE mailbox SET messages = messages + 2, unseen = unseen + 1, deleted = deleted + 0, size = size + 13, uidnext = uidnext + 2, modseq = 2 WHERE id = 1",
};
/* ... the first copied and flagged, and what was the first there leaves. */
static const char *const goes_on_0001[] = {
	"UPDATE account SET modseq = modseq + 1 WHERE id = 1",
	"INSERT INTO message (mailbox, uid, flags, modseq, content) VALUES (2, 1, 0, (SELECT modseq FROM account), 1)",
	"UPDATE mailbox SET messages = messages + 1, unseen = unseen + 1, size = size + 6, uidnext = uidnext + 1, modseq = (SELECT modseq FROM account) WHERE id = 2",
	"UPDATE account SET modseq = modseq + 1 WHERE id = 1",
	("UPDATE message SET flags = (flags & -1) | 8, modseq = (SELECT modseq FROM account)"
	 " WHERE mailbox = 1 AND uid BETWEEN 1 AND 1 AND flags <> ((flags & -1) | 8)"),
	"UPDATE mailbox SET deleted = deleted + 1, modseq = (SELECT modseq FROM account) WHERE id = 1",
	"UPDATE account SET modseq = modseq + 1 WHERE id = 1",
	"DELETE FROM message WHERE mailbox = 1 AND uid BETWEEN 1 AND 1",
	"INSERT INTO expunged (mailbox, modseq, first_uid, last_uid, at_ms) VALUES (1, (SELECT modseq FROM account), 1, 1, 6)",
	("UPDATE mailbox SET messages = messages - 1, unseen = unseen - 1, deleted = deleted - 1, size = size - 6,"
	 " modseq = (SELECT modseq FROM account), expunged_rows = expunged_rows + 1 WHERE id = 1"),
	"DELETE FROM content WHERE id = 1 AND NOT EXISTS (SELECT 1 FROM message WHERE message.content = 1)",
};
/* Both contents go; then the mailbox. */
static const char *const removals_0001[] = {
	"UPDATE account SET modseq = modseq + 1 WHERE id = 1",
	"DELETE FROM message WHERE mailbox = 2 AND uid BETWEEN 1 AND 1",
	"DELETE FROM content WHERE id = 1 AND NOT EXISTS (SELECT 1 FROM message WHERE message.content = 1)",
	"DELETE FROM meta WHERE id = 1 RETURNING file",
	"DELETE FROM expunged WHERE mailbox = 2",
	"DELETE FROM mailbox WHERE id = 2",
	"DELETE FROM ledger WHERE queue_id = x'00112233445566778899aabbccddeeff'",
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
	(void)snprintf(p.path, sizeof(p.path), "%s/mail.db", p.dir);
	p.old = db_schema_mail;
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

static struct db *open_as(struct place *p, const struct db_schema *schema)
{
	struct note why = { "" };
	struct db *db;

	if (db_open(p->path, schema, DB_WRITE, &db, &why))
		fail_msg("%s", why.text);
	return db;
}

static void check(struct db *db)
{
	struct note why = { "" };

	if (db_mail_check(db, &why))
		fail_msg("%s", why.text);
}

static void run_all(struct place *p, const char *const *statements, size_t count)
{
	struct db *db = open_as(p, &p->old);
	sqlite3 *sqlite;

	db_close(&db);
	assert_int_equal(sqlite3_open(p->path, &sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sqlite, "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF", NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < count; i++) {
		if (sqlite3_exec(sqlite, statements[i], NULL, NULL, NULL))
			fail_msg("%s: %s", statements[i], sqlite3_errmsg(sqlite));
	}
	(void)sqlite3_close(sqlite);
}

#define RUN(p, statements) run_all(p, statements, sizeof(statements) / sizeof((statements)[0]))

static bool look(void *arg, const struct db_message_row *row)
{
	int *seen = arg;

	(*seen)++;
	assert_int_equal(row->message.saved_ms, 0);
	assert_null(row->content.preview.ptr);
	assert_null(row->content.refs.ptr);
	assert_int_equal(row->content.thread, 0);
	return true;
}

static void what_release_0001_wrote_is_there(void **state)
{
	struct place *p = *state;
	struct db *db;
	int seen = 0;

	RUN(p, begun_0001);
	RUN(p, goes_on_0001);
	db = open_as(p, &db_schema_mail);
	check(db);
	assert_int_equal(db_message_scan(db, 1, 1, UINT32_MAX, DB_ROW_WORDS, look, &seen), ERR_OK);
	assert_int_equal(db_message_scan(db, 2, 1, UINT32_MAX, DB_ROW_WORDS, look, &seen), ERR_OK);
	assert_int_equal(seen, 2);
	db_close(&db);
}

static enum err forget(void *arg, uint64_t content, struct span message_id, struct span refs)
{
	assert_int_equal(message_id.len, 6);
	assert_null(refs.ptr);
	return db_thread_remove(arg, 99, content);
}

static void what_release_0001_wrote_leaves(void **state)
{
	static const char *const leaving[] = {
		"DELETE FROM message WHERE mailbox = 2",
		"UPDATE mailbox SET messages = 0, unseen = 0, size = 0 WHERE id = 2",
	};
	struct db_content_gone gone;
	struct place *p = *state;
	struct db *db;

	RUN(p, begun_0001);
	RUN(p, goes_on_0001);
	RUN(p, leaving);
	db = open_as(p, &db_schema_mail);
	assert_int_equal(db_content_release(db, 1, forget, db, &gone), ERR_OK);
	assert_true(gone.removed);
	check(db);
	db_close(&db);
}

/* What the older one does not know of keeps it from nothing. */
static void release_0001_runs_on_the_migrated_file(void **state)
{
	struct place *p = *state;
	struct db *db = open_as(p, &db_schema_mail);
	uint64_t thread;

	db_close(&db);
	RUN(p, begun_0001);
	db = open_as(p, &db_schema_mail);
	assert_int_equal(db_thread_add(db, 99, 1, 1), ERR_OK);
	db_close(&db);
	RUN(p, goes_on_0001);
	RUN(p, removals_0001);
	db = open_as(p, &db_schema_mail);
	check(db);
	/* It leaves keys of what it removed: who answers that message still is of its thread. */
	assert_int_equal(db_thread_find(db, 99, &thread), ERR_OK);
	assert_int_equal(thread, 1);
	db_close(&db);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_release_0001_wrote_is_there),
		CASE(what_release_0001_wrote_leaves),
		CASE(release_0001_runs_on_the_migrated_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
