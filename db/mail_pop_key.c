/* db/mail_pop_key.c: see the header. */
#include "db/mail_pop_key.h"

#include <string.h>

#include "db/stmt.h"

enum err db_pop_key_find(struct db *db, uint64_t mailbox, uint8_t out[DB_POP_KEY_BYTES])
{
	static const char sql[] = "SELECT pop_key FROM mailbox WHERE id = ?1 AND pop_key IS NOT NULL";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct span key;
	enum err e;

	stmt_int(s, 1, (int64_t)mailbox);
	e = stmt_row(db, s);
	if (e)
		return e;
	key = stmt_get_bytes(s, 0);
	if (key.len == DB_POP_KEY_BYTES)
		memcpy(out, key.ptr, DB_POP_KEY_BYTES);
	else
		e = ERR_CORRUPT;
	stmt_reset(s);
	return e;
}

enum err db_pop_key_set(struct db *db, uint64_t mailbox, const uint8_t key[DB_POP_KEY_BYTES])
{
	static const char sql[] = "UPDATE mailbox SET pop_key = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_blob(s, 2, span_make((const char *)key, DB_POP_KEY_BYTES));
	return stmt_run(db, s);
}
