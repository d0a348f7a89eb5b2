/* db/queue_suppression.c: queue.db: the suppression table. */
#include "db/queue_suppression.h"

#include "db/stmt.h"

static void bind_row(struct sqlite3_stmt *s, const struct db_suppression *row)
{
	stmt_text(s, 1, row->address);
	stmt_int(s, 2, row->source);
	stmt_text(s, 3, row->status);
	stmt_text(s, 4, row->reply);
	stmt_int(s, 5, row->failures);
	stmt_int(s, 6, row->created_ms);
	stmt_int(s, 7, row->expires_ms);
}

enum err db_suppression_put(struct db *db, const struct db_suppression *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO suppression (address, source, status, reply, failures, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	bind_row(s, row);
	return stmt_run(db, s);
}

enum err db_suppression_learn(struct db *db, const struct db_suppression *row)
{
	static const char sql[] = "INSERT INTO suppression (address, source, status, reply, failures, created_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
				  "ON CONFLICT (address) DO UPDATE SET failures = failures + excluded.failures, "
				  "status = iif(source = 1, status, excluded.status), reply = iif(source = 1, reply, excluded.reply), "
				  "expires_ms = iif(source = 1, expires_ms, excluded.expires_ms)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	bind_row(s, row);
	return stmt_run(db, s);
}

enum err db_suppression_remove(struct db *db, struct span address)
{
	static const char sql[] = "DELETE FROM suppression WHERE address = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, address);
	e = stmt_run(db, s);
	return e ? e : db_changes(db) ? ERR_OK
				      : ERR_NOT_FOUND;
}

static enum err give_row(struct sqlite3_stmt *s, enum err (*each)(void *arg, const struct db_suppression *row), void *arg)
{
	struct db_suppression row = {
		.address = stmt_get_bytes(s, 0),
		.source = stmt_get_int(s, 1),
		.status = stmt_get_bytes(s, 2),
		.reply = stmt_get_bytes(s, 3),
		.failures = stmt_get_int(s, 4),
		.created_ms = stmt_get_int(s, 5),
		.expires_ms = stmt_get_int(s, 6),
	};

	return each(arg, &row);
}

enum err db_suppression_find(struct db *db, struct span address, enum err (*each)(void *arg, const struct db_suppression *row), void *arg)
{
	static const char sql[] = "SELECT address, source, status, reply, failures, created_ms, expires_ms FROM suppression WHERE address = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, address);
	e = stmt_row(db, s);
	if (e)
		return e;
	e = give_row(s, each, arg);
	stmt_reset(s);
	return e;
}

enum err db_suppression_page(struct db *db, struct span part, struct span after, int64_t limit, enum err (*each)(void *arg, const struct db_suppression *row), void *arg)
{
	static const char sql[] = "SELECT address, source, status, reply, failures, created_ms, expires_ms FROM suppression "
				  "WHERE address > ?1 AND (?2 = '' OR instr(address, ?2) > 0) ORDER BY address LIMIT ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, after);
	stmt_text(s, 2, part);
	stmt_int(s, 3, limit);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		e = give_row(s, each, arg);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_suppression_addresses(struct db *db, enum err (*each)(void *arg, struct span address), void *arg)
{
	static const char sql[] = "SELECT address FROM suppression";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		e = each(arg, stmt_get_bytes(s, 0));
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_suppression_trim(struct db *db, int64_t now_ms, int64_t max, void (*removed)(void *arg, struct span address), void *arg)
{
	static const char sql[] = "DELETE FROM suppression WHERE address IN "
				  "(SELECT address FROM suppression WHERE expires_ms > 0 AND expires_ms <= ?1 LIMIT ?2) RETURNING address";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, now_ms);
	stmt_int(s, 2, max);
	while ((e = stmt_row(db, s)) == ERR_OK)
		removed(arg, stmt_get_bytes(s, 0));
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
