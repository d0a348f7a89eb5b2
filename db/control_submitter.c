/* db/control_submitter.c: control.db: the submitter table. */
#include "db/control_submitter.h"

#include "db/stmt.h"

enum err db_submitter_set(struct db *db, const struct db_submitter *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO submitter (uid, sender, remote, allowed) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, row->uid);
	stmt_text(s, 2, row->sender);
	stmt_int(s, 3, row->remote);
	stmt_int(s, 4, row->allowed);
	return stmt_run(db, s);
}

enum err db_submitter_remove(struct db *db, int64_t uid)
{
	static const char sql[] = "DELETE FROM submitter WHERE uid = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, uid);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

static struct db_submitter read_row(struct sqlite3_stmt *s)
{
	return (struct db_submitter){ .uid = stmt_get_int(s, 0), .sender = stmt_get_bytes(s, 1), .remote = stmt_get_int(s, 2) != 0, .allowed = stmt_get_int(s, 3) != 0 };
}

enum err db_submitter_each(struct db *db, enum err (*row)(void *arg, const struct db_submitter *s), void *arg)
{
	static const char sql[] = "SELECT uid, sender, remote, allowed FROM submitter ORDER BY uid";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_submitter r = read_row(s);

		e = row(arg, &r);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_submitter_find(struct db *db, int64_t uid, enum err (*row)(void *arg, const struct db_submitter *s), void *arg)
{
	static const char sql[] = "SELECT uid, sender, remote, allowed FROM submitter WHERE uid IN (?1, -1) ORDER BY uid = ?1 DESC LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, uid);
	e = stmt_row(db, s);
	if (e == ERR_OK) {
		struct db_submitter r = read_row(s);

		e = row(arg, &r);
		stmt_reset(s);
	}
	return e;
}
