/* db/control_forward.c: control.db: the table forward. */
#include "db/control_forward.h"

#include "db/stmt.h"

enum err db_forward_add(struct db *db, size_t position, const struct db_forward *row)
{
	static const char sql[] = "INSERT INTO forward (account_id, position, target, key, base_key) VALUES (?1, ?2, ?3, ?4, ?5)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_int(s, 2, (int64_t)position);
	stmt_text(s, 3, row->target);
	stmt_text(s, 4, row->key);
	stmt_text(s, 5, row->base_key);
	return stmt_run(db, s);
}

enum err db_forward_remove_all(struct db *db, uint64_t account_id)
{
	static const char sql[] = "DELETE FROM forward WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	return stmt_run(db, s);
}

enum err db_forward_each(struct db *db, enum err (*row)(void *arg, const struct db_forward *f), void *arg)
{
	static const char sql[] = "SELECT account_id, target FROM forward ORDER BY account_id, position";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_forward f = { .account_id = (uint64_t)stmt_get_int(s, 0), .target = stmt_get_bytes(s, 1) };

		e = row(arg, &f);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
