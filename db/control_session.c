/* db/control_session.c: control.db: the web_session table. */
#include "db/control_session.h"

#include "db/stmt.h"

static enum err changed_one(struct db *db, struct sqlite3_stmt *s)
{
	enum err e = stmt_run(db, s);

	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

static enum err make_room(struct db *db, uint64_t account_id, int64_t max)
{
	static const char sql[] = "DELETE FROM web_session WHERE id IN "
				  "(SELECT id FROM web_session WHERE account_id = ?1 ORDER BY seen_ms DESC, id DESC LIMIT -1 OFFSET ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, max - 1);
	return stmt_run(db, s);
}

enum err db_session_add(struct db *db, const struct db_session *row, int64_t max, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO web_session (account_id, digest, created_ms, seen_ms, proven_ms, seen_from, agent) "
				  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	struct sqlite3_stmt *s;
	enum err e = make_room(db, row->account_id, max);

	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_blob(s, 2, row->digest);
	stmt_int(s, 3, row->created_ms);
	stmt_int(s, 4, row->seen_ms);
	stmt_int(s, 5, row->proven_ms);
	stmt_text(s, 6, row->seen_from);
	stmt_text(s, 7, row->agent);
	e = stmt_run(db, s);
	if (!e)
		*id_out = (uint64_t)db_last_rowid(db);
	return e;
}

enum err db_session_remove(struct db *db, uint64_t account_id, uint64_t id)
{
	static const char sql[] = "DELETE FROM web_session WHERE id = ?1 AND account_id = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, (int64_t)account_id);
	return changed_one(db, s);
}

enum err db_session_remove_others(struct db *db, uint64_t account_id, uint64_t keep_id)
{
	static const char sql[] = "DELETE FROM web_session WHERE account_id = ?1 AND id <> ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, (int64_t)keep_id);
	return stmt_run(db, s);
}

enum err db_session_remove_domain(struct db *db, struct span domain)
{
	static const char sql[] = "DELETE FROM web_session WHERE account_id IN (SELECT id FROM account WHERE domain = ?1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, domain);
	return stmt_run(db, s);
}

static struct db_session read_row(struct sqlite3_stmt *s)
{
	return (struct db_session){
		.id = (uint64_t)stmt_get_int(s, 0),
		.account_id = (uint64_t)stmt_get_int(s, 1),
		.digest = stmt_get_bytes(s, 2),
		.seen_from = stmt_get_bytes(s, 3),
		.agent = stmt_get_bytes(s, 4),
		.created_ms = stmt_get_int(s, 5),
		.seen_ms = stmt_get_int(s, 6),
		.proven_ms = stmt_get_int(s, 7),
	};
}

enum err db_session_find(struct db *db, struct span digest, enum err (*row)(void *arg, const struct db_session *s), void *arg)
{
	static const char sql[] = "SELECT id, account_id, digest, seen_from, agent, created_ms, seen_ms, proven_ms FROM web_session WHERE digest = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct db_session found;
	enum err e;

	stmt_blob(s, 1, digest);
	e = stmt_row(db, s);
	if (e)
		return e;
	found = read_row(s);
	e = row(arg, &found);
	stmt_reset(s);
	return e;
}

enum err db_session_account(struct db *db, uint64_t id, uint64_t *account_out)
{
	static const char sql[] = "SELECT account_id FROM web_session WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_row(db, s);
	if (e)
		return e;
	*account_out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_session_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_session *s), void *arg)
{
	static const char sql[] = "SELECT id, account_id, digest, seen_from, agent, created_ms, seen_ms, proven_ms FROM web_session "
				  "WHERE account_id = ?1 ORDER BY id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_session found = read_row(s);

		e = row(arg, &found);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_session_set_proven(struct db *db, uint64_t id, int64_t proven_ms)
{
	static const char sql[] = "UPDATE web_session SET proven_ms = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, proven_ms);
	return changed_one(db, s);
}

enum err db_session_set_seen(struct db *db, uint64_t id, int64_t seen_ms, struct span seen_from)
{
	static const char sql[] = "UPDATE web_session SET seen_ms = ?2, seen_from = ?3 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, seen_ms);
	stmt_text(s, 3, seen_from);
	return stmt_run(db, s);
}

enum err db_session_remove_idle(struct db *db, int64_t before_ms)
{
	static const char sql[] = "DELETE FROM web_session WHERE seen_ms < ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, before_ms);
	return stmt_run(db, s);
}
