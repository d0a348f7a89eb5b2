/* db/control_token.c: control.db: the api_token table. */
#include "db/control_token.h"

#include "db/stmt.h"

enum err db_token_add(struct db *db, const struct db_token *row, int64_t max, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO api_token (account_id, label, digest, scopes, domains, networks, created_ms, expires_ms) "
				  "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE (SELECT count(*) FROM api_token WHERE account_id = ?1) < ?9";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_text(s, 2, row->label);
	stmt_blob(s, 3, row->digest);
	stmt_text(s, 4, row->scopes);
	stmt_text(s, 5, row->domains);
	stmt_text(s, 6, row->networks);
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

enum err db_token_remove(struct db *db, uint64_t id)
{
	static const char sql[] = "DELETE FROM api_token WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

static struct db_token read_row(struct sqlite3_stmt *s)
{
	return (struct db_token){
		.id = (uint64_t)stmt_get_int(s, 0),
		.account_id = (uint64_t)stmt_get_int(s, 1),
		.label = stmt_get_bytes(s, 2),
		.digest = stmt_get_bytes(s, 3),
		.scopes = stmt_get_bytes(s, 4),
		.domains = stmt_get_bytes(s, 5),
		.networks = stmt_get_bytes(s, 6),
		.used_from = stmt_get_bytes(s, 7),
		.created_ms = stmt_get_int(s, 8),
		.expires_ms = stmt_get_int(s, 9),
		.used_ms = stmt_get_int(s, 10),
	};
}

enum err db_token_find(struct db *db, struct span digest, enum err (*row)(void *arg, const struct db_token *t), void *arg)
{
	static const char sql[] = "SELECT id, account_id, label, digest, scopes, domains, networks, used_from, created_ms, expires_ms, used_ms "
				  "FROM api_token WHERE digest = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct db_token t;
	enum err e;

	stmt_blob(s, 1, digest);
	e = stmt_row(db, s);
	if (e)
		return e;
	t = read_row(s);
	e = row(arg, &t);
	stmt_reset(s);
	return e;
}

enum err db_token_each(struct db *db, uint64_t account_id, uint64_t after_id, int64_t max, enum err (*row)(void *arg, const struct db_token *t), void *arg)
{
	static const char of_one[] = "SELECT id, account_id, label, digest, scopes, domains, networks, used_from, created_ms, expires_ms, used_ms "
				     "FROM api_token WHERE account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
	static const char of_all[] = "SELECT id, account_id, label, digest, scopes, domains, networks, used_from, created_ms, expires_ms, used_ms "
				     "FROM api_token WHERE id > ?2 ORDER BY id LIMIT ?3";
	struct sqlite3_stmt *s = db_stmt(db, account_id ? of_one : of_all);
	enum err e;

	if (account_id)
		stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, (int64_t)after_id);
	stmt_int(s, 3, max);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_token t = read_row(s);

		e = row(arg, &t);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_token_set_used(struct db *db, uint64_t id, int64_t used_ms, struct span used_from)
{
	static const char sql[] = "UPDATE api_token SET used_ms = ?2, used_from = ?3 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, used_ms);
	stmt_text(s, 3, used_from);
	return stmt_run(db, s);
}

enum err db_token_remove_ended(struct db *db, int64_t before_ms)
{
	static const char sql[] = "DELETE FROM api_token WHERE expires_ms BETWEEN 1 AND ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, before_ms);
	return stmt_run(db, s);
}
