/* db/trace_message.c: the SQL that writes and trims trace.db. */
#include "db/trace_message.h"

#include "db/stmt.h"
#include "db/trace_key.h"

enum err db_trace_insert_message(struct db *db, const struct trace_message_row *m)
{
	static const char sql[] = "INSERT OR IGNORE INTO message (id, queue_id, direction, at_ms, connected_ms, account_id, sid, size, sender_key, sender_domain,"
				  " message_key, sender, message_id, peer, helo, tls, subject, given, reply)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, m->id);
	if (m->queue_id.len)
		stmt_blob(s, 2, m->queue_id);
	stmt_int(s, 3, m->direction);
	stmt_int(s, 4, m->at_ms);
	stmt_int(s, 5, m->connected_ms);
	stmt_int(s, 6, (int64_t)m->account_id);
	stmt_int(s, 7, (int64_t)m->sid);
	stmt_int(s, 8, (int64_t)m->size);
	stmt_int(s, 9, trace_address_key(m->sender));
	stmt_int(s, 10, trace_domain_key(trace_domain_of(m->sender)));
	stmt_int(s, 11, trace_message_key(m->message_id, m->at_ms));
	stmt_text(s, 12, m->sender);
	stmt_text(s, 13, m->message_id);
	stmt_text(s, 14, m->peer);
	stmt_text(s, 15, m->helo);
	stmt_text(s, 16, m->tls);
	stmt_text(s, 17, m->subject);
	stmt_text(s, 18, m->given);
	stmt_text(s, 19, m->reply);
	return stmt_run(db, s);
}

enum err db_trace_insert_recipient(struct db *db, const struct trace_recipient_row *r)
{
	static const char sql[] = "INSERT OR IGNORE INTO recipient (id, state, attempts, last_ms, next_ms, address_key, domain_key, original_key, original_domain,"
				  " address, original, host, tls, reply) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, r->id);
	stmt_int(s, 2, r->state);
	stmt_int(s, 3, r->attempts);
	stmt_int(s, 4, r->last_ms);
	stmt_int(s, 5, r->next_ms);
	stmt_int(s, 6, trace_address_key(r->address));
	stmt_int(s, 7, trace_domain_key(trace_domain_of(r->address)));
	stmt_int(s, 8, trace_address_key(r->original));
	stmt_int(s, 9, trace_domain_key(trace_domain_of(r->original)));
	stmt_text(s, 10, r->address);
	stmt_text(s, 11, r->original);
	stmt_text(s, 12, r->host);
	stmt_text(s, 13, r->tls);
	stmt_text(s, 14, r->reply);
	return stmt_run(db, s);
}

enum err db_trace_update_recipient(struct db *db, const struct trace_recipient_row *r)
{
	static const char sql[] = "UPDATE recipient SET state = ?2, attempts = ?3, last_ms = ?4, next_ms = ?5, host = ?6, tls = ?7, reply = ?8 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, r->id);
	stmt_int(s, 2, r->state);
	stmt_int(s, 3, r->attempts);
	stmt_int(s, 4, r->last_ms);
	stmt_int(s, 5, r->next_ms);
	stmt_text(s, 6, r->host);
	stmt_text(s, 7, r->tls);
	stmt_text(s, 8, r->reply);
	e = stmt_run(db, s);
	return e ? e : db_changes(db) ? ERR_OK
				      : ERR_NOT_FOUND;
}

enum err db_trace_insert_step(struct db *db, const struct trace_recipient_row *r)
{
	static const char sql[] = "INSERT OR REPLACE INTO step (recipient, attempt, at_ms, next_ms, host, tls, reply) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, r->id);
	stmt_int(s, 2, r->attempts);
	stmt_int(s, 3, r->last_ms);
	stmt_int(s, 4, r->next_ms);
	stmt_text(s, 5, r->host);
	stmt_text(s, 6, r->tls);
	stmt_text(s, 7, r->reply);
	return stmt_run(db, s);
}

static enum err one_number(struct db *db, struct sqlite3_stmt *s, int64_t *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_trace_find(struct db *db, struct span queue_id, int64_t *message_out)
{
	static const char sql[] = "SELECT id FROM message WHERE queue_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, queue_id);
	return one_number(db, s, message_out);
}

enum err db_trace_last(struct db *db, int64_t *message_out)
{
	static const char sql[] = "SELECT coalesce(max(id), 0) FROM message";

	return one_number(db, db_stmt(db, sql), message_out);
}

static enum err run_range(struct db *db, const char *sql, int64_t first, int64_t last)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, first);
	stmt_int(s, 2, last);
	return stmt_run(db, s);
}

/* Messages with ids from first to last, whole. */
static enum err remove_messages(struct db *db, int64_t first, int64_t last)
{
	static const char steps[] = "DELETE FROM step WHERE recipient BETWEEN ?1 AND ?2", recipients[] = "DELETE FROM recipient WHERE id BETWEEN ?1 AND ?2",
			  messages[] = "DELETE FROM message WHERE id BETWEEN ?1 AND ?2";
	int64_t first_row = first << TRACE_RECIPIENT_BITS, last_row = (last << TRACE_RECIPIENT_BITS) | ((1 << TRACE_RECIPIENT_BITS) - 1);
	enum err e = run_range(db, steps, first_row, last_row);

	if (!e)
		e = run_range(db, recipients, first_row, last_row);
	return e ? e : run_range(db, messages, first, last);
}

enum err db_trace_trim(struct db *db, int64_t before_ms, int64_t after_ms, size_t max, size_t *removed_out)
{
	static const char sql[] = "SELECT id, at_ms FROM message ORDER BY id LIMIT ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	int64_t first = 0, last = 0;
	enum err e;

	*removed_out = 0;
	stmt_int(s, 1, (int64_t)max);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		int64_t at_ms = stmt_get_int(s, 1);

		if (at_ms >= before_ms && at_ms <= after_ms)
			break;
		last = stmt_get_int(s, 0);
		if (!(*removed_out)++)
			first = last;
	}
	stmt_reset(s);
	if (e && e != ERR_NOT_FOUND)
		return e;
	return *removed_out ? remove_messages(db, first, last) : ERR_OK;
}

enum err db_trace_count_state(struct db *db, int64_t *rejected_out)
{
	static const char sql[] = "SELECT count(*) FROM recipient WHERE state IN (1, 4, 5, 6) AND state = 6";

	return one_number(db, db_stmt(db, sql), rejected_out);
}

enum err db_trace_trim_rejected(struct db *db, size_t max, size_t *removed_out)
{
	static const char sql[] = "SELECT id >> 14 FROM recipient WHERE state IN (1, 4, 5, 6) AND state = 6 ORDER BY id LIMIT 1",
			  count[] = "SELECT count(*) FROM recipient WHERE id BETWEEN ?1 AND ?2";
	enum err e = ERR_OK;

	*removed_out = 0;
	while (!e && *removed_out < max) {
		int64_t message = 0, rows = 0;
		struct sqlite3_stmt *s;

		e = one_number(db, db_stmt(db, sql), &message);
		if (e)
			break;
		s = db_stmt(db, count);
		stmt_int(s, 1, message << TRACE_RECIPIENT_BITS);
		stmt_int(s, 2, (message << TRACE_RECIPIENT_BITS) | ((1 << TRACE_RECIPIENT_BITS) - 1));
		e = one_number(db, s, &rows);
		if (!e)
			e = remove_messages(db, message, message);
		*removed_out += (size_t)rows;
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
