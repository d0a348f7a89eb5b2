/* db/control_certificate.c: control.db: the certificate table. */
#include "db/control_certificate.h"

#include "db/stmt.h"

enum err db_certificate_set(struct db *db, const struct db_certificate *c)
{
	static const char sql[] = "INSERT OR REPLACE INTO certificate (name, chain_pem, key_sealed, updated_ms) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, c->name);
	stmt_text(s, 2, c->chain_pem);
	stmt_blob(s, 3, c->key_sealed);
	stmt_int(s, 4, c->updated_ms);
	return stmt_run(db, s);
}

enum err db_certificate_remove(struct db *db, struct span name)
{
	static const char sql[] = "DELETE FROM certificate WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_certificate_count(struct db *db, size_t *out)
{
	static const char sql[] = "SELECT count(*) FROM certificate";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (size_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_certificate_each(struct db *db, enum err (*row)(void *arg, const struct db_certificate *c), void *arg)
{
	static const char sql[] = "SELECT name, chain_pem, key_sealed, updated_ms FROM certificate ORDER BY name";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_certificate c = { stmt_get_bytes(s, 0), stmt_get_bytes(s, 1), stmt_get_bytes(s, 2), stmt_get_int(s, 3) };

		e = row(arg, &c);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
