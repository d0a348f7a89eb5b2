/* db/control_check.c: control.db: the account_check table. */
#include "db/control_check.h"

#include "db/stmt.h"

enum err db_check_put(struct db *db, const struct db_check *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO account_check (account, at_ms, took_ms, is_whole, repairs, messages, faults, repaired, findings)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)row->account);
	stmt_int(s, 2, row->at_ms);
	stmt_int(s, 3, row->took_ms);
	stmt_int(s, 4, row->is_whole);
	stmt_int(s, 5, row->repairs);
	stmt_int(s, 6, (int64_t)row->messages);
	stmt_int(s, 7, (int64_t)row->faults);
	stmt_int(s, 8, (int64_t)row->repaired);
	stmt_text(s, 9, row->findings);
	return stmt_run(db, s);
}

enum err db_check_find(struct db *db, uint64_t account, struct arena *a, struct db_check *out)
{
	static const char sql[] = "SELECT at_ms, took_ms, is_whole, repairs, messages, faults, repaired, findings FROM account_check WHERE account = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = (struct db_check){
		.account = account,
		.at_ms = stmt_get_int(s, 0),
		.took_ms = stmt_get_int(s, 1),
		.is_whole = stmt_get_int(s, 2) != 0,
		.repairs = stmt_get_int(s, 3) != 0,
		.messages = (uint64_t)stmt_get_int(s, 4),
		.faults = (uint64_t)stmt_get_int(s, 5),
		.repaired = (uint64_t)stmt_get_int(s, 6),
		.findings = arena_copy(a, stmt_get_bytes(s, 7)),
	};
	stmt_reset(s);
	return a->failed ? ERR_LIMIT : ERR_OK;
}

enum err db_check_next(struct db *db, uint64_t *account_out)
{
	static const char sql[] = "SELECT id FROM account LEFT JOIN account_check ON account = id ORDER BY ifnull(at_ms, 0), id LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*account_out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}
