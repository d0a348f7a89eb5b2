/* db/control_setting.c: control.db: the setting table. */
#include "db/control_setting.h"

#include "db/stmt.h"

enum err db_setting_get(struct db *db, struct span name, struct buf *out)
{
	static const char sql[] = "SELECT value FROM setting WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (e)
		return e;
	buf_add(out, stmt_get_bytes(s, 0));
	stmt_reset(s);
	return out->failed ? ERR_LIMIT : ERR_OK;
}

enum err db_setting_set(struct db *db, struct span name, struct span value)
{
	static const char sql[] = "INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, name);
	stmt_blob(s, 2, value);
	return stmt_run(db, s);
}

enum err db_setting_remove(struct db *db, struct span name)
{
	static const char sql[] = "DELETE FROM setting WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, name);
	return stmt_run(db, s);
}

enum err db_setting_each(struct db *db, enum err (*row)(void *arg, struct span name, struct span value), void *arg)
{
	static const char sql[] = "SELECT name, value FROM setting";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		e = row(arg, stmt_get_bytes(s, 0), stmt_get_bytes(s, 1));
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_data_version(struct db *db, int64_t *out)
{
	static const char sql[] = "PRAGMA data_version";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}
