/* db/mail_thread.c: see the header. */
#include "db/mail_thread.h"

#include "db/stmt.h"

enum err db_thread_find(struct db *db, uint64_t key, uint64_t *thread_out)
{
	static const char sql[] = "SELECT thread FROM thread_key WHERE key = ?1 ORDER BY content LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)key);
	e = stmt_row(db, s);
	if (e)
		return e;
	*thread_out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_thread_add(struct db *db, uint64_t key, uint64_t content, uint64_t thread)
{
	static const char sql[] = "INSERT OR IGNORE INTO thread_key (key, content, thread) VALUES (?1, ?2, ?3)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)key);
	stmt_int(s, 2, (int64_t)content);
	stmt_int(s, 3, (int64_t)thread);
	return stmt_run(db, s);
}

enum err db_thread_remove(struct db *db, uint64_t key, uint64_t content)
{
	static const char sql[] = "DELETE FROM thread_key WHERE key = ?1 AND content = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)key);
	stmt_int(s, 2, (int64_t)content);
	return stmt_run(db, s);
}
