/* db/mail_account.c: the one row of `account`, the ledger, keywords and subscriptions. */
#include "db/mail_account.h"

#include "db/stmt.h"

static enum err get_number(struct db *db, struct sqlite3_stmt *s, uint64_t *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mail_account_modseq(struct db *db, uint64_t *modseq_out)
{
	static const char sql[] = "SELECT modseq FROM account WHERE id = 1";

	return get_number(db, db_stmt(db, sql), modseq_out);
}

enum err db_mail_account_content(struct db *db, uint64_t *content_out)
{
	static const char sql[] = "SELECT content FROM account WHERE id = 1";

	return get_number(db, db_stmt(db, sql), content_out);
}

enum err db_mail_account_create(struct db *db)
{
	static const char sql[] = "INSERT INTO account (id, modseq, content, uidvalidity) VALUES (1, 1, 0, 0)";

	return stmt_run(db, db_stmt(db, sql));
}

enum err db_mail_allot(struct db *db, uint64_t contents, uint64_t *modseq_out, uint64_t *first_content_out)
{
	static const char sql[] = "UPDATE account SET modseq = modseq + 1, content = content + ?1 WHERE id = 1 RETURNING modseq, content";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)contents);
	e = stmt_row(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	*modseq_out = (uint64_t)stmt_get_int(s, 0);
	if (first_content_out)
		*first_content_out = (uint64_t)stmt_get_int(s, 1) - contents + 1;
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mail_allot_uid_validity(struct db *db, uint32_t floor, uint32_t *out)
{
	static const char sql[] = "UPDATE account SET uidvalidity = max(uidvalidity + 1, ?1) WHERE id = 1 RETURNING uidvalidity";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	int64_t value;
	enum err e;

	stmt_int(s, 1, floor);
	e = stmt_row(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
	value = stmt_get_int(s, 0);
	stmt_reset(s);
	if (value <= 0 || value > UINT32_MAX)
		return ERR_LIMIT;
	*out = (uint32_t)value;
	return ERR_OK;
}

enum err db_mail_leap(struct db *db, uint64_t modseqs, uint64_t ids, uint64_t *modseq_out)
{
	static const char mailboxes[] = "UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'mailbox'";
	static const char sql[] = "UPDATE account SET modseq = modseq + ?1, content = content + ?2 WHERE id = 1 RETURNING modseq";
	struct sqlite3_stmt *s = db_stmt(db, mailboxes);
	enum err e;

	stmt_int(s, 1, (int64_t)ids);
	e = stmt_run(db, s);
	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, (int64_t)modseqs);
	stmt_int(s, 2, (int64_t)ids);
	e = get_number(db, s, modseq_out);
	return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

static struct span id_span(const uint8_t queue_id[16])
{
	return span_make((const char *)queue_id, 16);
}

enum err db_mail_ledger_add(struct db *db, const uint8_t queue_id[16], int64_t now_ms, bool *new_out)
{
	static const char sql[] = "INSERT OR IGNORE INTO ledger (queue_id, at_ms) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_blob(s, 1, id_span(queue_id));
	stmt_int(s, 2, now_ms);
	e = stmt_run(db, s);
	if (!e)
		*new_out = db_changes(db) == 1;
	return e;
}

enum err db_mail_ledger_remove(struct db *db, const uint8_t queue_id[16])
{
	static const char sql[] = "DELETE FROM ledger WHERE queue_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, id_span(queue_id));
	return stmt_run(db, s);
}

enum err db_mail_ledger_each(struct db *db, bool (*each)(void *arg, const uint8_t queue_id[16]), void *arg)
{
	static const char sql[] = "SELECT queue_id FROM ledger";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while (!(e = stmt_row(db, s))) {
		struct span id = stmt_get_bytes(s, 0);

		if (id.len != 16)
			e = ERR_CORRUPT;
		else if (!each(arg, (const uint8_t *)id.ptr))
			e = ERR_TEMP;
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_mail_keyword_find(struct db *db, struct span name, unsigned *bit_out)
{
	static const char sql[] = "SELECT bit FROM keyword WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (e)
		return e;
	*bit_out = (unsigned)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_mail_keyword_add(struct db *db, struct span name, unsigned max, unsigned *bit_out)
{
	static const char count[] = "SELECT count(*) FROM keyword";
	static const char sql[] = "INSERT INTO keyword (bit, name) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, count);
	enum err e = stmt_row(db, s);
	int64_t taken;

	if (e)
		return e;
	taken = stmt_get_int(s, 0);
	stmt_reset(s);
	if (taken >= max)
		return ERR_LIMIT;
	s = db_stmt(db, sql);
	stmt_int(s, 1, taken);
	stmt_text(s, 2, name);
	e = stmt_run(db, s);
	if (!e)
		*bit_out = (unsigned)taken;
	return e;
}

enum err db_mail_keyword_each(struct db *db, bool (*each)(void *arg, unsigned bit, struct span name), void *arg)
{
	static const char sql[] = "SELECT bit, name FROM keyword ORDER BY bit";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while (!(e = stmt_row(db, s))) {
		if (!each(arg, (unsigned)stmt_get_int(s, 0), stmt_get_bytes(s, 1))) {
			stmt_reset(s);
			return ERR_TEMP;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_mail_is_subscribed(struct db *db, struct span name, bool *out)
{
	static const char sql[] = "SELECT 1 FROM subscription WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, name);
	e = stmt_row(db, s);
	if (!e)
		stmt_reset(s);
	*out = !e;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_mail_subscribe(struct db *db, struct span name, unsigned max)
{
	static const char sql[] = "INSERT OR IGNORE INTO subscription (name) SELECT ?1 WHERE (SELECT count(*) FROM subscription) < ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	bool there;
	enum err e;

	stmt_text(s, 1, name);
	stmt_int(s, 2, max);
	e = stmt_run(db, s);
	if (e || db_changes(db) == 1)
		return e;
	e = db_mail_is_subscribed(db, name, &there);
	return !e && !there ? ERR_LIMIT : e;
}

enum err db_mail_unsubscribe(struct db *db, struct span name)
{
	static const char sql[] = "DELETE FROM subscription WHERE name = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, name);
	return stmt_run(db, s);
}

enum err db_mail_subscription_each(struct db *db, bool (*each)(void *arg, struct span name), void *arg)
{
	static const char sql[] = "SELECT name FROM subscription ORDER BY name";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while (!(e = stmt_row(db, s))) {
		if (!each(arg, stmt_get_bytes(s, 0))) {
			stmt_reset(s);
			return ERR_TEMP;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void db_mail_shrink(struct db *db)
{
	struct note why;

	/* It cannot fail in a way that matters: what is not released now is released at close. */
	if (db_run_script(db, "PRAGMA shrink_memory", &why))
		return;
}
