/* db/mail_check.c: the invariants of mail.db, each as a bit of a statement that finds the rows that break it.
 *
 * A walk goes by primary keys, so that a slice costs its rows and nothing else. Where its next slice ends is asked by itself: a row that cannot be read is
 * then still known by its place.
 */
#include "db/mail_check.h"

#include "db/stmt.h"

#define BIT(fault) (UINT32_C(1) << (fault))
#define PAGE_FAULTS_MAX 100 /* of a table; what SQLite lists if it is not told otherwise */

const struct mail_place mail_place_first = { INT64_MIN, INT64_MIN };

static const char *const words[MAIL_FAULT_COUNT] = {
	[MAIL_NO_META] = "message without what lists show of it",
	[MAIL_NO_MAILBOX] = "message in a mailbox that is not there",
	[MAIL_UID_AHEAD] = "message past uidnext",
	[MAIL_UID_ZERO] = "message with a UID that cannot be",
	[MAIL_MODSEQ_AHEAD] = "message newer than its mailbox",
	[MAIL_NO_CONTENT] = "message without header and body",
	[MAIL_NOT_NAMED] = "content that no message names",
	[MAIL_CONTENT_AHEAD] = "content id not yet given",
	[MAIL_BODY_PLACE] = "body neither in the row nor in a file, or in both",
	[MAIL_BODY_LENGTH] = "body that has not its length",
	[MAIL_SIZE] = "size that is not the sum of its parts",
	[MAIL_THREAD] = "thread of a later message",
	[MAIL_CONTENT_ALONE] = "header and body without what lists show of them",
	[MAIL_KEY_LEFT] = "thread key of a content that is gone",
	[MAIL_KEY_WRONG] = "content in two threads",
	[MAIL_MAILBOX_AHEAD] = "mailbox newer than the account",
	[MAIL_VALIDITY_AHEAD] = "mailbox with a UIDVALIDITY not yet given",
	[MAIL_EXPUNGED] = "log of expunged messages",
	[MAIL_COUNTERS] = "counters of a mailbox",
	[MAIL_ROWS_LEFT] = "rows of what is gone",
};

const char *mail_fault_words(enum mail_fault fault)
{
	return words[fault];
}

/* ---- walks ---- */

static struct sqlite3_stmt *bind_place(struct sqlite3_stmt *s, const struct mail_place *from)
{
	stmt_int(s, 1, from->major);
	stmt_int(s, 2, from->minor);
	return s;
}

/* (major, minor) of its one row; ERR_NOT_FOUND: none, or null. */
static enum err read_place(struct db *db, struct sqlite3_stmt *s, struct mail_place *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	if (stmt_is_null(s, 0) || stmt_is_null(s, 1))
		e = ERR_NOT_FOUND;
	else
		*out = (struct mail_place){ stmt_get_int(s, 0), stmt_get_int(s, 1) };
	stmt_reset(s);
	return e;
}

/* A slice lies in one mailbox. */
static enum err next_messages(struct db *db, const struct mail_place *from, size_t rows, struct mail_place *to)
{
	static const char same[] = "SELECT ?1, max(uid) FROM (SELECT uid FROM message WHERE mailbox = ?1 AND uid > ?2 ORDER BY uid LIMIT ?3)";
	static const char other[] = "SELECT mailbox, uid FROM message WHERE mailbox > ?1 AND ?2 = ?2 ORDER BY mailbox, uid LIMIT 1";
	struct sqlite3_stmt *s = bind_place(db_stmt(db, same), from);
	enum err e;

	stmt_int(s, 3, (int64_t)rows);
	e = read_place(db, s, to);
	if (e != ERR_NOT_FOUND)
		return e;
	return read_place(db, bind_place(db_stmt(db, other), from), to);
}

static enum err next_keys(struct db *db, const struct mail_place *from, size_t rows, struct mail_place *to)
{
	static const char far[] = "SELECT key, content FROM thread_key WHERE (key, content) > (?1, ?2) ORDER BY key, content LIMIT 1 OFFSET ?3";
	static const char last[] = "SELECT key, content FROM thread_key WHERE (key, content) > (?1, ?2) ORDER BY key DESC, content DESC LIMIT 1";
	struct sqlite3_stmt *s = bind_place(db_stmt(db, far), from);
	enum err e;

	stmt_int(s, 3, (int64_t)rows - 1);
	e = read_place(db, s, to);
	if (e != ERR_NOT_FOUND)
		return e;
	return read_place(db, bind_place(db_stmt(db, last), from), to);
}

enum err db_mail_walk_next(struct db *db, enum mail_walk walk, const struct mail_place *from, size_t rows, struct mail_place *to)
{
	/* From an index: a row of meta that cannot be read is still known. */
	static const char metas[] = "SELECT max(id), 0 FROM (SELECT id FROM meta INDEXED BY meta_listed WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3)";
	static const char contents[] = "SELECT max(id), 0 FROM (SELECT id FROM content WHERE id > ?1 AND ?2 = ?2 ORDER BY id LIMIT ?3)";
	struct sqlite3_stmt *s = NULL;

	switch (walk) {
	case MAIL_MESSAGES: return next_messages(db, from, rows, to);
	case MAIL_KEYS: return next_keys(db, from, rows, to);
	case MAIL_METAS: s = db_stmt(db, metas); break;
	case MAIL_CONTENTS:
	case MAIL_WALK_COUNT: s = db_stmt(db, contents); break;
	}
	bind_place(s, from);
	stmt_int(s, 3, (int64_t)rows);
	return read_place(db, s, to);
}

/* Columns: bits in the order of the enum from `first` on; mailbox, uid, content; major, minor; then what MAIL_METAS has. */
#define META_BITS                                                                                                                                                    \
	"SELECT (content.id IS NULL) + 2 * (NOT EXISTS (SELECT 1 FROM message WHERE message.content = meta.id)) + 4 * (meta.id > (SELECT content FROM account))"     \
	" + 8 * (content.id IS NOT NULL AND (meta.file IS NULL) <> (content.body IS NOT NULL)) + 16 * ifnull(length(content.body) <> meta.body_size, 0)"             \
	" + 32 * ifnull(meta.size <> length(content.prefix) + length(content.head) + meta.body_size, 0) + 64 * (meta.thread >= meta.id), 0, 0, meta.id, meta.id, 0," \
	" meta.parts, meta.file, meta.body_size"
#define META_FROM " FROM meta LEFT JOIN content ON content.id = meta.id WHERE meta.id > ?1 AND meta.id <= ?3 AND ?2 = ?2 AND ?4 = ?4 ORDER BY meta.id"
static const struct walk {
	enum mail_fault first;
	const char *sql;
} walks[MAIL_WALK_COUNT] = {
	[MAIL_MESSAGES] = { MAIL_NO_META, "SELECT (meta.id IS NULL) + 2 * (mailbox.id IS NULL) + 4 * ifnull(message.uid >= mailbox.uidnext, 0) + 8 * (message.uid < 1)"
					  " + 16 * ifnull(message.modseq > mailbox.modseq, 0) AS bits, message.mailbox, message.uid, message.content, message.mailbox, message.uid"
					  " FROM message LEFT JOIN mailbox ON mailbox.id = message.mailbox LEFT JOIN meta ON meta.id = message.content"
					  " WHERE message.mailbox = ?3 AND message.uid > iif(?1 = ?3, ?2, -9223372036854775807) AND message.uid <= ?4 AND bits <> 0 ORDER BY message.uid" },
	[MAIL_METAS] = { MAIL_NO_CONTENT, META_BITS META_FROM },
	[MAIL_CONTENTS] = { MAIL_CONTENT_ALONE, "SELECT 1, 0, 0, content.id, content.id, 0 FROM content LEFT JOIN meta ON meta.id = content.id"
						" WHERE content.id > ?1 AND content.id <= ?3 AND ?2 = ?2 AND ?4 = ?4 AND meta.id IS NULL" },
	[MAIL_KEYS] = { MAIL_KEY_LEFT, "SELECT (meta.id IS NULL) + 2 * ifnull(thread_key.thread <> iif(meta.thread, meta.thread, meta.id), 0) AS bits, 0, 0, content, key, content"
				       " FROM thread_key LEFT JOIN meta ON meta.id = content WHERE (key, content) > (?1, ?2) AND (key, content) <= (?3, ?4) AND bits <> 0" },
};
/* A result of the row itself is read from its last page to the first. */
static const char metas_whole[] = META_BITS ", content.prefix, content.head, content.body, meta.envelope, meta.body_structure, meta.body_text_structure" META_FROM;

enum err db_mail_walk(struct db *db, enum mail_walk walk, const struct mail_place *from, const struct mail_place *to, bool whole, bool (*each)(void *arg, const struct mail_checked *row), void *arg)
{
	struct sqlite3_stmt *s = bind_place(db_stmt(db, walk == MAIL_METAS && whole ? metas_whole : walks[walk].sql), from);
	enum err e;

	stmt_int(s, 3, to->major);
	stmt_int(s, 4, to->minor);
	while (!(e = stmt_row(db, s))) {
		struct mail_checked row = {
			.faults = (uint32_t)stmt_get_int(s, 0) << walks[walk].first,
			.mailbox = (uint64_t)stmt_get_int(s, 1),
			.uid = (uint32_t)stmt_get_int(s, 2),
			.content = (uint64_t)stmt_get_int(s, 3),
			.place = { stmt_get_int(s, 4), stmt_get_int(s, 5) },
		};

		if (walk == MAIL_METAS) {
			row.parts = stmt_get_bytes(s, 6);
			row.file = stmt_get_bytes(s, 7);
			row.body_size = (uint64_t)stmt_get_int(s, 8);
		}
		if (!each(arg, &row)) {
			stmt_reset(s);
			return ERR_TEMP;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- mailboxes ---- */

/* A log as long as it may be has some thousand rows: a mailbox is one statement. */
static const struct rule {
	enum mail_fault fault;
	const char *sql;
} rules[] = {
	{ MAIL_MAILBOX_AHEAD, "SELECT id FROM mailbox WHERE modseq > (SELECT modseq FROM account)" },
	{ MAIL_VALIDITY_AHEAD, "SELECT id FROM mailbox WHERE uidvalidity > (SELECT uidvalidity FROM account)" },
	{ MAIL_EXPUNGED, "SELECT id FROM mailbox WHERE expunged_floor > modseq"
			 " OR expunged_rows <> (SELECT count(*) FROM expunged WHERE expunged.mailbox = mailbox.id)"
			 " OR EXISTS (SELECT 1 FROM expunged WHERE expunged.mailbox = mailbox.id AND (first_uid < 1 OR first_uid > last_uid OR last_uid >= uidnext"
			 " OR expunged.modseq > mailbox.modseq OR expunged.modseq <= expunged_floor))"
			 " OR EXISTS (SELECT 1 FROM expunged JOIN message ON message.mailbox = expunged.mailbox AND message.uid BETWEEN first_uid AND last_uid WHERE expunged.mailbox = mailbox.id)" },
};

enum err db_mail_check_mailboxes(struct db *db, bool (*each)(void *arg, uint64_t mailbox, enum mail_fault fault), void *arg)
{
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < sizeof(rules) / sizeof(*rules); i++) {
		struct sqlite3_stmt *s = db_stmt(db, rules[i].sql);

		while (!(e = stmt_row(db, s))) {
			if (!each(arg, (uint64_t)stmt_get_int(s, 0), rules[i].fault)) {
				stmt_reset(s);
				return ERR_TEMP;
			}
		}
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	}
	return e;
}

enum err db_mail_check_left(struct db *db, uint64_t *rows_out)
{
	static const char sql[] = "SELECT (SELECT count(*) FROM expunged WHERE mailbox NOT IN (SELECT id FROM mailbox)) + (SELECT count(*) FROM url_key WHERE mailbox NOT IN (SELECT id FROM mailbox))"
				  " + (SELECT count(*) FROM annotation WHERE mailbox <> 0 AND mailbox NOT IN (SELECT id FROM mailbox))"
				  " + (SELECT count(*) FROM seen WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.mailbox = seen.mailbox AND message.uid = seen.uid))";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	*rows_out = 0;
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*rows_out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mail_sum(struct db *db, const struct mail_place *from, const struct mail_place *to, struct mail_sum *sum)
{
	static const char sql[] = "SELECT count(*), total(flags & 1 = 0), total(flags & 8 <> 0), total(meta.size), max(modseq), max(uid) FROM message LEFT JOIN meta ON meta.id = message.content"
				  " WHERE mailbox = ?3 AND uid > iif(?1 = ?3, ?2, -9223372036854775807) AND uid <= ?4";
	struct sqlite3_stmt *s = bind_place(db_stmt(db, sql), from);
	enum err e;

	stmt_int(s, 3, to->major);
	stmt_int(s, 4, to->minor);
	e = stmt_row(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	sum->messages += stmt_get_int(s, 0);
	sum->unseen += stmt_get_int(s, 1);
	sum->deleted += stmt_get_int(s, 2);
	sum->size += stmt_get_int(s, 3);
	if ((uint64_t)stmt_get_int(s, 4) > sum->modseq)
		sum->modseq = (uint64_t)stmt_get_int(s, 4);
	if ((uint32_t)stmt_get_int(s, 5) > sum->uid)
		sum->uid = (uint32_t)stmt_get_int(s, 5);
	stmt_reset(s);
	return ERR_OK;
}

/* ---- pages ---- */

enum err db_mail_check_pages(struct db *db, size_t table, const char **name_out, void (*each)(void *arg, struct span words, bool is_index), void *arg)
{
	static const struct {
		const char *name, *sql;
	} tables[] = {
		{ "account", "PRAGMA integrity_check('account')" },
		{ "mailbox", "PRAGMA integrity_check('mailbox')" },
		{ "message", "PRAGMA integrity_check('message')" },
		{ "meta", "PRAGMA integrity_check('meta')" },
		{ "expunged", "PRAGMA integrity_check('expunged')" },
		{ "ledger", "PRAGMA integrity_check('ledger')" },
		{ "subscription", "PRAGMA integrity_check('subscription')" },
		{ "keyword", "PRAGMA integrity_check('keyword')" },
		{ "thread_key", "PRAGMA integrity_check('thread_key')" },
		{ "url_key", "PRAGMA integrity_check('url_key')" },
		{ "seen", "PRAGMA integrity_check('seen')" },
		{ "annotation", "PRAGMA integrity_check('annotation')" },
	};
	struct sqlite3_stmt *s;
	size_t at;
	enum err e;

	if (table >= sizeof(tables) / sizeof(*tables))
		return ERR_NOT_FOUND;
	*name_out = tables[table].name;
	s = db_stmt(db, tables[table].sql);
	while (!(e = stmt_row(db, s))) {
		struct span text = stmt_get_bytes(s, 0);

		if (!span_equals(text, SPAN("ok")))
			each(arg, text, span_find(text, SPAN(" index "), &at));
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- all at once ---- */

struct first {
	struct note *why;
	bool found;
};

/* Keys of what is not there any more may be left: release 0001 does not know of them. */
static bool first_row(void *arg, const struct mail_checked *row)
{
	struct first *f = arg;

	for (unsigned i = 0; i < MAIL_FAULT_COUNT && !f->found; i++) {
		if (!(row->faults & BIT(i)) || i == MAIL_KEY_LEFT)
			continue;
		note_set(f->why, "%s (%lld)", words[i], (long long)(row->uid ? row->uid : row->content));
		f->found = true;
	}
	return !f->found;
}

static bool first_mailbox(void *arg, uint64_t mailbox, enum mail_fault fault)
{
	struct first *f = arg;

	note_set(f->why, "%s (%lld)", words[fault], (long long)mailbox);
	f->found = true;
	return false;
}

static enum err check_counters(struct db *db, struct first *f)
{
	static const char sql[] = "SELECT mailbox.id FROM mailbox LEFT JOIN (SELECT message.mailbox AS id, count(*) AS messages, sum(flags & 1 = 0) AS unseen,"
				  " sum(flags & 8 <> 0) AS deleted, sum(meta.size) AS size FROM message JOIN meta ON meta.id = message.content GROUP BY message.mailbox) AS real"
				  " ON real.id = mailbox.id WHERE mailbox.messages <> ifnull(real.messages, 0) OR mailbox.unseen <> ifnull(real.unseen, 0)"
				  " OR mailbox.deleted <> ifnull(real.deleted, 0) OR mailbox.size <> ifnull(real.size, 0) LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	(void)first_mailbox(f, (uint64_t)stmt_get_int(s, 0), MAIL_COUNTERS);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mail_check(struct db *db, struct note *why)
{
	struct first f = { why, false };
	enum err e = ERR_OK;

	for (int walk = 0; walk < MAIL_WALK_COUNT && !e; walk++) {
		struct mail_place from = mail_place_first, to;

		while (!(e = db_mail_walk_next(db, (enum mail_walk)walk, &from, INT32_MAX, &to))) {
			e = db_mail_walk(db, (enum mail_walk)walk, &from, &to, false, first_row, &f);
			if (e)
				break;
			from = to;
		}
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	}
	if (!e)
		e = db_mail_check_mailboxes(db, first_mailbox, &f);
	if (!e)
		e = check_counters(db, &f);
	if (e && !f.found)
		db_explain(db, why);
	return f.found ? ERR_CORRUPT : e;
}

enum err db_mail_check_files(struct db *db, bool (*each)(void *arg, struct span file, uint64_t size), void *arg)
{
	static const char sql[] = "SELECT file, body_size FROM meta WHERE file IS NOT NULL";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while (!(e = stmt_row(db, s))) {
		if (!each(arg, stmt_get_bytes(s, 0), (uint64_t)stmt_get_int(s, 1))) {
			stmt_reset(s);
			return ERR_CORRUPT;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
