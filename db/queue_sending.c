/* db/queue_sending.c: see queue_sending.h. */
#include "db/queue_sending.h"

#include "db/stmt.h"

enum err db_sent_add(struct db *db, uint64_t account_id, const struct sent_hour *more)
{
	static const char sql[] = "INSERT INTO sent_hour (account_id, hour, recipients, first_time, failed) VALUES (?1, ?2, ?3, ?4, ?5)"
				  " ON CONFLICT (account_id, hour) DO UPDATE SET recipients = recipients + ?3, first_time = first_time + ?4, failed = failed + ?5";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, more->hour);
	stmt_int(s, 3, (int64_t)more->recipients);
	stmt_int(s, 4, (int64_t)more->first_time);
	stmt_int(s, 5, (int64_t)more->failed);
	return stmt_run(db, s);
}

enum err db_sent_hours(struct db *db, uint64_t account_id, int64_t from_hour, void (*each)(void *arg, const struct sent_hour *row), void *arg)
{
	static const char sql[] = "SELECT hour, recipients, first_time, failed FROM sent_hour WHERE account_id = ?1 AND hour >= ?2 ORDER BY hour";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, from_hour);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		const struct sent_hour row = { stmt_get_int(s, 0), (uint64_t)stmt_get_int(s, 1), (uint64_t)stmt_get_int(s, 2), (uint64_t)stmt_get_int(s, 3) };

		each(arg, &row);
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_sent_reset(struct db *db, uint64_t account_id, int64_t from_hour)
{
	static const char sql[] = "DELETE FROM sent_hour WHERE account_id = ?1 AND hour >= ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, from_hour);
	return stmt_run(db, s);
}

enum err db_sent_accounts(struct db *db, uint64_t after, int64_t from_hour, bool stopped_only, size_t limit, uint64_t *out, size_t *count_out)
{
	static const char stopped[] = "SELECT account_id FROM breaker WHERE account_id > ?1 ORDER BY account_id LIMIT ?2";
	static const char all[] = "SELECT account_id FROM breaker WHERE account_id > ?1"
				  " UNION SELECT account_id FROM sent_hour WHERE hour >= ?3 AND account_id > ?1 ORDER BY account_id LIMIT ?2";
	struct sqlite3_stmt *s = stopped_only ? db_stmt(db, stopped) : db_stmt(db, all);
	enum err e = ERR_OK;

	*count_out = 0;
	stmt_int(s, 1, (int64_t)after);
	stmt_int(s, 2, (int64_t)limit);
	if (!stopped_only)
		stmt_int(s, 3, from_hour);
	while (*count_out < limit && (e = stmt_row(db, s)) == ERR_OK)
		out[(*count_out)++] = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_known_find(struct db *db, uint64_t account_id, int64_t key, int64_t *last_hour_out)
{
	static const char sql[] = "SELECT last_hour FROM known_recipient WHERE account_id = ?1 AND key = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, key);
	e = stmt_row(db, s);
	if (e == ERR_OK)
		*last_hour_out = stmt_get_int(s, 0);
	stmt_reset(s);
	return e;
}

enum err db_known_set(struct db *db, uint64_t account_id, int64_t key, int64_t hour)
{
	static const char sql[] = "INSERT INTO known_recipient (account_id, key, last_hour) VALUES (?1, ?2, ?3) ON CONFLICT (account_id, key) DO UPDATE SET last_hour = ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, key);
	stmt_int(s, 3, hour);
	return stmt_run(db, s);
}

enum err db_breaker_set(struct db *db, const struct breaker_row *row)
{
	static const char sql[] = "INSERT OR REPLACE INTO breaker (account_id, reason, detail, since_ms) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_text(s, 2, row->reason);
	stmt_text(s, 3, row->detail);
	stmt_int(s, 4, row->since_ms);
	return stmt_run(db, s);
}

static enum err run_for(struct db *db, const char *sql, uint64_t account_id)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	return stmt_run(db, s);
}

enum err db_breaker_remove(struct db *db, uint64_t account_id)
{
	static const char sql[] = "DELETE FROM breaker WHERE account_id = ?1";

	return run_for(db, sql, account_id);
}

enum err db_breaker_all(struct db *db, enum err (*each)(void *arg, const struct breaker_row *row), void *arg)
{
	static const char sql[] = "SELECT account_id, reason, detail, since_ms FROM breaker ORDER BY account_id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		const struct breaker_row row = { (uint64_t)stmt_get_int(s, 0), stmt_get_bytes(s, 1), stmt_get_bytes(s, 2), stmt_get_int(s, 3) };

		e = each(arg, &row);
		if (e != ERR_OK) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_sending_forget(struct db *db, uint64_t account_id)
{
	static const char hours[] = "DELETE FROM sent_hour WHERE account_id = ?1";
	static const char known[] = "DELETE FROM known_recipient WHERE account_id = ?1";
	enum err e = run_for(db, hours, account_id);

	if (e == ERR_OK)
		e = run_for(db, known, account_id);
	return e == ERR_OK ? db_breaker_remove(db, account_id) : e;
}

static enum err remove_before(struct db *db, const char *sql, int64_t hour, size_t limit, size_t *removed)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, hour);
	stmt_int(s, 2, (int64_t)limit);
	e = stmt_run(db, s);
	if (e == ERR_OK)
		*removed += (size_t)db_changes(db);
	return e;
}

enum err db_sending_trim(struct db *db, int64_t hour, int64_t known_hour, size_t limit, size_t *removed_out)
{
	static const char hours[] = "DELETE FROM sent_hour WHERE (account_id, hour) IN (SELECT account_id, hour FROM sent_hour WHERE hour < ?1 LIMIT ?2)";
	static const char known[] = "DELETE FROM known_recipient WHERE (account_id, key) IN (SELECT account_id, key FROM known_recipient WHERE last_hour < ?1 LIMIT ?2)";
	enum err e;

	*removed_out = 0;
	e = remove_before(db, hours, hour, limit, removed_out);
	if (e == ERR_OK && *removed_out < limit)
		e = remove_before(db, known, known_hour, limit - *removed_out, removed_out);
	return e;
}

enum err db_known_trim(struct db *db, uint64_t account_id, size_t keep, size_t limit, size_t *removed_out)
{
	static const char count[] = "SELECT count(*) FROM known_recipient WHERE account_id = ?1";
	static const char oldest[] = "DELETE FROM known_recipient WHERE account_id = ?1 AND key IN"
				     " (SELECT key FROM known_recipient WHERE account_id = ?1 ORDER BY last_hour LIMIT ?2)";
	struct sqlite3_stmt *s = db_stmt(db, count);
	size_t have = 0;
	enum err e;

	*removed_out = 0;
	stmt_int(s, 1, (int64_t)account_id);
	e = stmt_row(db, s);
	if (e == ERR_OK)
		have = (size_t)stmt_get_int(s, 0);
	stmt_reset(s);
	if (e != ERR_OK || have <= keep)
		return e;
	s = db_stmt(db, oldest);
	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, (int64_t)(have - keep < limit ? have - keep : limit));
	e = stmt_run(db, s);
	if (e == ERR_OK)
		*removed_out = (size_t)db_changes(db);
	return e;
}
