/* db/control_audit.c: control.db: the audit table. */
#include "db/control_audit.h"

#include "db/stmt.h"

#define COLUMNS "SELECT id, at_ms, actor, actor_account, via, peer, request_id, operation, subject, domain, before, after, chain FROM audit "

static struct db_audit row_of(struct sqlite3_stmt *s)
{
	return (struct db_audit){
		.id = (uint64_t)stmt_get_int(s, 0),
		.at_ms = stmt_get_int(s, 1),
		.actor = stmt_get_bytes(s, 2),
		.actor_account = (uint64_t)stmt_get_int(s, 3),
		.via = stmt_get_bytes(s, 4),
		.peer = stmt_get_bytes(s, 5),
		.request_id = stmt_get_bytes(s, 6),
		.operation = stmt_get_bytes(s, 7),
		.subject = stmt_get_bytes(s, 8),
		.domain = stmt_get_bytes(s, 9),
		.before = stmt_get_bytes(s, 10),
		.after = stmt_get_bytes(s, 11),
		.chain = stmt_get_bytes(s, 12),
	};
}

enum err db_audit_last(struct db *db, void (*row)(void *arg, const struct db_audit *a), void *arg)
{
	static const char sql[] = COLUMNS "ORDER BY id DESC LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct db_audit a;
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	a = row_of(s);
	row(arg, &a);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_audit_add(struct db *db, const struct db_audit *row)
{
	static const char sql[] = "INSERT INTO audit (id, at_ms, actor, actor_account, via, peer, request_id, operation, subject, domain, before, after, chain) "
				  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)row->id);
	stmt_int(s, 2, row->at_ms);
	stmt_text(s, 3, row->actor);
	stmt_int(s, 4, (int64_t)row->actor_account);
	stmt_text(s, 5, row->via);
	stmt_text(s, 6, row->peer);
	stmt_text(s, 7, row->request_id);
	stmt_text(s, 8, row->operation);
	stmt_text(s, 9, row->subject);
	stmt_text(s, 10, row->domain);
	stmt_text(s, 11, row->before);
	stmt_text(s, 12, row->after);
	stmt_blob(s, 13, row->chain);
	return stmt_run(db, s);
}

static enum err each(struct db *db, struct sqlite3_stmt *s, bool (*row)(void *arg, const struct db_audit *a), void *arg)
{
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_audit a = row_of(s);

		if (!row(arg, &a)) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static struct sqlite3_stmt *down(struct db *db, enum db_audit_by by)
{
	static const char all[] = COLUMNS "WHERE id < ?1 ORDER BY id DESC";
	static const char subject[] = COLUMNS "INDEXED BY audit_subject WHERE id < ?1 AND subject = ?2 ORDER BY id DESC";
	static const char actor[] = COLUMNS "INDEXED BY audit_actor WHERE id < ?1 AND actor_account = ?2 ORDER BY id DESC";
	static const char domain[] = COLUMNS "INDEXED BY audit_domain WHERE id < ?1 AND domain = ?2 ORDER BY id DESC";

	switch (by) {
	case DB_AUDIT_ALL: return db_stmt(db, all);
	case DB_AUDIT_SUBJECT: return db_stmt(db, subject);
	case DB_AUDIT_ACTOR: return db_stmt(db, actor);
	case DB_AUDIT_DOMAIN: return db_stmt(db, domain);
	}
	return NULL;
}

enum err db_audit_each_down(struct db *db, const struct db_audit_lead *lead, uint64_t below_id, bool (*row)(void *arg, const struct db_audit *a), void *arg)
{
	struct sqlite3_stmt *s = down(db, lead->by);

	stmt_int(s, 1, below_id < INT64_MAX ? (int64_t)below_id : INT64_MAX);
	if (lead->by == DB_AUDIT_ACTOR)
		stmt_int(s, 2, (int64_t)lead->number);
	else if (lead->by != DB_AUDIT_ALL)
		stmt_text(s, 2, lead->text);
	return each(db, s, row, arg);
}

enum err db_audit_each_up(struct db *db, uint64_t from_id, bool (*row)(void *arg, const struct db_audit *a), void *arg)
{
	static const char sql[] = COLUMNS "WHERE id >= ?1 ORDER BY id";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)from_id);
	return each(db, s, row, arg);
}

static enum err one_id(struct db *db, struct sqlite3_stmt *s, uint64_t *id_out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*id_out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_audit_first_since(struct db *db, int64_t since_ms, uint64_t *id_out)
{
	static const char sql[] = "SELECT coalesce(min(id), 0) FROM audit INDEXED BY audit_at WHERE at_ms >= ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, since_ms);
	return one_id(db, s, id_out);
}

enum err db_audit_last_until(struct db *db, int64_t until_ms, uint64_t *id_out)
{
	static const char sql[] = "SELECT coalesce(max(id), 0) FROM audit INDEXED BY audit_at WHERE at_ms < ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, until_ms);
	return one_id(db, s, id_out);
}
