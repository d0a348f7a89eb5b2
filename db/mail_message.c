/* db/mail_message.c: message rows: filing, scanning, flags, leaving. */
#include "db/mail_message.h"

#include "db/stmt.h"

/* Scans read `message` in the order of its key and look each content up by its rowid: CROSS JOIN keeps SQLite to that order. */
#define THIN "SELECT message.uid, message.flags, message.modseq, message.content, message.saved_ms"
#define LISTED ", meta.internal_ms, meta.internal_offset, meta.size, meta.sent_ms, meta.thread"
#define PLACE ", meta.body_size, meta.file"
#define ENVELOPE ", meta.envelope"
#define SUBJECT ", meta.subject"
#define WORDS ", meta.message_id, meta.preview, meta.refs"
#define STRUCTURE ", meta.body_structure, meta.body_text_structure"
#define PARTS ", meta.parts"
#define HEAD ", content.prefix, content.head"
#define BODY ", content.body"
#define FROM_LISTED " FROM message CROSS JOIN meta INDEXED BY meta_listed ON meta.id = message.content"
#define FROM_META " FROM message CROSS JOIN meta ON meta.id = message.content"
#define FROM_CONTENT FROM_META " CROSS JOIN content ON content.id = message.content"
#define WHERE " WHERE message.mailbox = ?1 AND message.uid BETWEEN ?2 AND ?3"
#define CHANGED " AND message.modseq > ?4"
#define CHANGED_FOR \
	" AND (message.modseq > ?4 OR message.uid IN (SELECT uid FROM seen WHERE mailbox = ?1 AND reader = ?5 AND uid BETWEEN ?2 AND ?3 AND modseq > ?4))"
#define IN_ORDER " ORDER BY message.uid"

enum err db_message_add(struct db *db, const struct db_message *message)
{
	static const char sql[] = "INSERT INTO message (mailbox, uid, flags, modseq, content, saved_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)message->mailbox);
	stmt_int(s, 2, message->uid);
	stmt_int(s, 3, (int64_t)message->flags);
	stmt_int(s, 4, (int64_t)message->modseq);
	stmt_int(s, 5, (int64_t)message->content);
	stmt_int(s, 6, message->saved_ms);
	return stmt_run(db, s);
}

static void bind_known(struct sqlite3_stmt *s, int at, struct span value)
{
	if (value.ptr)
		stmt_blob(s, at, value);
	else
		stmt_null(s, at);
}

static struct span get_known(struct sqlite3_stmt *s, int column)
{
	return stmt_is_null(s, column) ? span_make(NULL, 0) : stmt_get_bytes(s, column);
}

enum err db_content_add(struct db *db, uint64_t id, const struct db_content *content)
{
	static const char meta[] = "INSERT INTO meta (id, internal_ms, internal_offset, sent_ms, size, body_size, file, envelope,"
				   " body_structure, body_text_structure, parts, subject, message_id, preview, refs, thread)"
				   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
	static const char bytes[] = "INSERT INTO content (id, prefix, head, body) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, meta);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, content->internal_ms);
	stmt_int(s, 3, content->internal_offset);
	stmt_int(s, 4, content->sent_ms);
	stmt_int(s, 5, (int64_t)content->size);
	stmt_int(s, 6, (int64_t)content->body_size);
	if (content->file.len)
		stmt_text(s, 7, content->file);
	else
		stmt_null(s, 7);
	stmt_blob(s, 8, content->envelope);
	stmt_blob(s, 9, content->body_structure);
	stmt_blob(s, 10, content->body_text_structure);
	stmt_blob(s, 11, content->parts);
	stmt_blob(s, 12, content->subject);
	stmt_blob(s, 13, content->message_id);
	bind_known(s, 14, content->preview);
	bind_known(s, 15, content->refs);
	stmt_int(s, 16, (int64_t)content->thread);
	e = stmt_run(db, s);
	if (e)
		return e;
	s = db_stmt(db, bytes);
	stmt_int(s, 1, (int64_t)id);
	stmt_blob(s, 2, content->prefix);
	stmt_blob(s, 3, content->head);
	if (content->file.len)
		stmt_null(s, 4);
	else
		stmt_blob(s, 4, content->body);
	return stmt_run(db, s);
}

enum err db_content_release(struct db *db, uint64_t id, enum err (*words)(void *arg, uint64_t id, struct span message_id, struct span refs), void *arg,
			    struct db_content_gone *out)
{
	static const char bytes[] = "DELETE FROM content WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE message.content = ?1)";
	static const char meta[] = "DELETE FROM meta WHERE id = ?1 RETURNING file, message_id, refs";
	struct sqlite3_stmt *s = db_stmt(db, bytes);
	struct span file;
	enum err e;

	*out = (struct db_content_gone){ .removed = false };
	stmt_int(s, 1, (int64_t)id);
	e = stmt_run(db, s);
	if (e || db_changes(db) == 0)
		return e;
	s = db_stmt(db, meta);
	stmt_int(s, 1, (int64_t)id);
	e = stmt_row(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	out->removed = true;
	file = stmt_get_bytes(s, 0);
	if (file.len < sizeof(out->file)) {
		out->file_len = file.len;
		if (file.len)
			memcpy(out->file, file.ptr, file.len);
	}
	e = words(arg, id, stmt_get_bytes(s, 1), get_known(s, 2));
	stmt_reset(s);
	return e;
}

enum err db_content_has_file(struct db *db, struct span file, bool *out)
{
	static const char sql[] = "SELECT 1 FROM meta WHERE file = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, file);
	e = stmt_row(db, s);
	if (!e)
		stmt_reset(s);
	*out = !e;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* By level; each text has its own address, which is what a statement is known by. */
#define SCANS(rest)                                                                                                         \
	{                                                                                                                   \
		[DB_ROW_THIN] = THIN " FROM message" WHERE rest,                                                            \
		[DB_ROW_META] = THIN LISTED FROM_LISTED WHERE rest,                                                         \
		[DB_ROW_SUBJECT] = THIN LISTED SUBJECT FROM_LISTED WHERE rest,                                              \
		[DB_ROW_ENVELOPE] = THIN LISTED SUBJECT ENVELOPE FROM_META WHERE rest,                                      \
		[DB_ROW_WORDS] = THIN LISTED SUBJECT ENVELOPE WORDS FROM_META WHERE rest,                                   \
		[DB_ROW_STRUCTURE] = THIN LISTED SUBJECT ENVELOPE WORDS STRUCTURE PLACE PARTS FROM_META WHERE rest,         \
		[DB_ROW_HEAD] = THIN LISTED SUBJECT ENVELOPE WORDS STRUCTURE PLACE PARTS HEAD FROM_CONTENT WHERE rest,      \
		[DB_ROW_BODY] = THIN LISTED SUBJECT ENVELOPE WORDS STRUCTURE PLACE PARTS HEAD BODY FROM_CONTENT WHERE rest, \
		[DB_ROW_BARE_HEAD] = THIN LISTED PLACE PARTS HEAD FROM_CONTENT WHERE rest,                                  \
		[DB_ROW_BARE_BODY] = THIN LISTED PLACE PARTS HEAD BODY FROM_CONTENT WHERE rest,                             \
	}
static const char *const scans[] = SCANS(IN_ORDER);
static const char *const scans_changed[] = SCANS(CHANGED IN_ORDER);
static const char *const scans_changed_for[] = SCANS(CHANGED_FOR IN_ORDER);

/* Columns behind THIN, in the order of the texts. */
static void read_content(struct sqlite3_stmt *s, enum db_message_level level, struct db_content *c)
{
	const bool bare = level >= DB_ROW_BARE_HEAD;
	int at = 5;

	c->internal_ms = stmt_get_int(s, at++);
	c->internal_offset = (int)stmt_get_int(s, at++);
	c->size = (uint64_t)stmt_get_int(s, at++);
	c->sent_ms = stmt_get_int(s, at++);
	c->thread = (uint64_t)stmt_get_int(s, at++);
	if (level >= DB_ROW_SUBJECT && !bare)
		c->subject = stmt_get_bytes(s, at++);
	if (level >= DB_ROW_ENVELOPE && !bare)
		c->envelope = stmt_get_bytes(s, at++);
	if (level >= DB_ROW_WORDS && !bare) {
		c->message_id = stmt_get_bytes(s, at++);
		c->preview = get_known(s, at++);
		c->refs = get_known(s, at++);
	}
	if (level >= DB_ROW_STRUCTURE && !bare) {
		c->body_structure = stmt_get_bytes(s, at++);
		c->body_text_structure = stmt_get_bytes(s, at++);
	}
	if (level >= DB_ROW_STRUCTURE) {
		c->body_size = (uint64_t)stmt_get_int(s, at++);
		c->file = stmt_get_bytes(s, at++);
		c->parts = stmt_get_bytes(s, at++);
	}
	if (level >= DB_ROW_HEAD) {
		c->prefix = stmt_get_bytes(s, at++);
		c->head = stmt_get_bytes(s, at++);
	}
	if (level == DB_ROW_BODY || level == DB_ROW_BARE_BODY)
		c->body = stmt_get_bytes(s, at++);
}

static void read_row(struct sqlite3_stmt *s, enum db_message_level level, struct db_message_row *row)
{
	row->message.uid = (uint32_t)stmt_get_int(s, 0);
	row->message.flags = (uint64_t)stmt_get_int(s, 1);
	row->message.modseq = (uint64_t)stmt_get_int(s, 2);
	row->message.content = (uint64_t)stmt_get_int(s, 3);
	row->message.saved_ms = stmt_get_int(s, 4);
	if (level >= DB_ROW_META)
		read_content(s, level, &row->content);
}

static enum err scan(struct db *db, struct sqlite3_stmt *s, uint64_t mailbox, enum db_message_level level,
		     bool (*each)(void *arg, const struct db_message_row *row), void *arg)
{
	struct db_message_row row = { .message.mailbox = mailbox };
	enum err e;

	while (!(e = stmt_row(db, s))) {
		read_row(s, level, &row);
		if (!each(arg, &row)) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static void bind_range(struct sqlite3_stmt *s, uint64_t mailbox, uint32_t first, uint32_t last)
{
	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, first);
	stmt_int(s, 3, last);
}

enum err db_message_scan(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, enum db_message_level level,
			 bool (*each)(void *arg, const struct db_message_row *row), void *arg)
{
	struct sqlite3_stmt *s = db_stmt(db, scans[level]);

	bind_range(s, mailbox, first, last);
	return scan(db, s, mailbox, level, each, arg);
}

enum err db_message_scan_changed(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, uint64_t since_modseq, uint64_t reader,
				 enum db_message_level level, bool (*each)(void *arg, const struct db_message_row *row), void *arg)
{
	struct sqlite3_stmt *s = db_stmt(db, reader ? scans_changed_for[level] : scans_changed[level]);

	bind_range(s, mailbox, first, last);
	stmt_int(s, 4, (int64_t)since_modseq);
	if (reader)
		stmt_int(s, 5, (int64_t)reader);
	return scan(db, s, mailbox, level, each, arg);
}

enum err db_message_first_unseen(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, uint32_t *uid_out)
{
	static const char sql[] = "SELECT uid FROM message WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND flags & ?4 = 0 ORDER BY uid LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	bind_range(s, mailbox, first, last);
	stmt_int(s, 4, DB_MAIL_SEEN);
	e = stmt_row(db, s);
	if (e)
		return e;
	*uid_out = (uint32_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_message_flag(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last, uint64_t keep, uint64_t set, uint64_t unchanged_since,
			 uint64_t absent, uint64_t modseq)
{
	static const char sql[] = "UPDATE message SET flags = (flags & ?4) | ?5, modseq = ?6"
				  " WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND flags <> ((flags & ?4) | ?5) AND (modseq <= ?7 OR (?8 <> 0 AND flags & ?8 = 0))";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	bind_range(s, mailbox, first, last);
	stmt_int(s, 4, (int64_t)keep);
	stmt_int(s, 5, (int64_t)set);
	stmt_int(s, 6, (int64_t)modseq);
	stmt_int(s, 7, unchanged_since > INT64_MAX ? INT64_MAX : (int64_t)unchanged_since);
	stmt_int(s, 8, (int64_t)absent);
	return stmt_run(db, s);
}

enum err db_message_remove(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last)
{
	static const char sql[] = "DELETE FROM message WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	bind_range(s, mailbox, first, last);
	return stmt_run(db, s);
}

enum err db_message_move_all(struct db *db, uint64_t from, uint64_t to, uint64_t modseq, int64_t saved_ms)
{
	static const char sql[] = "UPDATE message SET mailbox = ?2, modseq = ?3, saved_ms = ?4 WHERE mailbox = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)from);
	stmt_int(s, 2, (int64_t)to);
	stmt_int(s, 3, (int64_t)modseq);
	stmt_int(s, 4, saved_ms);
	return stmt_run(db, s);
}
