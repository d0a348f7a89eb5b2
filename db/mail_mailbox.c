/* db/mail_mailbox.c: rows of `mailbox` with the counters that go with each change, and the log of what was expunged. */
#include "db/mail_mailbox.h"

#include "db/mail_annotation.h"
#include "db/mail_seen.h"
#include "db/mail_url_key.h"
#include "db/stmt.h"

#define COLUMNS "id, special_use, uidvalidity, uidnext, modseq, expunged_floor, messages, unseen, deleted, size, expunged_rows"

static void read_row(struct sqlite3_stmt *s, struct db_mailbox *out)
{
	*out = (struct db_mailbox){
		.id = (uint64_t)stmt_get_int(s, 0),
		.special_use = (int)stmt_get_int(s, 1),
		.uid_validity = (uint32_t)stmt_get_int(s, 2),
		.uid_next = (uint64_t)stmt_get_int(s, 3),
		.modseq = (uint64_t)stmt_get_int(s, 4),
		.expunged_floor = (uint64_t)stmt_get_int(s, 5),
		.messages = (uint32_t)stmt_get_int(s, 6),
		.unseen = (uint32_t)stmt_get_int(s, 7),
		.deleted = (uint32_t)stmt_get_int(s, 8),
		.size_bytes = (uint64_t)stmt_get_int(s, 9),
		.expunged_rows = (uint64_t)stmt_get_int(s, 10),
	};
}

enum err db_mailbox_by_id(struct db *db, uint64_t id, struct db_mailbox *out)
{
	static const char sql[] = "SELECT " COLUMNS " FROM mailbox WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_row(db, s);
	if (e)
		return e;
	read_row(s, out);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mailbox_by_name(struct db *db, struct span name, struct db_mailbox *out)
{
	static const char sql[] = "SELECT " COLUMNS " FROM mailbox WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (e)
		return e;
	read_row(s, out);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mailbox_by_use(struct db *db, int special_use, struct db_mailbox *out)
{
	static const char sql[] = "SELECT " COLUMNS " FROM mailbox WHERE special_use = ?1 LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, special_use);
	e = stmt_row(db, s);
	if (e)
		return e;
	read_row(s, out);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mailbox_flagged_bytes(struct db *db, uint64_t id, uint64_t flags, uint64_t *out)
{
	static const char sql[] = "SELECT ifnull(sum(meta.size), 0) FROM message JOIN meta ON meta.id = content WHERE mailbox = ?1 AND flags & ?2 != 0";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, (int64_t)flags);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

/* ERR_NOT_FOUND: there is no row (any more). */
static enum err show_row(struct db *db, struct sqlite3_stmt *s, bool (*each)(void *arg, const struct db_mailbox *row), void *arg)
{
	struct db_mailbox row;
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	read_row(s, &row);
	row.name = stmt_get_bytes(s, 11);
	if (each(arg, &row))
		return ERR_OK;
	stmt_reset(s);
	return ERR_TEMP;
}

enum err db_mailbox_each(struct db *db, bool (*each)(void *arg, const struct db_mailbox *row), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS ", name FROM mailbox ORDER BY name";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while (!(e = show_row(db, s, each, arg)))
		;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_mailbox_each_since(struct db *db, uint64_t modseq, bool (*each)(void *arg, const struct db_mailbox *row), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS ", name FROM mailbox WHERE modseq > ?1 ORDER BY name";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)modseq);
	while (!(e = show_row(db, s, each, arg)))
		;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_mailbox_show(struct db *db, uint64_t id, bool (*each)(void *arg, const struct db_mailbox *row), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS ", name FROM mailbox WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = show_row(db, s, each, arg);
	if (!e)
		stmt_reset(s);
	return e;
}

enum err db_mailbox_count(struct db *db, uint64_t *out)
{
	static const char sql[] = "SELECT count(*) FROM mailbox";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mailbox_sum(struct db *db, uint64_t *bytes_out, uint64_t *messages_out)
{
	static const char sql[] = "SELECT ifnull(sum(size), 0), ifnull(sum(messages), 0) FROM mailbox";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*bytes_out = (uint64_t)stmt_get_int(s, 0);
	*messages_out = (uint64_t)stmt_get_int(s, 1);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mailbox_add(struct db *db, struct span name, int special_use, uint32_t uid_validity, uint64_t modseq, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO mailbox (name, special_use, uidvalidity, modseq) VALUES (?1, ?2, ?3, ?4)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	stmt_int(s, 2, special_use);
	stmt_int(s, 3, uid_validity);
	stmt_int(s, 4, (int64_t)modseq);
	e = stmt_run(db, s);
	if (!e)
		*id_out = (uint64_t)db_last_rowid(db);
	return e;
}

enum err db_mailbox_move_use(struct db *db, uint64_t id, int special_use)
{
	static const char sql[] = "UPDATE mailbox SET special_use = iif(id = ?1, ?2, 0) WHERE id = ?1 OR (special_use = ?2 AND special_use != 0)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, special_use);
	return stmt_run(db, s);
}

enum err db_mailbox_renew(struct db *db, uint64_t id, uint32_t uid_validity, uint64_t modseq)
{
	static const char sql[] = "UPDATE mailbox SET uidvalidity = ?2, modseq = ?3 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, uid_validity);
	stmt_int(s, 3, (int64_t)modseq);
	return stmt_run(db, s);
}

enum err db_mailbox_remove(struct db *db, uint64_t id)
{
	static const char log[] = "DELETE FROM expunged WHERE mailbox = ?1";
	static const char sql[] = "DELETE FROM mailbox WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, log);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_run(db, s);
	if (!e)
		e = db_url_key_remove(db, id);
	if (!e)
		e = db_seen_remove(db, id, 0, UINT32_MAX);
	if (!e)
		e = db_annotation_forget(db, id);
	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, (int64_t)id);
	return stmt_run(db, s);
}

/* '0' follows '/' in ASCII: everything below "a" stands between "a/" and "a0". */
enum err db_mailbox_below(struct db *db, struct span name, uint64_t *longest_out, uint64_t *levels_out)
{
	static const char sql[] = "SELECT ifnull(max(length(CAST(name AS BLOB))), 0), ifnull(max(length(name) - length(replace(name, '/', ''))), 0)"
				  " FROM mailbox WHERE name > ?1 || '/' AND name < ?1 || '0'";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (e)
		return e;
	*longest_out = (uint64_t)stmt_get_int(s, 0);
	*levels_out = (uint64_t)stmt_get_int(s, 1);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mailbox_rename(struct db *db, struct span from, struct span to)
{
	static const char sql[] = "UPDATE mailbox SET name = ?2 || substr(name, length(?1) + 1)"
				  " WHERE name = ?1 OR (name > ?1 || '/' AND name < ?1 || '0')";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, from);
	stmt_text(s, 2, to);
	return stmt_run(db, s);
}

enum err db_mailbox_adjust(struct db *db, uint64_t id, const struct db_mailbox_delta *delta, uint64_t modseq)
{
	static const char sql[] = "UPDATE mailbox SET messages = messages + ?2, unseen = unseen + ?3, deleted = deleted + ?4,"
				  " size = size + ?5, uidnext = uidnext + ?6, modseq = ?7 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, delta->messages);
	stmt_int(s, 3, delta->unseen);
	stmt_int(s, 4, delta->deleted);
	stmt_int(s, 5, delta->size_bytes);
	stmt_int(s, 6, (int64_t)delta->uids);
	stmt_int(s, 7, (int64_t)modseq);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) == 1 ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_expunged_add(struct db *db, uint64_t mailbox, uint64_t modseq, uint32_t first, uint32_t last, int64_t now_ms)
{
	static const char sql[] = "INSERT INTO expunged (mailbox, modseq, first_uid, last_uid, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)modseq);
	stmt_int(s, 3, first);
	stmt_int(s, 4, last);
	stmt_int(s, 5, now_ms);
	return stmt_run(db, s);
}

enum err db_expunged_each(struct db *db, uint64_t mailbox, uint64_t since_modseq, bool (*each)(void *arg, uint32_t first, uint32_t last), void *arg)
{
	static const char sql[] = "SELECT first_uid, last_uid FROM expunged WHERE mailbox = ?1 AND modseq > ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)since_modseq);
	while (!(e = stmt_row(db, s))) {
		if (!each(arg, (uint32_t)stmt_get_int(s, 0), (uint32_t)stmt_get_int(s, 1))) {
			stmt_reset(s);
			return ERR_TEMP;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* The modseq up to which rows go: 0 when all may stay. */
static enum err trim_point(struct db *db, uint64_t mailbox, uint64_t rows, int64_t before_ms, uint64_t max_rows, int64_t *out)
{
	static const char oldest[] = "SELECT at_ms FROM expunged WHERE mailbox = ?1 ORDER BY modseq LIMIT 1";
	static const char by_age[] = "SELECT ifnull(max(modseq), 0) FROM expunged WHERE mailbox = ?1 AND at_ms < ?2";
	/* A tenth more than needed goes at once, so that a full log is not trimmed by every expunge. */
	static const char by_count[] = "SELECT modseq FROM expunged WHERE mailbox = ?1 ORDER BY modseq, first_uid LIMIT 1 OFFSET ?2";
	const bool is_full = rows > max_rows;
	struct sqlite3_stmt *s = db_stmt(db, is_full ? by_count : oldest);
	enum err e;

	*out = 0;
	stmt_int(s, 1, (int64_t)mailbox);
	if (is_full)
		stmt_int(s, 2, (int64_t)(rows - max_rows + max_rows / 10));
	e = stmt_row(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	if (is_full)
		return ERR_OK;
	if (*out >= before_ms) {
		*out = 0;
		return ERR_OK;
	}
	s = db_stmt(db, by_age);
	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, before_ms);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_expunged_trim(struct db *db, uint64_t mailbox, uint64_t added_rows, int64_t before_ms, uint64_t max_rows)
{
	static const char grow[] = "UPDATE mailbox SET expunged_rows = expunged_rows + ?2 WHERE id = ?1 RETURNING expunged_rows";
	static const char cut[] = "DELETE FROM expunged WHERE mailbox = ?1 AND modseq <= ?2";
	static const char floor[] = "UPDATE mailbox SET expunged_rows = expunged_rows - ?2, expunged_floor = max(expunged_floor, ?3) WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, grow);
	int64_t rows, point;
	enum err e;

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)added_rows);
	e = stmt_row(db, s);
	if (e)
		return e;
	rows = stmt_get_int(s, 0);
	stmt_reset(s);
	e = trim_point(db, mailbox, (uint64_t)rows, before_ms, max_rows, &point);
	if (e || point == 0)
		return e;
	s = db_stmt(db, cut);
	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, point);
	e = stmt_run(db, s);
	if (e)
		return e;
	rows = db_changes(db);
	s = db_stmt(db, floor);
	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, rows);
	stmt_int(s, 3, point);
	return stmt_run(db, s);
}
