/* db/control_relay.c: control.db: the relay table. */
#include "db/control_relay.h"

#include "db/stmt.h"

#define TLS_OLD_MAX 2 /* what relay.tls can hold: what is above stands in tls_wish, and there is the strictest for release 0002 */

enum err db_relay_set(struct db *db, const struct db_relay *relay)
{
	static const char sql[] = "INSERT OR REPLACE INTO relay (domain, host, port, tls, user, password_sealed, tls_wish) "
				  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, relay->domain);
	stmt_text(s, 2, relay->host);
	stmt_int(s, 3, relay->port);
	stmt_int(s, 4, relay->tls > TLS_OLD_MAX ? TLS_OLD_MAX : relay->tls);
	stmt_text(s, 5, relay->user);
	stmt_blob(s, 6, relay->password_sealed);
	stmt_int(s, 7, relay->tls > TLS_OLD_MAX ? relay->tls : 0);
	return stmt_run(db, s);
}

enum err db_relay_remove(struct db *db, struct span domain)
{
	static const char sql[] = "DELETE FROM relay WHERE domain = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, domain);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_relay_each(struct db *db, enum err (*row)(void *arg, const struct db_relay *r), void *arg)
{
	static const char sql[] = "SELECT domain, host, port, max(tls, tls_wish), user, password_sealed FROM relay ORDER BY domain";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_relay r = {
			.domain = stmt_get_bytes(s, 0),
			.host = stmt_get_bytes(s, 1),
			.port = (uint16_t)stmt_get_int(s, 2),
			.tls = (int)stmt_get_int(s, 3),
			.user = stmt_get_bytes(s, 4),
			.password_sealed = stmt_get_bytes(s, 5),
		};

		e = row(arg, &r);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
