/* db/queue_srs.c: queue.db: the srs_path table. */
#include "db/queue_srs.h"

#include "db/stmt.h"

enum err db_queue_srs_put(struct db *db, struct span token, struct span address, int64_t expires_ms)
{
	static const char sql[] = "INSERT INTO srs_path (token, address, expires_ms) VALUES (?1, ?2, ?3) "
				  "ON CONFLICT (token) DO UPDATE SET expires_ms = excluded.expires_ms WHERE expires_ms < excluded.expires_ms";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, token);
	stmt_text(s, 2, address);
	stmt_int(s, 3, expires_ms);
	return stmt_run(db, s);
}

enum err db_queue_srs_find(struct db *db, struct span token, int64_t now_ms, struct arena *a, struct span *out)
{
	static const char sql[] = "SELECT address FROM srs_path WHERE token = ?1 AND expires_ms > ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, token);
	stmt_int(s, 2, now_ms);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = arena_copy(a, stmt_get_bytes(s, 0));
	stmt_reset(s);
	return a->failed ? ERR_LIMIT : ERR_OK;
}

enum err db_queue_srs_trim(struct db *db, int64_t now_ms, int64_t max)
{
	static const char sql[] = "DELETE FROM srs_path WHERE token IN (SELECT token FROM srs_path WHERE expires_ms <= ?1 ORDER BY expires_ms LIMIT ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, now_ms);
	stmt_int(s, 2, max);
	return stmt_run(db, s);
}
