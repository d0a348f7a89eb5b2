/* db/mail_repair.c: what in mail.db is derived, made right again; and how people find what is not. */
#include "db/mail_repair.h"

#include <string.h>

#include "db/stmt.h"

/* Adds to *changed what the statement, with its one id, changed. */
static enum err run_on(struct db *db, const char *sql, uint64_t id, bool *changed)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_run(db, s);
	*changed |= !e && db_changes(db) > 0;
	return e;
}

enum err db_mail_repair_content(struct db *db, enum mail_fault fault, uint64_t content, bool *changed_out)
{
	static const char size[] = "UPDATE meta SET size = body_size + (SELECT length(prefix) + length(head) FROM content WHERE content.id = meta.id)"
				   " WHERE id = ?1 AND size <> body_size + (SELECT length(prefix) + length(head) FROM content WHERE content.id = meta.id)";
	static const char thread[] = "UPDATE meta SET thread = 0 WHERE id = ?1 AND thread >= id";

	*changed_out = false;
	return run_on(db, fault == MAIL_SIZE ? size : thread, content, changed_out);
}

enum err db_mail_drop_content(struct db *db, uint64_t content, bool *changed_out)
{
	static const char bytes[] = "DELETE FROM content WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE message.content = ?1)";
	static const char meta[] = "DELETE FROM meta WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM message WHERE message.content = ?1)";
	enum err e;

	*changed_out = false;
	e = run_on(db, bytes, content, changed_out);
	return e ? e : run_on(db, meta, content, changed_out);
}

enum err db_mail_repair_key(struct db *db, const struct mail_place *key, bool *changed_out)
{
	static const char left[] = "DELETE FROM thread_key WHERE key = ?1 AND content = ?2 AND NOT EXISTS (SELECT 1 FROM meta WHERE id = ?2)";
	static const char wrong[] = "UPDATE thread_key SET thread = (SELECT iif(thread, thread, id) FROM meta WHERE id = ?2) WHERE key = ?1 AND content = ?2"
				    " AND thread <> (SELECT iif(thread, thread, id) FROM meta WHERE id = ?2)";
	const char *const statements[] = { left, wrong };
	enum err e = ERR_OK;

	*changed_out = false;
	for (size_t i = 0; i < 2 && !e; i++) {
		struct sqlite3_stmt *s = db_stmt(db, statements[i]);

		stmt_int(s, 1, key->major);
		stmt_int(s, 2, key->minor);
		e = stmt_run(db, s);
		*changed_out |= !e && db_changes(db) > 0;
	}
	return e;
}

enum err db_mail_raise_mailbox(struct db *db, uint64_t mailbox, uint32_t uid, uint64_t modseq, bool *changed_out)
{
	static const char sql[] = "UPDATE mailbox SET uidnext = max(uidnext, ?2), modseq = max(modseq, ?3) WHERE id = ?1 AND (uidnext < ?2 OR modseq < ?3)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, (int64_t)uid + 1);
	stmt_int(s, 3, (int64_t)modseq);
	e = stmt_run(db, s);
	*changed_out = !e && db_changes(db) > 0;
	return e;
}

enum err db_mail_raise_account(struct db *db, bool *changed_out)
{
	static const char sql[] = "UPDATE account SET modseq = max(account.modseq, top.modseq), uidvalidity = max(account.uidvalidity, top.uidvalidity), content = max(account.content, top.content)"
				  " FROM (SELECT (SELECT ifnull(max(modseq), 0) FROM mailbox) AS modseq, (SELECT ifnull(max(uidvalidity), 0) FROM mailbox) AS uidvalidity,"
				  " (SELECT ifnull(max(id), 0) FROM meta) AS content) AS top"
				  " WHERE account.modseq < top.modseq OR account.uidvalidity < top.uidvalidity OR account.content < top.content";
	enum err e = stmt_run(db, db_stmt(db, sql));

	*changed_out = !e && db_changes(db) > 0;
	return e;
}

enum err db_mail_begin_log(struct db *db, uint64_t mailbox)
{
	static const char rows[] = "DELETE FROM expunged WHERE mailbox = ?1";
	static const char floor[] = "UPDATE mailbox SET expunged_rows = 0, expunged_floor = modseq WHERE id = ?1";
	bool changed = false;
	enum err e = run_on(db, rows, mailbox, &changed);

	return e ? e : run_on(db, floor, mailbox, &changed);
}

enum err db_mail_correct_counters(struct db *db, uint64_t mailbox, const struct mail_sum *missing)
{
	static const char sql[] = "UPDATE mailbox SET messages = messages + ?2, unseen = unseen + ?3, deleted = deleted + ?4, size = size + ?5 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, missing->messages);
	stmt_int(s, 3, missing->unseen);
	stmt_int(s, 4, missing->deleted);
	stmt_int(s, 5, missing->size);
	return stmt_run(db, s);
}

enum err db_mail_remove_left(struct db *db, uint64_t *rows_out)
{
	static const char expunged[] = "DELETE FROM expunged WHERE mailbox NOT IN (SELECT id FROM mailbox)";
	static const char url_key[] = "DELETE FROM url_key WHERE mailbox NOT IN (SELECT id FROM mailbox)";
	static const char annotation[] = "DELETE FROM annotation WHERE mailbox <> 0 AND mailbox NOT IN (SELECT id FROM mailbox)";
	static const char seen[] = "DELETE FROM seen WHERE NOT EXISTS (SELECT 1 FROM message WHERE message.mailbox = seen.mailbox AND message.uid = seen.uid)";
	const char *const statements[] = { expunged, url_key, annotation, seen };
	enum err e = ERR_OK;

	*rows_out = 0;
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements) && !e; i++) {
		e = stmt_run(db, db_stmt(db, statements[i]));
		*rows_out += e ? 0 : (uint64_t)db_changes(db);
	}
	return e;
}

enum err db_mail_reindex(struct db *db, const char *table)
{
	static const struct {
		const char *name, *sql;
	} tables[] = { { "mailbox", "REINDEX mailbox" }, { "message", "REINDEX message" }, { "meta", "REINDEX meta" }, { "keyword", "REINDEX keyword" }, { "seen", "REINDEX seen" } };

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (strcmp(tables[i].name, table) == 0)
			return stmt_run(db, db_stmt(db, tables[i].sql));
	return ERR_NOT_FOUND;
}

enum err db_mail_set_structure(struct db *db, uint64_t content, const struct mail_structure *structure)
{
	static const char sql[] = "UPDATE meta SET envelope = ?2, body_structure = ?3, body_text_structure = ?4, parts = ?5 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)content);
	stmt_blob(s, 2, structure->envelope);
	stmt_blob(s, 3, structure->body_structure);
	stmt_blob(s, 4, structure->body_text_structure);
	stmt_blob(s, 5, structure->parts);
	return stmt_run(db, s);
}

/* ---- for people ---- */

static enum err read_where(struct db *db, struct sqlite3_stmt *s, struct arena *a, struct mail_where *out)
{
	enum err e = stmt_row(db, s);

	*out = (struct mail_where){ .name = SPAN("") };
	if (e)
		return e;
	*out = (struct mail_where){ (uint64_t)stmt_get_int(s, 0), (uint32_t)stmt_get_int(s, 1), arena_copy(a, stmt_get_bytes(s, 2)), arena_copy(a, stmt_get_bytes(s, 3)), arena_copy(a, stmt_get_bytes(s, 4)) };
	stmt_reset(s);
	return ERR_OK;
}

#define WHERE_FROM "SELECT message.mailbox, uid, mailbox.name, meta.message_id, meta.subject FROM message LEFT JOIN mailbox ON mailbox.id = message.mailbox" \
		   " LEFT JOIN meta ON meta.id = message.content WHERE "

enum err db_mail_where(struct db *db, uint64_t content, struct arena *a, struct mail_where *out)
{
	static const char sql[] = WHERE_FROM "message.content = ?1 LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)content);
	return read_where(db, s, a, out);
}

enum err db_mail_where_uid(struct db *db, uint64_t mailbox, uint32_t uid, struct arena *a, struct mail_where *out)
{
	static const char sql[] = WHERE_FROM "message.mailbox = ?1 AND uid = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)mailbox);
	stmt_int(s, 2, uid);
	return read_where(db, s, a, out);
}

enum err db_mail_bytes(struct db *db, uint64_t content, struct arena *a, struct mail_bytes *out)
{
	static const char sql[] = "SELECT prefix, head, body, file, body_size FROM content JOIN meta USING (id) WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	*out = (struct mail_bytes){ .body_size = 0 };
	stmt_int(s, 1, (int64_t)content);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = (struct mail_bytes){ arena_copy(a, stmt_get_bytes(s, 0)), arena_copy(a, stmt_get_bytes(s, 1)), arena_copy(a, stmt_get_bytes(s, 2)), arena_copy(a, stmt_get_bytes(s, 3)), (uint64_t)stmt_get_int(s, 4) };
	stmt_reset(s);
	return a->failed ? ERR_LIMIT : ERR_OK;
}
