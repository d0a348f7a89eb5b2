/* db/trace_search.c: the SQL that looks into trace.db. Each statement reads a slice, so that no reading transaction stands in a checkpoint's way for long. */
#include "db/trace_search.h"

#include "db/stmt.h"
#include "db/trace_key.h"

#define SORTED_MAX "100000" /* rows of one local part in all domains */
#define SPANS_OF_TIME_MAX 250000
#define MESSAGE_MAX_ROW ((1 << TRACE_RECIPIENT_BITS) - 1)

static struct sqlite3_stmt *by_state(struct db *db, int state)
{
	/* The partial index is used where its condition and a number stand in the text. */
#define BY_STATE(number) "SELECT id FROM recipient WHERE state IN (1, 4, 5, 6) AND state = " #number " AND id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4"
	static const char deferred[] = BY_STATE(1), bounced[] = BY_STATE(4), removed[] = BY_STATE(5), rejected[] = BY_STATE(6);
#undef BY_STATE

	return db_stmt(db, state == 1 ? deferred : state == 4 ? bounced
					   : state == 5       ? removed
							      : rejected);
}

static struct sqlite3_stmt *by_key(struct db *db, enum trace_source source)
{
#define BY_KEY(column, more) "SELECT id FROM recipient WHERE " column " = ?1" more " AND id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4"
	/* The ids of a message are above those of all older ones. */
#define BY_SENDER(column)                                                                                                                                     \
	"SELECT r.id FROM message m CROSS JOIN recipient r ON r.id BETWEEN m.id << 14 AND (m.id << 14) + 16383 WHERE m." column " = ?1 AND m." column " <> 0" \
	" AND m.id BETWEEN ?2 >> 14 AND ?3 >> 14 AND r.id >= ?2 AND r.id < ?3 ORDER BY m.id DESC, r.id DESC LIMIT ?4"
	static const char time[] = "SELECT id FROM recipient WHERE id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4", address[] = BY_KEY("address_key", ""),
			  original[] = BY_KEY("original_key", " AND original_key <> 0"), domain[] = BY_KEY("domain_key", ""),
			  original_domain[] = BY_KEY("original_domain", " AND original_domain <> 0"), sender[] = BY_SENDER("sender_key"),
			  sender_domain[] = BY_SENDER("sender_domain");
#undef BY_KEY
#undef BY_SENDER

	switch (source) {
	case TRACE_BY_ADDRESS: return db_stmt(db, address);
	case TRACE_BY_ORIGINAL: return db_stmt(db, original);
	case TRACE_BY_SENDER: return db_stmt(db, sender);
	case TRACE_BY_DOMAIN: return db_stmt(db, domain);
	case TRACE_BY_ORIGINAL_DOMAIN: return db_stmt(db, original_domain);
	case TRACE_BY_SENDER_DOMAIN: return db_stmt(db, sender_domain);
	case TRACE_BY_TIME:
	case TRACE_BY_STATE:
	case TRACE_BY_LOCAL:
	case TRACE_BY_ORIGINAL_LOCAL:
	case TRACE_BY_SENDER_LOCAL: break;
	}
	return db_stmt(db, time);
}

/* The keys of a local part are in order of their domains: all ids are gathered and put in order of time, while they are not too many. */
static struct sqlite3_stmt *by_local(struct db *db, enum trace_source source, bool counting)
{
#define IDS(column, more) " FROM (SELECT id FROM recipient WHERE " column " BETWEEN ?1 AND ?5" more " AND id >= ?2 AND id < ?3 LIMIT " SORTED_MAX ")"
#define SENDERS                                                                                                                                                   \
	" FROM (SELECT r.id AS id FROM message m CROSS JOIN recipient r ON r.id BETWEEN m.id << 14 AND (m.id << 14) + 16383 WHERE m.sender_key BETWEEN ?1 AND ?5" \
	" AND m.sender_key <> 0 AND r.id >= ?2 AND r.id < ?3 LIMIT " SORTED_MAX ")"
#define FIRST " ORDER BY id DESC LIMIT ?4"
	static const char address[] = "SELECT id" IDS("address_key", "") FIRST, address_count[] = "SELECT count(*) >= " SORTED_MAX IDS("address_key", ""),
			  original[] = "SELECT id" IDS("original_key", " AND original_key <> 0") FIRST,
			  original_count[] = "SELECT count(*) >= " SORTED_MAX IDS("original_key", " AND original_key <> 0"), sender[] = "SELECT id" SENDERS FIRST,
			  sender_count[] = "SELECT count(*) >= " SORTED_MAX SENDERS;
#undef IDS
#undef SENDERS
#undef FIRST

	if (source == TRACE_BY_LOCAL)
		return db_stmt(db, counting ? address_count : address);
	if (source == TRACE_BY_ORIGINAL_LOCAL)
		return db_stmt(db, counting ? original_count : original);
	return db_stmt(db, counting ? sender_count : sender);
}

static void bind_range(struct sqlite3_stmt *s, const struct trace_where *where, int64_t below_id)
{
	stmt_int(s, 2, where->above_id);
	stmt_int(s, 3, below_id);
}

static enum err local_statement(struct db *db, const struct trace_where *where, int64_t below_id, struct sqlite3_stmt **out)
{
	int64_t first, last, too_many = 0;
	struct sqlite3_stmt *s = by_local(db, where->source, true);
	enum err e;

	trace_local_range(where->text, &first, &last);
	stmt_int(s, 1, first);
	stmt_int(s, 5, last);
	bind_range(s, where, below_id);
	e = stmt_row(db, s);
	if (e)
		return e;
	too_many = stmt_get_int(s, 0);
	stmt_reset(s);
	if (too_many)
		return ERR_LIMIT;
	*out = by_local(db, where->source, false);
	stmt_int(*out, 1, first);
	stmt_int(*out, 5, last);
	return ERR_OK;
}

static enum err statement(struct db *db, const struct trace_where *where, int64_t below_id, struct sqlite3_stmt **out)
{
	switch (where->source) {
	case TRACE_BY_LOCAL:
	case TRACE_BY_ORIGINAL_LOCAL:
	case TRACE_BY_SENDER_LOCAL: return local_statement(db, where, below_id, out);
	case TRACE_BY_STATE: *out = by_state(db, where->state); return ERR_OK;
	case TRACE_BY_TIME: *out = by_key(db, where->source); return ERR_OK;
	case TRACE_BY_ADDRESS:
	case TRACE_BY_ORIGINAL:
	case TRACE_BY_SENDER:
		*out = by_key(db, where->source);
		stmt_int(*out, 1, trace_address_key(where->text));
		return ERR_OK;
	case TRACE_BY_DOMAIN:
	case TRACE_BY_ORIGINAL_DOMAIN:
	case TRACE_BY_SENDER_DOMAIN: break;
	}
	*out = by_key(db, where->source);
	stmt_int(*out, 1, trace_domain_key(where->text));
	return ERR_OK;
}

enum err db_trace_candidates(struct db *db, const struct trace_where *where, int64_t below_id, size_t max, int64_t *ids_out, size_t *count_out)
{
	struct sqlite3_stmt *s = NULL;
	enum err e = statement(db, where, below_id, &s);

	*count_out = 0;
	if (e)
		return e;
	bind_range(s, where, below_id);
	stmt_int(s, 4, (int64_t)max);
	while (*count_out < max && (e = stmt_row(db, s)) == ERR_OK)
		ids_out[(*count_out)++] = stmt_get_int(s, 0);
	stmt_reset(s);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Columns of both tables, always in these orders. */
#define MESSAGE_COLUMNS "m.id, m.queue_id, m.direction, m.at_ms, m.connected_ms, m.account_id, m.sid, m.size, m.sender, m.message_id, m.peer, m.helo, m.tls, m.subject, m.given, m.reply"
#define MESSAGE_COLUMN_COUNT 16
#define RECIPIENT_COLUMNS "r.id, r.state, r.attempts, r.last_ms, r.next_ms, r.address, r.original, r.host, r.tls, r.reply"

static void read_message(struct sqlite3_stmt *s, struct trace_message_row *m)
{
	*m = (struct trace_message_row){
		.id = stmt_get_int(s, 0),
		.queue_id = stmt_get_bytes(s, 1),
		.direction = (int)stmt_get_int(s, 2),
		.at_ms = stmt_get_int(s, 3),
		.connected_ms = stmt_get_int(s, 4),
		.account_id = (uint64_t)stmt_get_int(s, 5),
		.sid = (uint64_t)stmt_get_int(s, 6),
		.size = (uint64_t)stmt_get_int(s, 7),
		.sender = stmt_get_bytes(s, 8),
		.message_id = stmt_get_bytes(s, 9),
		.peer = stmt_get_bytes(s, 10),
		.helo = stmt_get_bytes(s, 11),
		.tls = stmt_get_bytes(s, 12),
		.subject = stmt_get_bytes(s, 13),
		.given = stmt_get_bytes(s, 14),
		.reply = stmt_get_bytes(s, 15),
	};
}

static void read_recipient(struct sqlite3_stmt *s, int at, struct trace_recipient_row *r)
{
	*r = (struct trace_recipient_row){
		.id = stmt_get_int(s, at),
		.state = (int)stmt_get_int(s, at + 1),
		.attempts = (unsigned)stmt_get_int(s, at + 2),
		.last_ms = stmt_get_int(s, at + 3),
		.next_ms = stmt_get_int(s, at + 4),
		.address = stmt_get_bytes(s, at + 5),
		.original = stmt_get_bytes(s, at + 6),
		.host = stmt_get_bytes(s, at + 7),
		.tls = stmt_get_bytes(s, at + 8),
		.reply = stmt_get_bytes(s, at + 9),
	};
}

enum err db_trace_row(struct db *db, int64_t id, void (*take)(void *arg, const struct trace_found *row), void *arg)
{
	static const char sql[] = "SELECT " MESSAGE_COLUMNS ", " RECIPIENT_COLUMNS " FROM recipient r JOIN message m ON m.id = r.id >> 14 WHERE r.id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct trace_found found;
	enum err e;

	stmt_int(s, 1, id);
	e = stmt_row(db, s);
	if (e)
		return e;
	read_message(s, &found.message);
	read_recipient(s, MESSAGE_COLUMN_COUNT, &found.recipient);
	take(arg, &found);
	stmt_reset(s);
	return ERR_OK;
}

static enum err time_span(struct db *db, int64_t *oldest_out, int64_t *newest_out)
{
	static const char sql[] = "SELECT (SELECT at_ms FROM message ORDER BY id LIMIT 1), (SELECT at_ms FROM message ORDER BY id DESC LIMIT 1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*oldest_out = stmt_get_int(s, 0);
	*newest_out = stmt_get_int(s, 1);
	e = stmt_is_null(s, 0) ? ERR_NOT_FOUND : ERR_OK;
	stmt_reset(s);
	return e;
}

enum err db_trace_by_message_id(struct db *db, struct span message_id, size_t max, int64_t *messages_out, size_t *count_out)
{
	static const char sql[] = "SELECT id, message_id FROM message WHERE message_key = ?1 AND message_key <> 0 ORDER BY id DESC";
	int64_t oldest = 0, newest = 0;
	enum err e = time_span(db, &oldest, &newest);

	*count_out = 0;
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	for (int64_t at = newest, n = 0; at / TRACE_MESSAGE_KEY_MS >= oldest / TRACE_MESSAGE_KEY_MS && at >= 0 && n < SPANS_OF_TIME_MAX && *count_out < max; at -= TRACE_MESSAGE_KEY_MS, n++) {
		struct sqlite3_stmt *s = db_stmt(db, sql);

		stmt_int(s, 1, trace_message_key(message_id, at));
		while (*count_out < max && (e = stmt_row(db, s)) == ERR_OK)
			if (span_equals(stmt_get_bytes(s, 1), message_id))
				messages_out[(*count_out)++] = stmt_get_int(s, 0);
		stmt_reset(s);
		if (e && e != ERR_NOT_FOUND)
			return e;
	}
	return ERR_OK;
}

enum err db_trace_message(struct db *db, int64_t message, void (*take)(void *arg, const struct trace_message_row *row), void *arg)
{
	static const char sql[] = "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct trace_message_row row;
	enum err e;

	stmt_int(s, 1, message);
	e = stmt_row(db, s);
	if (e)
		return e;
	read_message(s, &row);
	take(arg, &row);
	stmt_reset(s);
	return ERR_OK;
}

static enum err each_recipient(struct db *db, struct sqlite3_stmt *s, int64_t message, size_t max, void (*take)(void *arg, const struct trace_recipient_row *row), void *arg)
{
	enum err e;

	stmt_int(s, 1, message << TRACE_RECIPIENT_BITS);
	stmt_int(s, 2, (message << TRACE_RECIPIENT_BITS) | MESSAGE_MAX_ROW);
	stmt_int(s, 3, (int64_t)max);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct trace_recipient_row row;

		read_recipient(s, 0, &row);
		take(arg, &row);
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_trace_recipients(struct db *db, int64_t message, size_t max, void (*take)(void *arg, const struct trace_recipient_row *row), void *arg)
{
	static const char sql[] = "SELECT " RECIPIENT_COLUMNS " FROM recipient r WHERE r.id BETWEEN ?1 AND ?2 ORDER BY r.id LIMIT ?3";

	return each_recipient(db, db_stmt(db, sql), message, max, take, arg);
}

enum err db_trace_steps(struct db *db, int64_t message, size_t max, void (*take)(void *arg, const struct trace_recipient_row *row), void *arg)
{
	static const char sql[] = "SELECT recipient, 1, attempt, at_ms, next_ms, '', '', host, tls, reply FROM step WHERE recipient BETWEEN ?1 AND ?2 ORDER BY recipient, attempt LIMIT ?3";

	return each_recipient(db, db_stmt(db, sql), message, max, take, arg);
}
