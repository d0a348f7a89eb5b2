/* db/queue_rule.c: queue.db: the hold_rule table. */
#include "db/queue_rule.h"

#include "db/stmt.h"

enum err db_hold_rule_add(struct db *db, const struct db_hold_rule *row, int64_t *id_out)
{
	static const char sql[] = "INSERT INTO hold_rule (sender, recipient, note, created_ms, expires_ms, matched) VALUES (?1, ?2, ?3, ?4, ?5, 0)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, row->sender);
	stmt_text(s, 2, row->recipient);
	stmt_text(s, 3, row->note);
	stmt_int(s, 4, row->created_ms);
	stmt_int(s, 5, row->expires_ms);
	e = stmt_run(db, s);
	if (!e)
		*id_out = db_last_rowid(db);
	return e;
}

enum err db_hold_rule_remove(struct db *db, int64_t id)
{
	static const char sql[] = "DELETE FROM hold_rule WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, id);
	e = stmt_run(db, s);
	return e ? e : db_changes(db) ? ERR_OK
				      : ERR_NOT_FOUND;
}

enum err db_hold_rule_matched(struct db *db, int64_t id, int64_t matched)
{
	static const char sql[] = "UPDATE hold_rule SET matched = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, id);
	stmt_int(s, 2, matched);
	return stmt_run(db, s);
}

enum err db_hold_rule_each(struct db *db, enum err (*each)(void *arg, const struct db_hold_rule *row), void *arg)
{
	static const char sql[] = "SELECT id, sender, recipient, note, created_ms, expires_ms, matched FROM hold_rule ORDER BY id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_hold_rule row = {
			.id = stmt_get_int(s, 0),
			.sender = stmt_get_bytes(s, 1),
			.recipient = stmt_get_bytes(s, 2),
			.note = stmt_get_bytes(s, 3),
			.created_ms = stmt_get_int(s, 4),
			.expires_ms = stmt_get_int(s, 5),
			.matched = stmt_get_int(s, 6),
		};

		e = each(arg, &row);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
