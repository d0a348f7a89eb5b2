/* db/control_account.c: control.db: the tables account and account_grant. */
#include "db/control_account.h"

#include "db/stmt.h"

#define ALIASES_MAX ((size_t)256 << 20) /* that one account can be a target of */

static enum err changed_one(struct db *db, struct sqlite3_stmt *s)
{
	enum err e = stmt_run(db, s);

	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

/* Two columns: what release 0001 knows of, and what it does not. */
static void bind_role(struct sqlite3_stmt *s, int at, int role)
{
	stmt_int(s, at, role == 1);
	stmt_int(s, at + 1, role == 1 ? 0 : role);
}

enum err db_account_add(struct db *db, const struct db_account *row, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO account (key, address, domain, password_hash, role, duty, suspended, created_ms, kind) "
				  "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE NOT EXISTS (SELECT 1 FROM alias WHERE key = ?1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, row->key);
	stmt_text(s, 2, row->address);
	stmt_text(s, 3, row->domain);
	stmt_text(s, 4, row->password_hash);
	bind_role(s, 5, row->role);
	stmt_int(s, 7, row->suspended);
	stmt_int(s, 8, row->created_ms);
	stmt_int(s, 9, row->is_shared);
	e = changed_one(db, s);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_EXISTS : e;
	*id_out = (uint64_t)db_last_rowid(db);
	return ERR_OK;
}

/* The table of the last ids has a row for `account` only once there was one (https://www.sqlite.org/autoinc.html). */
enum err db_account_skip_ids(struct db *db, uint64_t last, bool *raised_out)
{
	static const char raise[] = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'account' AND seq < ?1";
	static const char first[] = "INSERT INTO sqlite_sequence (name, seq) SELECT 'account', ?1 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'account')";
	struct sqlite3_stmt *s = db_stmt(db, raise);
	enum err e;

	stmt_int(s, 1, (int64_t)last);
	e = stmt_run(db, s);
	*raised_out = !e && db_changes(db) > 0;
	if (e || *raised_out)
		return e;
	s = db_stmt(db, first);
	stmt_int(s, 1, (int64_t)last);
	e = stmt_run(db, s);
	*raised_out = !e && db_changes(db) > 0;
	return e;
}

enum err db_account_set_password(struct db *db, uint64_t id, struct span password_hash)
{
	static const char sql[] = "UPDATE account SET password_hash = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_text(s, 2, password_hash);
	return changed_one(db, s);
}

static enum err read_text(struct db *db, struct sqlite3_stmt *s, uint64_t id, struct buf *out)
{
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_row(db, s);
	if (e)
		return e;
	buf_add(out, stmt_get_bytes(s, 0));
	stmt_reset(s);
	return out->failed ? ERR_LIMIT : ERR_OK;
}

enum err db_account_get_password(struct db *db, uint64_t id, struct buf *out)
{
	static const char sql[] = "SELECT password_hash FROM account WHERE id = ?1";

	return read_text(db, db_stmt(db, sql), id, out);
}

enum err db_account_is_shared(struct db *db, uint64_t id, bool *out)
{
	static const char sql[] = "SELECT kind FROM account WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = stmt_get_int(s, 0) != 0;
	stmt_reset(s);
	return ERR_OK;
}

enum err db_account_get_key(struct db *db, uint64_t id, struct buf *out)
{
	static const char sql[] = "SELECT key FROM account WHERE id = ?1";

	return read_text(db, db_stmt(db, sql), id, out);
}

enum err db_account_set_name(struct db *db, uint64_t id, struct span name)
{
	static const char sql[] = "UPDATE account SET name = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_text(s, 2, name);
	return changed_one(db, s);
}

enum err db_account_set_role(struct db *db, uint64_t id, int role)
{
	static const char sql[] = "UPDATE account SET role = ?2, duty = ?3 WHERE id = ?1";
	static const char grants[] = "DELETE FROM account_grant WHERE account_id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	bind_role(s, 2, role);
	e = changed_one(db, s);
	if (e)
		return e;
	s = db_stmt(db, grants);
	stmt_int(s, 1, (int64_t)id);
	return stmt_run(db, s);
}

enum err db_account_grant(struct db *db, uint64_t id, struct span domain)
{
	static const char sql[] = "INSERT OR IGNORE INTO account_grant (account_id, domain) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_text(s, 2, domain);
	return stmt_run(db, s);
}

enum err db_account_set_suspended(struct db *db, uint64_t id, bool suspended)
{
	static const char sql[] = "UPDATE account SET suspended = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, suspended);
	return changed_one(db, s);
}

enum err db_account_set_limits(struct db *db, uint64_t id, int32_t hour, int32_t day, int32_t fresh)
{
	static const char sql[] = "UPDATE account SET send_hour = ?2, send_day = ?3, send_new = ?4 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, hour);
	stmt_int(s, 3, day);
	stmt_int(s, 4, fresh);
	return changed_one(db, s);
}

enum err db_account_set_quota(struct db *db, uint64_t id, int64_t bytes, int64_t messages)
{
	static const char sql[] = "UPDATE account SET quota_bytes = ?2, quota_messages = ?3 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, bytes);
	stmt_int(s, 3, messages);
	return changed_one(db, s);
}

enum err db_account_set_imap_off(struct db *db, uint64_t id, struct span names)
{
	static const char sql[] = "UPDATE account SET imap_off = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_text(s, 2, names);
	return changed_one(db, s);
}

enum err db_account_set_protocols_off(struct db *db, uint64_t id, unsigned protocols)
{
	static const char sql[] = "UPDATE account SET protocols_off = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, protocols);
	return changed_one(db, s);
}

enum err db_account_set_forward_keep(struct db *db, uint64_t id, bool keep)
{
	static const char sql[] = "UPDATE account SET forward_keep = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, keep);
	return changed_one(db, s);
}

static enum err remove_if_empty(struct db *db, struct span alias)
{
	static const char sql[] = "DELETE FROM alias WHERE key = ?1 AND NOT EXISTS (SELECT 1 FROM alias_target WHERE alias = ?1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_text(s, 1, alias);
	return stmt_run(db, s);
}

/* A target means the account by its very name (which may look like a subaddress), or by a subaddress that is no name of its own.
 * The aliases that had one go to `aliases`, each followed by NUL, which no key holds. */
static enum err remove_targets(struct db *db, uint64_t id, struct buf *aliases)
{
	static const char sql[] = "DELETE FROM alias_target WHERE key = (SELECT key FROM account WHERE id = ?1) OR (base_key = (SELECT key FROM account WHERE id = ?1) AND "
				  "key NOT IN (SELECT key FROM account) AND key NOT IN (SELECT key FROM alias)) RETURNING alias";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		buf_add(aliases, stmt_get_bytes(s, 0));
		buf_add_char(aliases, '\0');
	}
	if (e != ERR_NOT_FOUND)
		return e;
	return aliases->failed ? ERR_LIMIT : ERR_OK;
}

static enum err remove_meanings(struct db *db, uint64_t id)
{
	struct buf aliases;
	struct span rest, alias;
	enum err e;

	buf_init(&aliases, ALIASES_MAX);
	e = remove_targets(db, id, &aliases);
	rest = buf_span(&aliases);
	while (!e && rest.len > 0 && span_split(&rest, '\0', &alias))
		e = remove_if_empty(db, alias);
	buf_clear(&aliases);
	return e;
}

/* As with the targets of aliases. Whose mail went on to nobody else gets it from now on. */
static enum err remove_forwards(struct db *db, uint64_t id)
{
	static const char sql[] = "DELETE FROM forward WHERE key = (SELECT key FROM account WHERE id = ?1) OR (base_key = (SELECT key FROM account WHERE id = ?1) AND "
				  "key NOT IN (SELECT key FROM account) AND key NOT IN (SELECT key FROM alias))";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	return stmt_run(db, s);
}

enum err db_account_remove(struct db *db, uint64_t id)
{
	static const char sql[] = "DELETE FROM account WHERE id = ?1";
	struct sqlite3_stmt *s;
	enum err e = remove_meanings(db, id);

	if (!e)
		e = remove_forwards(db, id);
	if (e)
		return e;
	s = db_stmt(db, sql);
	stmt_int(s, 1, (int64_t)id);
	return changed_one(db, s);
}

enum err db_account_count_owners(struct db *db, int64_t *out)
{
	static const char sql[] = "SELECT count(*) FROM account JOIN domain ON domain.name = account.domain WHERE role = 1 AND NOT suspended AND state = 0";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_account_each(struct db *db, enum err (*row)(void *arg, const struct db_account *a), void *arg)
{
	static const char sql[] = "SELECT id, key, address, domain, CASE role WHEN 1 THEN 1 ELSE duty END, suspended, created_ms, name, forward_keep, send_hour, send_day, send_new, "
				  "quota_bytes, quota_messages, imap_off, kind, protocols_off FROM account ORDER BY id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_account a = {
			.id = (uint64_t)stmt_get_int(s, 0),
			.key = stmt_get_bytes(s, 1),
			.address = stmt_get_bytes(s, 2),
			.domain = stmt_get_bytes(s, 3),
			.role = (int)stmt_get_int(s, 4),
			.suspended = stmt_get_int(s, 5) != 0,
			.created_ms = stmt_get_int(s, 6),
			.name = stmt_get_bytes(s, 7),
			.forward_keep = stmt_get_int(s, 8) != 0,
			.send_hour = (int32_t)stmt_get_int(s, 9),
			.send_day = (int32_t)stmt_get_int(s, 10),
			.send_new = (int32_t)stmt_get_int(s, 11),
			.quota_bytes = stmt_get_int(s, 12),
			.quota_messages = stmt_get_int(s, 13),
			.imap_off = stmt_get_bytes(s, 14),
			.is_shared = stmt_get_int(s, 15) != 0,
			.protocols_off = (unsigned)stmt_get_int(s, 16),
		};

		e = row(arg, &a);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_account_grant_each(struct db *db, enum err (*row)(void *arg, uint64_t id, struct span domain), void *arg)
{
	static const char sql[] = "SELECT account_id, domain FROM account_grant ORDER BY account_id, domain";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	while ((e = stmt_row(db, s)) == ERR_OK) {
		e = row(arg, (uint64_t)stmt_get_int(s, 0), stmt_get_bytes(s, 1));
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
