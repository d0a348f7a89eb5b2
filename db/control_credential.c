/* db/control_credential.c: control.db: the stored hash and whether there is more to show. */
#include "db/control_credential.h"

#include "db/stmt.h"

enum err db_credential_get(struct db *db, uint64_t account_id, struct arena *a, struct span *hash_out, bool *second_factor_out)
{
	static const char sql[] = "SELECT password_hash, EXISTS (SELECT 1 FROM totp WHERE account_id = ?1 AND confirmed = 1) "
				  "OR EXISTS (SELECT 1 FROM passkey WHERE account_id = ?1) FROM account WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	e = stmt_row(db, s);
	if (e)
		return e;
	*hash_out = arena_copy(a, stmt_get_bytes(s, 0));
	*second_factor_out = stmt_get_int(s, 1) != 0;
	stmt_reset(s);
	return a->failed ? ERR_TEMP : ERR_OK;
}

enum err db_credential_rehash(struct db *db, uint64_t account_id, struct span old, struct span fresh)
{
	static const char sql[] = "UPDATE account SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	stmt_text(s, 2, old);
	stmt_text(s, 3, fresh);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}
