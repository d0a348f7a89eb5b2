/* db/control_lockout.c: control.db: the lockout table. */
#include "db/control_lockout.h"

#include "db/stmt.h"

enum err db_lockout_put(struct db *db, const struct db_lockout *row)
{
	static const char sql[] = "INSERT INTO lockout (subject, failures, until_ms) VALUES (?1, ?2, ?3) "
				  "ON CONFLICT (subject) DO UPDATE SET failures = excluded.failures, until_ms = excluded.until_ms";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, row->subject);
	stmt_int(s, 2, row->failures);
	stmt_int(s, 3, row->until_ms);
	return stmt_run(db, s);
}

enum err db_lockout_remove(struct db *db, struct span subject)
{
	static const char sql[] = "DELETE FROM lockout WHERE subject = ?1 OR subject GLOB ?1 || '@*'";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, subject);
	return stmt_run(db, s);
}

enum err db_lockout_each(struct db *db, int64_t now_ms, int64_t max, enum err (*row)(void *arg, const struct db_lockout *l), void *arg)
{
	static const char sql[] = "SELECT subject, failures, until_ms FROM lockout WHERE until_ms > ?1 ORDER BY until_ms DESC LIMIT ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, now_ms);
	stmt_int(s, 2, max);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_lockout l = {
			.subject = stmt_get_bytes(s, 0),
			.failures = (unsigned)stmt_get_int(s, 1),
			.until_ms = stmt_get_int(s, 2),
		};

		e = row(arg, &l);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_lockout_remove_ended(struct db *db, int64_t now_ms)
{
	static const char sql[] = "DELETE FROM lockout WHERE until_ms <= ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, now_ms);
	return stmt_run(db, s);
}
