/* db/trace_event.c: the SQL of the events' pages. */
#include "db/trace_event.h"

#include "db/stmt.h"

enum err db_trace_event_add(struct db *db, const struct trace_event_page *page)
{
	static const char sql[] = "INSERT INTO event_page (first_id, last_id, at_ms, bytes) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, page->first_id);
	stmt_int(s, 2, page->last_id);
	stmt_int(s, 3, page->at_ms);
	stmt_blob(s, 4, page->bytes);
	return stmt_run(db, s);
}

enum err db_trace_event_get(struct db *db, int64_t after_id, struct trace_event_page *out, struct buf *bytes)
{
	/* Pages don't overlap: the one that begins at or before the next number, or the first behind it. */
	static const char within[] = "SELECT first_id, last_id, at_ms, bytes FROM event_page WHERE first_id <= ?1 + 1 ORDER BY first_id DESC LIMIT 1",
			  behind[] = "SELECT first_id, last_id, at_ms, bytes FROM event_page WHERE first_id > ?1 ORDER BY first_id LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, within);
	enum err e;

	stmt_int(s, 1, after_id);
	e = stmt_row(db, s);
	if (e == ERR_NOT_FOUND || (!e && stmt_get_int(s, 1) <= after_id)) {
		stmt_reset(s);
		s = db_stmt(db, behind);
		stmt_int(s, 1, after_id);
		e = stmt_row(db, s);
	}
	if (e)
		return e;
	*out = (struct trace_event_page){ .first_id = stmt_get_int(s, 0), .last_id = stmt_get_int(s, 1), .at_ms = stmt_get_int(s, 2) };
	buf_add(bytes, stmt_get_bytes(s, 3));
	stmt_reset(s);
	return bytes->failed ? ERR_LIMIT : ERR_OK;
}

enum err db_trace_event_span(struct db *db, struct trace_event_span *out)
{
	static const char sql[] = "SELECT coalesce(min(first_id), 0), coalesce(max(last_id), 0), coalesce(sum(length(bytes)), 0), (SELECT reserved FROM event_number) FROM event_page";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*out = (struct trace_event_span){ .first_id = stmt_get_int(s, 0), .last_id = stmt_get_int(s, 1), .bytes = stmt_get_int(s, 2), .reserved = stmt_get_int(s, 3) };
	stmt_reset(s);
	return ERR_OK;
}

enum err db_trace_event_reserve(struct db *db, int64_t upto)
{
	static const char sql[] = "UPDATE event_number SET reserved = ?1";
	enum err e = db_run_script(db, "PRAGMA synchronous=FULL", NULL);
	struct sqlite3_stmt *s;

	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, upto);
	e = stmt_run(db, s);
	if (db_run_script(db, "PRAGMA synchronous=NORMAL", NULL) && !e)
		return ERR_TEMP;
	return e;
}

enum err db_trace_event_trim(struct db *db, int64_t before_ms, bool even_newer, int64_t *bytes_out)
{
	static const char oldest[] = "SELECT first_id, at_ms, length(bytes) FROM event_page ORDER BY first_id LIMIT 1", gone[] = "DELETE FROM event_page WHERE first_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, oldest);
	enum err e = stmt_row(db, s);
	int64_t id, at_ms, bytes;

	*bytes_out = 0;
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	id = stmt_get_int(s, 0);
	at_ms = stmt_get_int(s, 1);
	bytes = stmt_get_int(s, 2);
	stmt_reset(s);
	if (at_ms >= before_ms && !even_newer)
		return ERR_OK;
	s = db_stmt(db, gone);
	stmt_int(s, 1, id);
	e = stmt_run(db, s);
	if (!e)
		*bytes_out = bytes;
	return e;
}
