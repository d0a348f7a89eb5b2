/* db/mail_annotation.c: see the header. */
#include "db/mail_annotation.h"

#include "db/stmt.h"

static void bind_key(struct sqlite3_stmt *s, uint64_t mailbox, uint64_t reader, struct span entry)
{
	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)reader);
	stmt_text(s, 3, entry);
}

enum err db_annotation_set(struct db *db, uint64_t mailbox, uint64_t reader, struct span entry, struct span value)
{
	static const char sql[] = "INSERT INTO annotation (mailbox, reader, entry, value) VALUES (?1, ?2, ?3, ?4)"
				  " ON CONFLICT DO UPDATE SET value = excluded.value";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	bind_key(s, mailbox, reader, entry);
	stmt_blob(s, 4, value);
	return stmt_run(db, s);
}

enum err db_annotation_remove(struct db *db, uint64_t mailbox, uint64_t reader, struct span entry)
{
	static const char sql[] = "DELETE FROM annotation WHERE mailbox = ?1 AND reader = ?2 AND entry = ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	bind_key(s, mailbox, reader, entry);
	return stmt_run(db, s);
}

/* '0' follows '/' in ASCII: everything below "/a" stands between "/a/" and "/a0". */
enum err db_annotation_each(struct db *db, uint64_t mailbox, uint64_t reader, struct span top, struct span after,
			    bool (*row)(void *arg, struct span entry, struct span value), void *arg)
{
	static const char sql[] = "SELECT entry, value FROM annotation WHERE mailbox = ?1 AND reader = ?2 AND entry > ?4"
				  " AND (entry = ?3 OR (entry > ?3 || '/' AND entry < ?3 || '0')) ORDER BY entry";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	bind_key(s, mailbox, reader, top);
	stmt_text(s, 4, after);
	while (!(e = stmt_row(db, s))) {
		if (!row(arg, stmt_get_bytes(s, 0), stmt_get_bytes(s, 1))) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_number(struct db *db, struct sqlite3_stmt *s, uint64_t *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_annotation_count(struct db *db, uint64_t mailbox, uint64_t reader, uint64_t *out)
{
	static const char sql[] = "SELECT count(*) FROM annotation WHERE mailbox = ?1 AND reader = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)reader);
	return read_number(db, s, out);
}

enum err db_annotation_bytes(struct db *db, uint64_t owner, uint64_t *own_out, uint64_t *others_out)
{
	static const char sql[] = "SELECT ifnull(sum(iif(reader IN (0, ?1), size, 0)), 0), ifnull(sum(iif(reader IN (0, ?1), 0, size)), 0) "
				  "FROM (SELECT reader, length(entry) + length(value) AS size FROM annotation)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)owner);
	e = stmt_row(db, s);
	if (e)
		return e;
	*own_out = (uint64_t)stmt_get_int(s, 0);
	*others_out = (uint64_t)stmt_get_int(s, 1);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_annotation_bytes_of(struct db *db, uint64_t reader, uint64_t *out)
{
	static const char sql[] = "SELECT ifnull(sum(length(entry) + length(value)), 0) FROM annotation WHERE reader = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)reader);
	return read_number(db, s, out);
}

enum err db_annotation_copy(struct db *db, uint64_t from, uint64_t to, uint64_t owner)
{
	static const char sql[] = "INSERT INTO annotation (mailbox, reader, entry, value)"
				  " SELECT ?2, reader, entry, value FROM annotation WHERE mailbox = ?1 AND reader IN (0, ?3)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)from);
	stmt_int(s, 2, (int64_t)to);
	stmt_int(s, 3, (int64_t)owner);
	return stmt_run(db, s);
}

enum err db_annotation_forget(struct db *db, uint64_t mailbox)
{
	static const char sql[] = "DELETE FROM annotation WHERE mailbox = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	return stmt_run(db, s);
}

enum err db_annotation_forget_reader(struct db *db, uint64_t reader)
{
	static const char sql[] = "DELETE FROM annotation WHERE reader = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)reader);
	return stmt_run(db, s);
}

enum err db_annotation_next_reader(struct db *db, uint64_t *reader)
{
	static const char sql[] = "SELECT reader FROM annotation WHERE reader > ?1 ORDER BY reader LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)*reader);
	e = stmt_row(db, s);
	if (e)
		return e;
	*reader = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}
