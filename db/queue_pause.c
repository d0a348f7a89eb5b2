/* db/queue_pause.c: the SQL of paused destinations. */
#include "db/queue_pause.h"

#include "db/stmt.h"

enum err db_queue_pause_put(struct db *db, const struct queue_pause_row *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO pause (destination, reason, created_ms, until_ms) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, row->destination);
	stmt_text(s, 2, row->reason);
	stmt_int(s, 3, row->created_ms);
	stmt_int(s, 4, row->until_ms);
	return stmt_run(db, s);
}

enum err db_queue_pause_delete(struct db *db, struct span destination)
{
	static const char sql[] = "DELETE FROM pause WHERE destination = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, destination);
	return stmt_run(db, s);
}

enum err db_queue_pauses(struct db *db, enum err (*each)(void *arg, const struct queue_pause_row *row), void *arg)
{
	static const char sql[] = "SELECT destination, reason, created_ms, until_ms FROM pause ORDER BY destination";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct queue_pause_row row = { stmt_get_bytes(s, 0), stmt_get_bytes(s, 1), stmt_get_int(s, 2), stmt_get_int(s, 3) };

		e = each(arg, &row);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
