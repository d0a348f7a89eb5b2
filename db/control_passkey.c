/* db/control_passkey.c: control.db: the passkey table. */
#include "db/control_passkey.h"

#include "db/stmt.h"

static enum err changed_one(struct db *db, struct sqlite3_stmt *s)
{
	enum err e = stmt_run(db, s);

	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_passkey_add(struct db *db, const struct db_passkey *row, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO passkey (account_id, credential, public_key, sign_count, label, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_blob(s, 2, row->credential);
	stmt_blob(s, 3, row->public_key);
	stmt_int(s, 4, row->sign_count);
	stmt_text(s, 5, row->label);
	stmt_int(s, 6, row->created_ms);
	e = stmt_run(db, s);
	if (!e)
		*id_out = (uint64_t)db_last_rowid(db);
	return e;
}

static void read_row(struct sqlite3_stmt *s, struct db_passkey *out)
{
	*out = (struct db_passkey){
		.id = (uint64_t)stmt_get_int(s, 0),
		.account_id = (uint64_t)stmt_get_int(s, 1),
		.credential = stmt_get_bytes(s, 2),
		.public_key = stmt_get_bytes(s, 3),
		.sign_count = (uint32_t)stmt_get_int(s, 4),
		.label = stmt_get_bytes(s, 5),
		.created_ms = stmt_get_int(s, 6),
		.used_ms = stmt_get_int(s, 7),
	};
}

enum err db_passkey_find(struct db *db, struct span credential, enum err (*row)(void *arg, const struct db_passkey *p), void *arg)
{
	static const char sql[] = "SELECT id, account_id, credential, public_key, sign_count, label, created_ms, used_ms FROM passkey WHERE credential = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct db_passkey p;
	enum err e;

	stmt_blob(s, 1, credential);
	e = stmt_row(db, s);
	if (e)
		return e;
	read_row(s, &p);
	e = row(arg, &p);
	stmt_reset(s);
	return e;
}

enum err db_passkey_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_passkey *p), void *arg)
{
	static const char sql[] = "SELECT id, account_id, credential, public_key, sign_count, label, created_ms, used_ms FROM passkey WHERE account_id = ?1 ORDER BY id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct db_passkey p;
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		read_row(s, &p);
		e = row(arg, &p);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_passkey_count(struct db *db, uint64_t account_id, unsigned *out)
{
	static const char sql[] = "SELECT count(*) FROM passkey WHERE account_id = ?1";
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

enum err db_passkey_used(struct db *db, uint64_t id, uint32_t old_count, uint32_t count, int64_t used_ms)
{
	static const char sql[] = "UPDATE passkey SET sign_count = ?3, used_ms = ?4 WHERE id = ?1 AND sign_count = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, old_count);
	stmt_int(s, 3, count);
	stmt_int(s, 4, used_ms);
	return changed_one(db, s);
}

enum err db_passkey_remove(struct db *db, uint64_t account_id, uint64_t id)
{
	static const char sql[] = "DELETE FROM passkey WHERE account_id = ?1 AND id = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, (int64_t)id);
	return changed_one(db, s);
}
