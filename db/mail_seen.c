/* db/mail_seen.c: rows of `seen`.
 *
 * (1) A row has a message. No row, or is_seen = 0: the reader has not seen it; the second has a modseq to tell of it.
 */
#include "db/mail_seen.h"

#include "db/stmt.h"

static void step(struct db_seen_walk *walk)
{
	enum err e = stmt_row(walk->db, walk->stmt);

	if (e) {
		walk->stmt = NULL;
		walk->result = e == ERR_NOT_FOUND ? ERR_OK : e;
		return;
	}
	walk->uid = (uint32_t)stmt_get_int(walk->stmt, 0);
	walk->is_seen = stmt_get_int(walk->stmt, 1) != 0;
	walk->modseq = (uint64_t)stmt_get_int(walk->stmt, 2);
}

void db_seen_walk_begin(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t first, uint32_t last, struct db_seen_walk *walk)
{
	static const char sql[] = "SELECT uid, is_seen, modseq FROM seen WHERE mailbox = ?1 AND reader = ?2 AND uid BETWEEN ?3 AND ?4 ORDER BY uid";

	*walk = (struct db_seen_walk){ .db = db, .stmt = db_stmt(db, sql) };
	if (!walk->stmt) {
		walk->result = ERR_TEMP;
		return;
	}
	stmt_int(walk->stmt, 1, (int64_t)mailbox);
	stmt_int(walk->stmt, 2, (int64_t)reader);
	stmt_int(walk->stmt, 3, first);
	stmt_int(walk->stmt, 4, last);
	step(walk);
}

bool db_seen_walk_to(struct db_seen_walk *walk, uint32_t uid, uint64_t *modseq_out)
{
	while (walk->stmt && walk->uid < uid)
		step(walk);
	*modseq_out = walk->stmt && walk->uid == uid ? walk->modseq : 0;
	return *modseq_out && walk->is_seen;
}

enum err db_seen_walk_end(struct db_seen_walk *walk)
{
	if (walk->stmt)
		stmt_reset(walk->stmt);
	walk->stmt = NULL;
	return walk->result;
}

static enum err read_number(struct db *db, struct sqlite3_stmt *s, uint32_t *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (uint32_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_seen_count(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t *out)
{
	static const char sql[] = "SELECT count(*) FROM seen WHERE mailbox = ?1 AND reader = ?2 AND is_seen";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)reader);
	return read_number(db, s, out);
}

enum err db_seen_first_unseen(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t first, uint32_t last, uint32_t *uid_out)
{
	static const char sql[] = "SELECT uid FROM message WHERE mailbox = ?1 AND uid BETWEEN ?3 AND ?4 AND NOT EXISTS"
				  " (SELECT 1 FROM seen WHERE seen.mailbox = ?1 AND seen.reader = ?2 AND seen.uid = message.uid AND seen.is_seen) ORDER BY uid LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)reader);
	stmt_int(s, 3, first);
	stmt_int(s, 4, last);
	return read_number(db, s, uid_out);
}

enum err db_seen_is_used(struct db *db, uint64_t mailbox, bool *out)
{
	static const char sql[] = "SELECT 1 FROM seen WHERE mailbox = ?1 LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	uint32_t one;
	enum err e;

	stmt_int(s, 1, (int64_t)mailbox);
	e = read_number(db, s, &one);
	*out = !e;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_seen_set(struct db *db, uint64_t mailbox, uint64_t reader, uint32_t first, uint32_t last, bool is_seen, uint64_t modseq)
{
	static const char sql[] = "INSERT INTO seen (mailbox, reader, uid, is_seen, modseq)"
				  " SELECT ?1, ?2, uid, ?5, ?6 FROM message WHERE mailbox = ?1 AND uid BETWEEN ?3 AND ?4"
				  " ON CONFLICT DO UPDATE SET is_seen = excluded.is_seen, modseq = excluded.modseq";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)reader);
	stmt_int(s, 3, first);
	stmt_int(s, 4, last);
	stmt_int(s, 5, is_seen);
	stmt_int(s, 6, (int64_t)modseq);
	return stmt_run(db, s);
}

enum err db_seen_remove(struct db *db, uint64_t mailbox, uint32_t first, uint32_t last)
{
	static const char sql[] = "DELETE FROM seen WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, first);
	stmt_int(s, 3, last);
	return stmt_run(db, s);
}

enum err db_seen_copy(struct db *db, uint64_t from_mailbox, uint32_t from_uid, uint64_t to_mailbox, uint32_t to_uid, uint64_t but, uint64_t modseq)
{
	static const char sql[] = "INSERT INTO seen (mailbox, reader, uid, is_seen, modseq)"
				  " SELECT ?3, reader, ?4, 1, ?6 FROM seen WHERE mailbox = ?1 AND uid = ?2 AND is_seen AND reader <> ?5";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)from_mailbox);
	stmt_int(s, 2, from_uid);
	stmt_int(s, 3, (int64_t)to_mailbox);
	stmt_int(s, 4, to_uid);
	stmt_int(s, 5, (int64_t)but);
	stmt_int(s, 6, (int64_t)modseq);
	return stmt_run(db, s);
}

enum err db_seen_move_all(struct db *db, uint64_t from, uint64_t to, uint64_t modseq)
{
	static const char sql[] = "UPDATE seen SET mailbox = ?2, modseq = ?3 WHERE mailbox = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)from);
	stmt_int(s, 2, (int64_t)to);
	stmt_int(s, 3, (int64_t)modseq);
	return stmt_run(db, s);
}

enum err db_seen_next_reader(struct db *db, uint64_t *mailbox, uint64_t *reader)
{
	static const char sql[] = "SELECT mailbox, reader FROM seen WHERE (mailbox, reader) > (?1, ?2) ORDER BY mailbox, reader LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)*mailbox);
	stmt_int(s, 2, (int64_t)*reader);
	e = stmt_row(db, s);
	if (e)
		return e;
	*mailbox = (uint64_t)stmt_get_int(s, 0);
	*reader = (uint64_t)stmt_get_int(s, 1);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_seen_forget(struct db *db, uint64_t mailbox, uint64_t reader)
{
	static const char sql[] = "DELETE FROM seen WHERE mailbox = ?1 AND reader = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)reader);
	return stmt_run(db, s);
}
