/* db/stmt.c: prepared statements, cached in their handle by the address of the text. */
#include "db/stmt.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "db/handle.h"

#define CACHE_FIRST_SIZE 32

static struct db_cached *cache_slot(struct db_cached *cache, size_t size, const char *sql)
{
	size_t at = (size_t)(((uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u) >> 32) & (size - 1);

	while (cache[at].sql && cache[at].sql != sql)
		at = (at + 1) & (size - 1);
	return &cache[at];
}

static bool cache_grow(struct db *db)
{
	size_t size = db->cache_size ? db->cache_size * 2 : CACHE_FIRST_SIZE;
	struct db_cached *cache = calloc(size, sizeof(*cache));

	if (!cache)
		return false;
	for (size_t i = 0; i < db->cache_size; i++) {
		if (db->cache[i].sql)
			*cache_slot(cache, size, db->cache[i].sql) = db->cache[i];
	}
	free(db->cache);
	db->cache = cache;
	db->cache_size = size;
	return true;
}

static struct sqlite3_stmt *prepare(struct db *db, const char *sql)
{
	struct sqlite3_stmt *s = NULL;
	int code;

	if (db->cache_used * 2 >= db->cache_size && !cache_grow(db)) {
		db->latched = ERR_TEMP;
		return NULL;
	}
	code = sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
	if (code) {
		db->latched = db_error(code);
		return NULL;
	}
	*cache_slot(db->cache, db->cache_size, sql) = (struct db_cached){ sql, s };
	db->cache_used++;
	return s;
}

struct sqlite3_stmt *db_stmt(struct db *db, const char *sql)
{
	struct db_cached *slot = db->cache_size ? cache_slot(db->cache, db->cache_size, sql) : NULL;

	if (!slot || !slot->sql)
		return prepare(db, sql);
	(void)sqlite3_reset(slot->stmt);
	(void)sqlite3_clear_bindings(slot->stmt);
	return slot->stmt;
}

void stmt_int(struct sqlite3_stmt *s, int at, int64_t value)
{
	if (s)
		(void)sqlite3_bind_int64(s, at, value);
}

void stmt_text(struct sqlite3_stmt *s, int at, struct span value)
{
	if (s)
		(void)sqlite3_bind_text64(s, at, value.len ? value.ptr : "", value.len, SQLITE_STATIC, SQLITE_UTF8);
}

void stmt_blob(struct sqlite3_stmt *s, int at, struct span value)
{
	if (s)
		(void)sqlite3_bind_blob64(s, at, value.len ? value.ptr : "", value.len, SQLITE_STATIC);
}

void stmt_null(struct sqlite3_stmt *s, int at)
{
	if (s)
		(void)sqlite3_bind_null(s, at);
}

static enum err take_latched(struct db *db)
{
	enum err e = db->latched ? db->latched : ERR_TEMP;

	db->latched = ERR_OK;
	return e;
}

enum err stmt_row(struct db *db, struct sqlite3_stmt *s)
{
	int code;

	if (!s)
		return take_latched(db);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		return ERR_OK;
	(void)sqlite3_reset(s);
	return code == SQLITE_DONE ? ERR_NOT_FOUND : db_error(code);
}

enum err stmt_run(struct db *db, struct sqlite3_stmt *s)
{
	enum err e;

	do {
		e = stmt_row(db, s);
	} while (e == ERR_OK);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void stmt_reset(struct sqlite3_stmt *s)
{
	if (s)
		(void)sqlite3_reset(s);
}

int64_t stmt_get_int(struct sqlite3_stmt *s, int column)
{
	return sqlite3_column_int64(s, column);
}

struct span stmt_get_bytes(struct sqlite3_stmt *s, int column)
{
	/* The pointer first: column_bytes may convert. */
	const char *ptr = sqlite3_column_blob(s, column);

	return span_make(ptr ? ptr : "", (size_t)sqlite3_column_bytes(s, column));
}

bool stmt_is_null(struct sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL;
}

int64_t db_last_rowid(struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes64(db->sqlite);
}

enum err db_run_script(struct db *db, const char *sql, struct note *why)
{
	int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	if (!code)
		return ERR_OK;
	db_explain(db, why);
	return db_error(code);
}
