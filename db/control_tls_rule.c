/* db/control_tls_rule.c: control.db: the table tls_rule. */
#include "db/control_tls_rule.h"

#include "db/stmt.h"

enum err db_tls_rule_set(struct db *db, const struct db_tls_rule *row)
{
	static const char sql[] = "INSERT INTO tls_rule (domain, mode, names, created_ms) VALUES (?1, ?2, ?3, ?4) "
				  "ON CONFLICT (domain) DO UPDATE SET mode = excluded.mode, names = excluded.names";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, row->domain);
	stmt_int(s, 2, row->mode);
	stmt_text(s, 3, row->names);
	stmt_int(s, 4, row->created_ms);
	return stmt_run(db, s);
}

enum err db_tls_rule_remove(struct db *db, struct span domain)
{
	static const char sql[] = "DELETE FROM tls_rule WHERE domain = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, domain);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_tls_rule_each(struct db *db, enum err (*row)(void *arg, const struct db_tls_rule *r), void *arg)
{
	static const char sql[] = "SELECT domain, names, mode, created_ms FROM tls_rule ORDER BY domain";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_tls_rule r = {
			.domain = stmt_get_bytes(s, 0),
			.names = stmt_get_bytes(s, 1),
			.mode = (int)stmt_get_int(s, 2),
			.created_ms = stmt_get_int(s, 3),
		};

		e = row(arg, &r);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
