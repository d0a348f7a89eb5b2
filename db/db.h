/* db/db.h: one SQLite handle with our settings: WAL, synchronous FULL (NORMAL where a schema says so), STRICT tables,
 * foreign keys, defensive mode, no checkpoint on close, autocheckpoint off. One thread at a time owns a handle.
 *
 * Busy, full disk and I/O errors are ERR_TEMP; a damaged file is ERR_CORRUPT.
 */
#ifndef POSTROOM_DB_DB_H
#define POSTROOM_DB_DB_H

#include "daemon/base/span.h"

struct db;

enum db_durability { DB_FULL,
		     DB_NORMAL };

/* Numbered from 1 (= PRAGMA user_version); a released text never changes. Embedded at build from db/migrations/<name>/NNNN.sql. */
struct db_schema {
	const char *name;
	enum db_durability durability;
	const char *const *migrations;
	size_t count;
};
extern const struct db_schema db_schema_control, db_schema_queue, db_schema_mail, db_schema_trace, db_schema_relay, db_schema_search;

enum db_mode { DB_WRITE,
	       DB_READ };

/* Once per process, before threads: MEMSTATUS off first. */
enum err db_init(void) MUST_CHECK;

/* DB_WRITE creates and migrates (0600); a file from a newer release opens as long as its migrations only added. DB_READ never creates: ERR_NOT_FOUND. */
enum err db_open(const char *path, const struct db_schema *schema, enum db_mode mode, struct db **out, struct note *why) MUST_CHECK;
void db_close(struct db **db);
const char *db_path(const struct db *db);

/* BEGIN IMMEDIATE for writing handles, BEGIN for reading ones (one snapshot over several statements). */
enum err db_begin(struct db *db) MUST_CHECK;
enum err db_commit(struct db *db) MUST_CHECK; /* ERR_OK: survives a power cut. Otherwise rolled back */
void db_rollback(struct db *db);              /* harmless outside a transaction */
bool db_in_transaction(const struct db *db);
/* A part of the open transaction that can be undone by itself. */
enum err db_part_begin(struct db *db) MUST_CHECK;
/* Keeps the part, or undoes it. An error: the transaction is lost, as it is when SQLite has ended it itself (db_in_transaction). */
enum err db_part_end(struct db *db, bool keep) MUST_CHECK;

/* PASSIVE checkpoint when the WAL holds more than `min_pages`; *pages_out: frames left. Of a writing handle with a very long
 * WAL (32 MiB): one that waits up to a second for others. ERR_TEMP: another one is at work. */
enum err db_checkpoint(struct db *db, int min_pages, int *pages_out) MUST_CHECK;
/* A long statement of the handle asks now and then, and ends with ERR_TEMP when `stop` says so. Null: no more. */
void db_set_stop(struct db *db, bool (*stop)(void *arg), void *arg);
/* What failed last failed because the file is not what it should be. */
bool db_is_damaged(const struct db *db);
/* SQLite's own check of all pages: ERR_CORRUPT, and the first fault stands in `why`. */
enum err db_quick_check(struct db *db, struct note *why) MUST_CHECK;
/* Words for the last error of the handle. */
void db_explain(struct db *db, struct note *why);

#endif
