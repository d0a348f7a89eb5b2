/* db/control_domain.c: control.db: the domain table. */
#include "db/control_domain.h"

#include "db/stmt.h"

enum err db_domain_add(struct db *db, struct span name, int64_t created_ms)
{
	static const char sql[] = "INSERT INTO domain (name, created_ms) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, name);
	stmt_int(s, 2, created_ms);
	return stmt_run(db, s);
}

enum err db_domain_set(struct db *db, const struct db_domain *row)
{
	static const char sql[] = "UPDATE domain SET state = ?2, alias_of = ?3, source_ipv4 = ?4, source_ipv6 = ?5 WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, row->name);
	stmt_int(s, 2, row->state);
	if (row->alias_of.len > 0)
		stmt_text(s, 3, row->alias_of);
	else
		stmt_null(s, 3);
	stmt_text(s, 4, row->source_ipv4);
	stmt_text(s, 5, row->source_ipv6);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

/* Identities of a whole domain would come back with a domain of that name. */
static enum err remove_identities(struct db *db, struct span name)
{
	static const char sql[] = "DELETE FROM identity WHERE key = '@' || ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, name);
	return stmt_run(db, s);
}

enum err db_domain_remove(struct db *db, struct span name)
{
	static const char sql[] = "DELETE FROM domain WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? remove_identities(db, name) : ERR_NOT_FOUND;
}

enum err db_domain_find(struct db *db, struct span name)
{
	static const char sql[] = "SELECT 1 FROM domain WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	stmt_reset(s);
	return e;
}

enum err db_domain_alias_of(struct db *db, struct span name, struct buf *out)
{
	static const char sql[] = "SELECT alias_of FROM domain WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (e)
		return e;
	buf_add(out, stmt_get_bytes(s, 0));
	stmt_reset(s);
	return out->failed ? ERR_LIMIT : ERR_OK;
}

enum err db_domain_is_used(struct db *db, struct span name, bool *out)
{
	static const char sql[] = "SELECT EXISTS (SELECT 1 FROM account WHERE domain = ?1) OR EXISTS (SELECT 1 FROM alias WHERE domain = ?1) "
				  "OR EXISTS (SELECT 1 FROM domain WHERE alias_of = ?1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = stmt_get_int(s, 0) != 0;
	stmt_reset(s);
	return ERR_OK;
}

enum err db_domain_each(struct db *db, enum err (*row)(void *arg, const struct db_domain *d), void *arg)
{
	static const char sql[] = "SELECT name, alias_of, source_ipv4, source_ipv6, state, created_ms FROM domain ORDER BY name";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_domain d = {
			.name = stmt_get_bytes(s, 0),
			.alias_of = stmt_get_bytes(s, 1),
			.source_ipv4 = stmt_get_bytes(s, 2),
			.source_ipv6 = stmt_get_bytes(s, 3),
			.state = (int)stmt_get_int(s, 4),
			.created_ms = stmt_get_int(s, 5),
		};

		e = row(arg, &d);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
