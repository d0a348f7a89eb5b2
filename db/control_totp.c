/* db/control_totp.c: control.db: the totp, totp_burnt and recovery_code tables. */
#include "db/control_totp.h"

#include "db/stmt.h"

/* `none`: when no row was changed. */
static enum err changed(struct db *db, struct sqlite3_stmt *s, enum err none)
{
	enum err e = stmt_run(db, s);

	if (e)
		return e;
	return db_changes(db) ? ERR_OK : none;
}

enum err db_totp_get(struct db *db, uint64_t account_id, struct db_totp *out, struct buf *secret_sealed)
{
	static const char sql[] = "SELECT secret_sealed, confirmed, last_step FROM totp WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	e = stmt_row(db, s);
	if (e)
		return e;
	buf_add(secret_sealed, stmt_get_bytes(s, 0));
	out->confirmed = stmt_get_int(s, 1) != 0;
	out->last_step = stmt_get_int(s, 2);
	stmt_reset(s);
	return secret_sealed->failed ? ERR_CORRUPT : ERR_OK;
}

enum err db_totp_begin(struct db *db, uint64_t account_id, struct span secret_sealed, int64_t created_ms)
{
	static const char sql[] = "INSERT INTO totp (account_id, secret_sealed, confirmed, last_step, created_ms) VALUES (?1, ?2, 0, 0, ?3) "
				  "ON CONFLICT (account_id) DO UPDATE SET secret_sealed = excluded.secret_sealed, created_ms = excluded.created_ms WHERE confirmed = 0";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_blob(s, 2, secret_sealed);
	stmt_int(s, 3, created_ms);
	return changed(db, s, ERR_EXISTS);
}

enum err db_totp_confirm(struct db *db, uint64_t account_id, int64_t step)
{
	static const char sql[] = "UPDATE totp SET confirmed = 1, last_step = ?2 WHERE account_id = ?1 AND confirmed = 0";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, step);
	return changed(db, s, ERR_NOT_FOUND);
}

enum err db_totp_use(struct db *db, uint64_t account_id, int64_t step)
{
	static const char sql[] = "UPDATE totp SET last_step = ?2 WHERE account_id = ?1 AND confirmed = 1 AND last_step < ?2 "
				  "AND NOT EXISTS (SELECT 1 FROM totp_burnt WHERE account_id = ?1 AND step = ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, step);
	return changed(db, s, ERR_EXISTS);
}

enum err db_totp_burn(struct db *db, uint64_t account_id, int64_t step, int64_t now_step)
{
	static const char old[] = "DELETE FROM totp_burnt WHERE account_id = ?1 AND step < ?2";
	static const char sql[] = "INSERT INTO totp_burnt (account_id, step) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
	struct sqlite3_stmt *s = db_stmt(db, old);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, now_step);
	e = stmt_run(db, s);
	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, step);
	return stmt_run(db, s);
}

enum err db_totp_remove(struct db *db, uint64_t account_id)
{
	static const char burnt[] = "DELETE FROM totp_burnt WHERE account_id = ?1";
	static const char sql[] = "DELETE FROM totp WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, burnt);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	e = stmt_run(db, s);
	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, (int64_t)account_id);
	return changed(db, s, ERR_NOT_FOUND);
}

enum err db_recovery_add(struct db *db, uint64_t account_id, struct span digest)
{
	static const char sql[] = "INSERT INTO recovery_code (account_id, digest) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_blob(s, 2, digest);
	return stmt_run(db, s);
}

enum err db_recovery_clear(struct db *db, uint64_t account_id)
{
	static const char sql[] = "DELETE FROM recovery_code WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	return stmt_run(db, s);
}

enum err db_recovery_use(struct db *db, uint64_t account_id, struct span digest)
{
	static const char sql[] = "DELETE FROM recovery_code WHERE account_id = ?1 AND digest = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_blob(s, 2, digest);
	return changed(db, s, ERR_NOT_FOUND);
}

enum err db_recovery_count(struct db *db, uint64_t account_id, unsigned *out)
{
	static const char sql[] = "SELECT count(*) FROM recovery_code WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	e = stmt_row(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*out = (unsigned)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}
