/* db/control_idempotency.c: control.db: the idempotency table. */
#include "db/control_idempotency.h"

#include "db/stmt.h"

enum err db_idempotency_find(struct db *db, struct span key, void (*row)(void *arg, const struct db_idempotency *r), void *arg)
{
	static const char sql[] = "SELECT key, request, created_ms, status, answer_sealed FROM idempotency WHERE key = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct db_idempotency r;
	enum err e;

	stmt_blob(s, 1, key);
	e = stmt_row(db, s);
	if (e)
		return e;
	r = (struct db_idempotency){ stmt_get_bytes(s, 0), stmt_get_bytes(s, 1), stmt_get_int(s, 2), stmt_get_int(s, 3), stmt_get_bytes(s, 4) };
	row(arg, &r);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_idempotency_put(struct db *db, const struct db_idempotency *row, int64_t before_ms, int64_t sweep)
{
	static const char sweep_sql[] = "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency WHERE created_ms < ?1 ORDER BY created_ms LIMIT ?2)";
	static const char sql[] = "INSERT OR REPLACE INTO idempotency (key, request, created_ms, status, answer_sealed) VALUES (?1, ?2, ?3, ?4, ?5)";
	struct sqlite3_stmt *s = db_stmt(db, sweep_sql);
	enum err e;

	stmt_int(s, 1, before_ms);
	stmt_int(s, 2, sweep);
	e = stmt_run(db, s);
	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_blob(s, 1, row->key);
	stmt_blob(s, 2, row->request);
	stmt_int(s, 3, row->created_ms);
	stmt_int(s, 4, row->status);
	stmt_blob(s, 5, row->answer);
	return stmt_run(db, s);
}

enum err db_idempotency_trim(struct db *db, int64_t keep, int64_t sweep)
{
	static const char sql[] = "DELETE FROM idempotency WHERE key IN (SELECT key FROM idempotency ORDER BY created_ms LIMIT min(?2, max(0, (SELECT count(*) FROM idempotency) - ?1)))";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, keep);
	stmt_int(s, 2, sweep);
	return stmt_run(db, s);
}
