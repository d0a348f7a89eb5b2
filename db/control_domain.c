/* db/control_domain.c: control.db: the domain table. */
#include "db/control_domain.h"

#include "db/stmt.h"

enum err db_domain_add(struct db *db, struct span name, int64_t created_ms)
{
	static const char sql[] = "INSERT INTO domain (name, created_ms) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, name);
	stmt_int(s, 2, created_ms);
	return stmt_run(db, s);
}

enum err db_domain_remove(struct db *db, struct span name)
{
	static const char sql[] = "DELETE FROM domain WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_domain_find(struct db *db, struct span name)
{
	static const char sql[] = "SELECT 1 FROM domain WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	stmt_reset(s);
	return e;
}

enum err db_domain_each(struct db *db, enum err (*row)(void *arg, struct span name), void *arg)
{
	static const char sql[] = "SELECT name FROM domain ORDER BY name";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		e = row(arg, stmt_get_bytes(s, 0));
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
