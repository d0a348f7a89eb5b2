/* db/control_grant.c: control.db: the table mailbox_grant. */
#include "db/control_grant.h"

#include "db/stmt.h"

enum err db_grant_set(struct db *db, const struct db_grant *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO mailbox_grant (owner, mailbox, grantee, rights)"
				  " SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM account WHERE id = ?1)"
				  " AND (?3 = 0 OR EXISTS (SELECT 1 FROM account WHERE id = ?3))";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)row->owner);
	stmt_int(s, 2, (int64_t)row->mailbox);
	stmt_int(s, 3, (int64_t)row->grantee);
	stmt_int(s, 4, row->rights);
	e = stmt_run(db, s);
	return !e && db_changes(db) == 0 ? ERR_NOT_FOUND : e;
}

enum err db_grant_remove(struct db *db, uint64_t owner, uint64_t mailbox, uint64_t grantee)
{
	static const char sql[] = "DELETE FROM mailbox_grant WHERE owner = ?1 AND mailbox = ?2 AND grantee = ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)owner);
	stmt_int(s, 2, (int64_t)mailbox);
	stmt_int(s, 3, (int64_t)grantee);
	return stmt_run(db, s);
}

enum err db_grant_remove_mailbox(struct db *db, uint64_t owner, uint64_t mailbox)
{
	static const char sql[] = "DELETE FROM mailbox_grant WHERE owner = ?1 AND mailbox = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)owner);
	stmt_int(s, 2, (int64_t)mailbox);
	return stmt_run(db, s);
}

enum err db_grant_remove_grantee(struct db *db, uint64_t grantee)
{
	static const char sql[] = "DELETE FROM mailbox_grant WHERE grantee = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)grantee);
	return stmt_run(db, s);
}

enum err db_grant_copy(struct db *db, uint64_t owner, uint64_t from, uint64_t to)
{
	static const char sql[] = "INSERT OR REPLACE INTO mailbox_grant (owner, mailbox, grantee, rights)"
				  " SELECT owner, ?3, grantee, rights FROM mailbox_grant WHERE owner = ?1 AND mailbox = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)owner);
	stmt_int(s, 2, (int64_t)from);
	stmt_int(s, 3, (int64_t)to);
	return stmt_run(db, s);
}

/* The one number of a row that is there. */
static enum err read_one(struct db *db, struct sqlite3_stmt *s, uint64_t *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_grant_find(struct db *db, uint64_t owner, uint64_t mailbox, uint64_t grantee, unsigned *rights_out)
{
	static const char sql[] = "SELECT rights FROM mailbox_grant WHERE owner = ?1 AND mailbox = ?2 AND grantee = ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	uint64_t rights = 0;
	enum err e;

	stmt_int(s, 1, (int64_t)owner);
	stmt_int(s, 2, (int64_t)mailbox);
	stmt_int(s, 3, (int64_t)grantee);
	e = read_one(db, s, &rights);
	*rights_out = (unsigned)rights;
	return e;
}

enum err db_grant_count(struct db *db, uint64_t owner, uint64_t *out)
{
	static const char sql[] = "SELECT count(*) FROM mailbox_grant WHERE owner = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)owner);
	return read_one(db, s, out);
}

enum err db_grant_each(struct db *db, enum err (*row)(void *arg, const struct db_grant *g), void *arg)
{
	static const char sql[] = "SELECT owner, mailbox, grantee, rights FROM mailbox_grant ORDER BY owner, mailbox, grantee";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_grant g = {
			.owner = (uint64_t)stmt_get_int(s, 0),
			.mailbox = (uint64_t)stmt_get_int(s, 1),
			.grantee = (uint64_t)stmt_get_int(s, 2),
			.rights = (unsigned)stmt_get_int(s, 3),
		};

		e = row(arg, &g);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
