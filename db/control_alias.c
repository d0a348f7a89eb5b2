/* db/control_alias.c: control.db: the tables alias and alias_target. */
#include "db/control_alias.h"

#include "db/stmt.h"

enum err db_alias_add(struct db *db, struct span key, struct span address, struct span domain, int64_t created_ms)
{
	static const char sql[] = "INSERT INTO alias (key, address, domain, created_ms) SELECT ?1, ?2, ?3, ?4 "
				  "WHERE NOT EXISTS (SELECT 1 FROM account WHERE key = ?1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, key);
	stmt_text(s, 2, address);
	stmt_text(s, 3, domain);
	stmt_int(s, 4, created_ms);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_EXISTS;
}

enum err db_alias_target_add(struct db *db, struct span alias_key, size_t position, const struct db_alias_target *target)
{
	static const char sql[] = "INSERT INTO alias_target (alias, position, target, key, base_key) VALUES (?1, ?2, ?3, ?4, ?5)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, alias_key);
	stmt_int(s, 2, (int64_t)position);
	stmt_text(s, 3, target->target);
	stmt_text(s, 4, target->key);
	stmt_text(s, 5, target->base_key);
	return stmt_run(db, s);
}

enum err db_alias_find(struct db *db, struct span key)
{
	static const char sql[] = "SELECT 1 FROM alias WHERE key = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, key);
	e = stmt_row(db, s);
	stmt_reset(s);
	return e;
}

enum err db_alias_targets_remove(struct db *db, struct span alias_key)
{
	static const char sql[] = "DELETE FROM alias_target WHERE alias = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, alias_key);
	return stmt_run(db, s);
}

enum err db_alias_remove(struct db *db, struct span key)
{
	static const char sql[] = "DELETE FROM alias WHERE key = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, key);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_alias_each(struct db *db, enum err (*row)(void *arg, const struct db_alias_target *t), void *arg)
{
	static const char sql[] = "SELECT alias.key, address, target, alias_target.key, base_key FROM alias "
				  "JOIN alias_target ON alias = alias.key ORDER BY alias.key, position";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_alias_target t = {
			.alias_key = stmt_get_bytes(s, 0),
			.alias_address = stmt_get_bytes(s, 1),
			.target = stmt_get_bytes(s, 2),
			.key = stmt_get_bytes(s, 3),
			.base_key = stmt_get_bytes(s, 4),
		};

		e = row(arg, &t);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
