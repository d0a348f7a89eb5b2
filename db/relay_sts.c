/* db/relay_sts.c: relay.db: the sts_policy table. */
#include "db/relay_sts.h"

#include "db/stmt.h"

enum err db_relay_sts_put(struct db *db, const struct db_relay_sts *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO sts_policy (domain, id, mode, mx, fetched_ms, expires_ms, failed_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, row->domain);
	stmt_text(s, 2, row->id);
	stmt_int(s, 3, row->mode);
	stmt_text(s, 4, row->mx);
	stmt_int(s, 5, row->fetched_ms);
	stmt_int(s, 6, row->expires_ms);
	stmt_int(s, 7, row->failed_ms);
	return stmt_run(db, s);
}

enum err db_relay_sts_trim(struct db *db, int64_t now_ms)
{
	static const char sql[] = "DELETE FROM sts_policy WHERE expires_ms <= ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, now_ms);
	return stmt_run(db, s);
}

enum err db_relay_sts_each(struct db *db, int64_t now_ms, size_t max, void (*each)(void *arg, const struct db_relay_sts *row), void *arg)
{
	static const char sql[] = "SELECT domain, id, mode, mx, fetched_ms, expires_ms, failed_ms FROM sts_policy WHERE expires_ms > ?1 ORDER BY expires_ms DESC LIMIT ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, now_ms);
	stmt_int(s, 2, (int64_t)max);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		const struct db_relay_sts row = {
			.domain = stmt_get_bytes(s, 0),
			.id = stmt_get_bytes(s, 1),
			.mode = (int)stmt_get_int(s, 2),
			.mx = stmt_get_bytes(s, 3),
			.fetched_ms = stmt_get_int(s, 4),
			.expires_ms = stmt_get_int(s, 5),
			.failed_ms = stmt_get_int(s, 6),
		};

		each(arg, &row);
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
