/* db/queue_message.c: the SQL of queue.db.
 *
 * (1) A message row, its content row and its recipient rows are made and removed in one transaction.
 * (2) Reads that the scan at start needs never touch a content row.
 */
#include "db/queue_message.h"

#include "db/stmt.h"

static struct span id_span(const uint8_t id[QUEUE_ROW_ID])
{
	return span_make((const char *)id, QUEUE_ROW_ID);
}

static void text_or_null(struct sqlite3_stmt *s, int at, struct span text)
{
	if (text.len)
		stmt_text(s, at, text);
	else
		stmt_null(s, at);
}

static enum err insert_recipient(struct db *db, const uint8_t id[QUEUE_ROW_ID], const struct queue_recipient_row *r)
{
	static const char sql[] = "INSERT INTO recipient (queue_id, n, kind, account_id, address, original, state, attempts, next_ms, last_ms, reply, status,"
				  " notify, hold, told_ms, orcpt, route, reverse_path)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, id_span(id));
	stmt_int(s, 2, r->n);
	stmt_int(s, 3, r->kind);
	stmt_int(s, 4, (int64_t)r->account_id);
	stmt_text(s, 5, r->address);
	text_or_null(s, 6, r->original);
	stmt_int(s, 7, r->state);
	stmt_int(s, 8, r->attempts);
	stmt_int(s, 9, r->next_ms);
	stmt_int(s, 10, r->last_ms);
	text_or_null(s, 11, r->reply);
	stmt_text(s, 12, r->status);
	stmt_int(s, 13, r->notify);
	stmt_int(s, 14, r->hold);
	stmt_int(s, 15, r->told_ms);
	text_or_null(s, 16, r->orcpt);
	text_or_null(s, 17, r->route);
	if (r->reverse_path.ptr)
		stmt_text(s, 18, r->reverse_path);
	else
		stmt_null(s, 18);
	return stmt_run(db, s);
}

static enum err insert_content(struct db *db, struct span head, struct span body, bool has_body)
{
	static const char sql[] = "INSERT INTO content (head, body) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, head);
	if (has_body)
		stmt_blob(s, 2, body);
	else
		stmt_null(s, 2);
	return stmt_run(db, s);
}

enum err db_queue_insert(struct db *db, const struct queue_row *row, struct span head, struct span body, const struct queue_recipient_row *recipients, size_t count)
{
	static const char sql[] = "INSERT INTO message (queue_id, accepted_ms, expires_ms, source, account_id, flags, size, reverse_path, subject, content, body_file,"
				  " envid, ret, priority, release_ms, deliver_by_ms, deliver_by)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
	struct sqlite3_stmt *s;
	enum err e = insert_content(db, head, body, row->body_file.len == 0);

	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_blob(s, 1, id_span(row->id));
	stmt_int(s, 2, row->accepted_ms);
	stmt_int(s, 3, row->expires_ms);
	stmt_int(s, 4, row->source);
	stmt_int(s, 5, (int64_t)row->account_id);
	stmt_int(s, 6, row->flags);
	stmt_int(s, 7, (int64_t)row->size);
	stmt_text(s, 8, row->reverse_path);
	stmt_text(s, 9, row->subject);
	stmt_int(s, 10, db_last_rowid(db));
	text_or_null(s, 11, row->body_file);
	stmt_text(s, 12, row->envid);
	stmt_int(s, 13, row->ret);
	stmt_int(s, 14, row->priority);
	stmt_int(s, 15, row->release_ms);
	stmt_int(s, 16, row->deliver_by_ms);
	stmt_int(s, 17, row->deliver_by);
	e = stmt_run(db, s);
	for (size_t i = 0; !e && i < count; i++)
		e = insert_recipient(db, row->id, &recipients[i]);
	return e;
}

enum err db_queue_recipient_update(struct db *db, const uint8_t id[QUEUE_ROW_ID], const struct queue_recipient_row *r)
{
	static const char sql[] = "UPDATE recipient SET state = ?3, attempts = ?4, next_ms = ?5, last_ms = ?6, reply = coalesce(?7, reply), told_ms = ?8, status = coalesce(?9, status), hold = ?10"
				  " WHERE queue_id = ?1 AND n = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, id_span(id));
	stmt_int(s, 2, r->n);
	stmt_int(s, 3, r->state);
	stmt_int(s, 4, r->attempts);
	stmt_int(s, 5, r->next_ms);
	stmt_int(s, 6, r->last_ms);
	text_or_null(s, 7, r->reply);
	stmt_int(s, 8, r->told_ms);
	text_or_null(s, 9, r->status);
	stmt_int(s, 10, r->hold);
	return stmt_run(db, s);
}

enum err db_queue_recipient_route(struct db *db, const uint8_t id[QUEUE_ROW_ID], uint32_t n, struct span route)
{
	static const char sql[] = "UPDATE recipient SET route = ?3 WHERE queue_id = ?1 AND n = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, id_span(id));
	stmt_int(s, 2, n);
	text_or_null(s, 3, route);
	return stmt_run(db, s);
}

enum err db_queue_expire(struct db *db, const uint8_t id[QUEUE_ROW_ID], int64_t expires_ms)
{
	static const char sql[] = "UPDATE message SET expires_ms = ?2 WHERE queue_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, id_span(id));
	stmt_int(s, 2, expires_ms);
	return stmt_run(db, s);
}

static enum err run_with_id(struct db *db, const char *sql, const uint8_t id[QUEUE_ROW_ID])
{
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, id_span(id));
	return stmt_run(db, s);
}

enum err db_queue_delete(struct db *db, const uint8_t id[QUEUE_ROW_ID])
{
	static const char content[] = "DELETE FROM content WHERE id = (SELECT content FROM message WHERE queue_id = ?1)";
	static const char recipients[] = "DELETE FROM recipient WHERE queue_id = ?1";
	static const char message[] = "DELETE FROM message WHERE queue_id = ?1";
	enum err e = run_with_id(db, content, id);

	if (!e)
		e = run_with_id(db, recipients, id);
	if (!e)
		e = run_with_id(db, message, id);
	return e;
}

/* The first columns of every reading statement. */
#define MESSAGE_COLUMNS                                                                                                             \
	"m.queue_id, m.accepted_ms, m.expires_ms, m.source, m.flags, m.account_id, m.size, m.reverse_path, m.subject, m.body_file," \
	" m.envid, m.ret, m.priority, m.release_ms, m.deliver_by_ms, m.deliver_by"
#define MESSAGE_COLUMN_COUNT 16
#define RECIPIENT_COLUMNS                                                                                                 \
	"r.n, r.kind, r.account_id, r.address, r.original, r.state, r.attempts, r.next_ms, r.last_ms, r.reply, r.status," \
	" r.notify, r.hold, r.told_ms, r.orcpt, r.route, r.reverse_path"

static enum err read_message(struct sqlite3_stmt *s, struct queue_row *out)
{
	struct span id = stmt_get_bytes(s, 0);

	if (id.len != QUEUE_ROW_ID)
		return ERR_CORRUPT;
	memcpy(out->id, id.ptr, QUEUE_ROW_ID);
	out->accepted_ms = stmt_get_int(s, 1);
	out->expires_ms = stmt_get_int(s, 2);
	out->source = stmt_get_int(s, 3);
	out->flags = stmt_get_int(s, 4);
	out->account_id = (uint64_t)stmt_get_int(s, 5);
	out->size = (uint64_t)stmt_get_int(s, 6);
	out->reverse_path = stmt_get_bytes(s, 7);
	out->subject = stmt_get_bytes(s, 8);
	out->body_file = stmt_is_null(s, 9) ? span_make(NULL, 0) : stmt_get_bytes(s, 9);
	out->envid = stmt_get_bytes(s, 10);
	out->ret = stmt_get_int(s, 11);
	out->priority = stmt_get_int(s, 12);
	out->release_ms = stmt_get_int(s, 13);
	out->deliver_by_ms = stmt_get_int(s, 14);
	out->deliver_by = stmt_get_int(s, 15);
	return ERR_OK;
}

static void read_recipient(struct sqlite3_stmt *s, int at, struct queue_recipient_row *out)
{
	out->n = (uint32_t)stmt_get_int(s, at);
	out->kind = stmt_get_int(s, at + 1);
	out->account_id = (uint64_t)stmt_get_int(s, at + 2);
	out->address = stmt_get_bytes(s, at + 3);
	out->original = stmt_get_bytes(s, at + 4);
	out->state = stmt_get_int(s, at + 5);
	out->attempts = (uint32_t)stmt_get_int(s, at + 6);
	out->next_ms = stmt_get_int(s, at + 7);
	out->last_ms = stmt_get_int(s, at + 8);
	out->reply = stmt_get_bytes(s, at + 9);
	out->status = stmt_get_bytes(s, at + 10);
	out->notify = stmt_get_int(s, at + 11);
	out->hold = stmt_get_int(s, at + 12);
	out->told_ms = stmt_get_int(s, at + 13);
	out->orcpt = stmt_get_bytes(s, at + 14);
	out->route = stmt_get_bytes(s, at + 15);
	out->reverse_path = stmt_get_bytes(s, at + 16);
	/* The null reverse-path is one, too. */
	if (stmt_is_null(s, at + 16))
		out->reverse_path = span_make(NULL, 0);
	else if (!out->reverse_path.ptr)
		out->reverse_path = SPAN("");
}

static void copy_recipient_texts(struct queue_recipient_row *row, struct arena *a)
{
	struct span *texts[] = { &row->address, &row->original, &row->reply, &row->status, &row->orcpt, &row->route };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = arena_copy(a, *texts[i]);
	if (row->reverse_path.ptr)
		row->reverse_path = row->reverse_path.len ? arena_copy(a, row->reverse_path) : SPAN("");
}

enum err db_queue_scan(struct db *db, enum err (*each)(void *arg, const struct queue_row *row, const struct queue_recipient_row *recipient), void *arg)
{
	static const char sql[] = "SELECT " MESSAGE_COLUMNS ", " RECIPIENT_COLUMNS
				  " FROM message m JOIN recipient r ON r.queue_id = m.queue_id ORDER BY m.queue_id, r.n";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct queue_row row;
		struct queue_recipient_row recipient;

		e = read_message(s, &row);
		read_recipient(s, MESSAGE_COLUMN_COUNT, &recipient);
		if (!e)
			e = each(arg, &row, &recipient);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_queue_files(struct db *db, enum err (*each)(void *arg, struct span name), void *arg)
{
	static const char sql[] = "SELECT body_file FROM message WHERE body_file IS NOT NULL";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		e = each(arg, stmt_get_bytes(s, 0));
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static bool copy_message_texts(struct queue_row *row, struct arena *a)
{
	row->reverse_path = arena_copy(a, row->reverse_path);
	row->subject = arena_copy(a, row->subject);
	row->body_file = arena_copy(a, row->body_file);
	row->envid = arena_copy(a, row->envid);
	return !a->failed;
}

enum err db_queue_page(struct db *db, const uint8_t *after, size_t limit, struct arena *a, struct queue_row **out, size_t *count_out)
{
	static const char sql[] = "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.queue_id > ?1 ORDER BY m.queue_id LIMIT ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	struct queue_row *rows = arena_array(a, limit, sizeof(*rows));
	size_t count = 0;
	enum err e = rows ? ERR_OK : ERR_LIMIT;

	stmt_blob(s, 1, after ? id_span(after) : SPAN(""));
	stmt_int(s, 2, (int64_t)limit);
	while (!e && count < limit && (e = stmt_row(db, s)) == ERR_OK) {
		e = read_message(s, &rows[count]);
		if (!e && !copy_message_texts(&rows[count], a))
			e = ERR_LIMIT;
		count++;
	}
	stmt_reset(s);
	if (e && e != ERR_NOT_FOUND)
		return e;
	*out = rows;
	*count_out = count;
	return ERR_OK;
}

enum err db_queue_find(struct db *db, const uint8_t id[QUEUE_ROW_ID], struct arena *a, struct queue_row *out)
{
	static const char sql[] = "SELECT " MESSAGE_COLUMNS " FROM message m WHERE m.queue_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_blob(s, 1, id_span(id));
	e = stmt_row(db, s);
	if (!e)
		e = read_message(s, out);
	if (!e && !copy_message_texts(out, a))
		e = ERR_LIMIT;
	stmt_reset(s);
	return e;
}

enum err db_queue_recipients(struct db *db, const uint8_t id[QUEUE_ROW_ID], struct arena *a, struct queue_recipient_row **out, size_t *count_out)
{
	static const char sql[] = "SELECT " RECIPIENT_COLUMNS " FROM recipient r WHERE r.queue_id = ?1 ORDER BY r.n";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	size_t count = 0, cap = 4;
	struct queue_recipient_row *rows = arena_array(a, cap, sizeof(*rows));
	enum err e = rows ? ERR_OK : ERR_LIMIT;

	stmt_blob(s, 1, id_span(id));
	while (!e && (e = stmt_row(db, s)) == ERR_OK) {
		if (count == cap) {
			struct queue_recipient_row *more = arena_array(a, cap * 2, sizeof(*rows));

			if (!more) {
				e = ERR_LIMIT;
				break;
			}
			memcpy(more, rows, count * sizeof(*rows));
			rows = more;
			cap *= 2;
		}
		read_recipient(s, 0, &rows[count]);
		copy_recipient_texts(&rows[count++], a);
		if (a->failed)
			e = ERR_LIMIT;
	}
	stmt_reset(s);
	if (e != ERR_NOT_FOUND)
		return e ? e : ERR_LIMIT;
	*out = rows;
	*count_out = count;
	return ERR_OK;
}

enum err db_queue_content(struct db *db, const uint8_t id[QUEUE_ROW_ID], enum err (*take)(void *arg, struct span head, struct span body), void *arg)
{
	static const char sql[] = "SELECT c.head, c.body FROM message m JOIN content c ON c.id = m.content WHERE m.queue_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_blob(s, 1, id_span(id));
	e = stmt_row(db, s);
	if (!e)
		e = take(arg, stmt_get_bytes(s, 0), stmt_get_bytes(s, 1));
	stmt_reset(s);
	return e;
}
