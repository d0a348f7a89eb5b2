/* db/stmt.h: prepared statements, for files of db/ only. SQL is a `static const char sql[]` beside its function. */
#ifndef POSTROOM_DB_STMT_H
#define POSTROOM_DB_STMT_H

#include "db/db.h"

struct sqlite3_stmt;

/* Prepared once per handle (the text's address is the key), reset and with cleared bindings; null latches the error, which the run functions report. */
struct sqlite3_stmt *db_stmt(struct db *db, const char *sql);

/* Binding by position from 1. A null statement is allowed everywhere. Bytes are not copied: they must live until the statement has run. */
void stmt_int(struct sqlite3_stmt *s, int at, int64_t value);
void stmt_text(struct sqlite3_stmt *s, int at, struct span value);
void stmt_blob(struct sqlite3_stmt *s, int at, struct span value);
void stmt_null(struct sqlite3_stmt *s, int at);

/* Runs to the end, resets. */
enum err stmt_run(struct db *db, struct sqlite3_stmt *s) MUST_CHECK;
/* ERR_OK: a row is there; ERR_NOT_FOUND: no (more) row, and the statement is reset; else an error, reset. */
enum err stmt_row(struct db *db, struct sqlite3_stmt *s) MUST_CHECK;
void stmt_reset(struct sqlite3_stmt *s);

/* Columns from 0; spans live until the next stmt_row or reset. */
int64_t stmt_get_int(struct sqlite3_stmt *s, int column);
struct span stmt_get_bytes(struct sqlite3_stmt *s, int column);
bool stmt_is_null(struct sqlite3_stmt *s, int column);

int64_t db_last_rowid(struct db *db);
int64_t db_changes(struct db *db);
enum err db_run_script(struct db *db, const char *sql, struct note *why) MUST_CHECK;

#endif
