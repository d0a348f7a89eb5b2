/* db/control_app_password.c: control.db: the app_password table. */
#include "db/control_app_password.h"

#include "db/stmt.h"

enum err db_app_password_add(struct db *db, const struct db_app_password *row, int64_t max, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO app_password (account_id, label, protocols, networks, digest, keys_sealed, created_ms, expires_ms) "
				  "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE (SELECT count(*) FROM app_password WHERE account_id = ?1) < ?9";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_text(s, 2, row->label);
	stmt_int(s, 3, row->protocols);
	stmt_text(s, 4, row->networks);
	stmt_blob(s, 5, row->digest);
	stmt_blob(s, 6, row->keys_sealed);
	stmt_int(s, 7, row->created_ms);
	stmt_int(s, 8, row->expires_ms);
	stmt_int(s, 9, max);
	e = stmt_run(db, s);
	if (e)
		return e;
	if (!db_changes(db))
		return ERR_LIMIT;
	*id_out = (uint64_t)db_last_rowid(db);
	return ERR_OK;
}

enum err db_app_password_remove(struct db *db, uint64_t account_id, uint64_t id)
{
	static const char sql[] = "DELETE FROM app_password WHERE id = ?1 AND account_id = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, (int64_t)account_id);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_app_password_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_app_password *p), void *arg)
{
	static const char sql[] = "SELECT id, label, networks, digest, keys_sealed, used_from, protocols, created_ms, expires_ms, used_ms "
				  "FROM app_password WHERE account_id = ?1 ORDER BY id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_app_password p = {
			.id = (uint64_t)stmt_get_int(s, 0),
			.account_id = account_id,
			.label = stmt_get_bytes(s, 1),
			.networks = stmt_get_bytes(s, 2),
			.digest = stmt_get_bytes(s, 3),
			.keys_sealed = stmt_get_bytes(s, 4),
			.used_from = stmt_get_bytes(s, 5),
			.protocols = (unsigned)stmt_get_int(s, 6),
			.created_ms = stmt_get_int(s, 7),
			.expires_ms = stmt_get_int(s, 8),
			.used_ms = stmt_get_int(s, 9),
		};

		e = row(arg, &p);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_app_password_set_used(struct db *db, uint64_t id, int64_t used_ms, struct span used_from)
{
	static const char sql[] = "UPDATE app_password SET used_ms = ?2, used_from = ?3 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, used_ms);
	stmt_text(s, 3, used_from);
	return stmt_run(db, s);
}

enum err db_app_password_remove_ended(struct db *db, int64_t before_ms)
{
	static const char sql[] = "DELETE FROM app_password WHERE expires_ms BETWEEN 1 AND ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, before_ms);
	return stmt_run(db, s);
}
