/* db/control_identity.c: control.db: the table identity. */
#include "db/control_identity.h"

#include "db/stmt.h"

enum err db_identity_add(struct db *db, const struct db_identity *row)
{
	static const char sql[] = "INSERT OR IGNORE INTO identity (account_id, key, address) VALUES (?1, ?2, ?3)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_text(s, 2, row->key);
	stmt_text(s, 3, row->address);
	return stmt_run(db, s);
}

enum err db_identity_remove_all(struct db *db, uint64_t account_id)
{
	static const char sql[] = "DELETE FROM identity WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	return stmt_run(db, s);
}

enum err db_identity_each(struct db *db, enum err (*row)(void *arg, const struct db_identity *i), void *arg)
{
	static const char sql[] = "SELECT account_id, key, address FROM identity ORDER BY account_id, key";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_identity i = { .account_id = (uint64_t)stmt_get_int(s, 0), .key = stmt_get_bytes(s, 1), .address = stmt_get_bytes(s, 2) };

		e = row(arg, &i);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
