/* db/mail_url_key.c: see the header. */
#include "db/mail_url_key.h"

#include <string.h>

#include "db/stmt.h"

enum err db_url_key_find(struct db *db, uint64_t mailbox, uint8_t out[DB_URL_KEY_BYTES])
{
	static const char sql[] = "SELECT key FROM url_key WHERE mailbox = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct span key;
	enum err e;

	stmt_int(s, 1, (int64_t)mailbox);
	e = stmt_row(db, s);
	if (e)
		return e;
	key = stmt_get_bytes(s, 0);
	if (key.len == DB_URL_KEY_BYTES)
		memcpy(out, key.ptr, DB_URL_KEY_BYTES);
	else
		e = ERR_CORRUPT;
	stmt_reset(s);
	return e;
}

enum err db_url_key_add(struct db *db, uint64_t mailbox, const uint8_t key[DB_URL_KEY_BYTES])
{
	static const char sql[] = "INSERT INTO url_key (mailbox, key) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_blob(s, 2, span_make((const char *)key, DB_URL_KEY_BYTES));
	return stmt_run(db, s);
}

enum err db_url_key_remove(struct db *db, uint64_t mailbox)
{
	static const char sql[] = "DELETE FROM url_key WHERE mailbox = ?1 OR ?1 = 0";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	return stmt_run(db, s);
}
