/* db/control_scram.c: control.db: the account_scram table. */
#include "db/control_scram.h"

#include "db/stmt.h"

enum err db_scram_get(struct db *db, uint64_t account_id, struct buf *salt, unsigned *iterations_out, struct buf *keys_sealed)
{
	static const char sql[] = "SELECT salt, iterations, keys_sealed FROM account_scram WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	e = stmt_row(db, s);
	if (e)
		return e;
	buf_add(salt, stmt_get_bytes(s, 0));
	*iterations_out = (unsigned)stmt_get_int(s, 1);
	buf_add(keys_sealed, stmt_get_bytes(s, 2));
	stmt_reset(s);
	return salt->failed || keys_sealed->failed ? ERR_CORRUPT : ERR_OK;
}

enum err db_scram_add(struct db *db, uint64_t account_id, struct span salt, unsigned iterations)
{
	static const char sql[] = "INSERT INTO account_scram (account_id, salt, iterations) VALUES (?1, ?2, ?3) ON CONFLICT (account_id) DO NOTHING";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_blob(s, 2, salt);
	stmt_int(s, 3, iterations);
	return stmt_run(db, s);
}

enum err db_scram_set_keys(struct db *db, uint64_t account_id, struct span keys_sealed)
{
	static const char sql[] = "UPDATE account_scram SET keys_sealed = ?2 WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	stmt_blob(s, 2, keys_sealed);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}
