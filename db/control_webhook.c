/* db/control_webhook.c: control.db: the webhook tables. */
#include "db/control_webhook.h"

#include "db/stmt.h"

static enum err changed(struct db *db, struct sqlite3_stmt *s)
{
	enum err e = stmt_run(db, s);

	return e ? e : db_changes(db) ? ERR_OK
				      : ERR_NOT_FOUND;
}

enum err db_webhook_add(struct db *db, const struct db_webhook *w, int64_t max, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO webhook (url, types, enabled, secret_sealed, old_secret_sealed, created_ms, last_event)"
				  " SELECT ?1, ?2, ?3, x'', x'', ?4, ?5 WHERE (SELECT count(*) FROM webhook) < ?6";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, w->url);
	stmt_text(s, 2, w->types);
	stmt_int(s, 3, w->enabled);
	stmt_int(s, 4, w->created_ms);
	stmt_int(s, 5, (int64_t)w->last_event);
	stmt_int(s, 6, max);
	e = changed(db, s);
	*id_out = (uint64_t)db_last_rowid(db);
	return e == ERR_NOT_FOUND ? ERR_LIMIT : e;
}

enum err db_webhook_set(struct db *db, uint64_t id, struct span url, struct span types, bool enabled)
{
	static const char sql[] = "UPDATE webhook SET url = ?2, types = ?3, enabled = ?4 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_text(s, 2, url);
	stmt_text(s, 3, types);
	stmt_int(s, 4, enabled);
	return changed(db, s);
}

enum err db_webhook_set_secrets(struct db *db, uint64_t id, struct span secret_sealed, struct span old_secret_sealed)
{
	static const char sql[] = "UPDATE webhook SET secret_sealed = ?2, old_secret_sealed = ?3 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_blob(s, 2, secret_sealed);
	stmt_blob(s, 3, old_secret_sealed);
	return changed(db, s);
}

enum err db_webhook_set_failing(struct db *db, uint64_t id, bool failing)
{
	static const char sql[] = "UPDATE webhook SET failing = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, failing);
	return changed(db, s);
}

enum err db_webhook_set_last_event(struct db *db, uint64_t id, uint64_t last_event)
{
	static const char sql[] = "UPDATE webhook SET last_event = ?2 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	stmt_int(s, 2, (int64_t)last_event);
	return changed(db, s);
}

enum err db_webhook_remove(struct db *db, uint64_t id)
{
	static const char sql[] = "DELETE FROM webhook WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)id);
	return changed(db, s);
}

enum err db_webhook_each(struct db *db, uint64_t after_id, int64_t max, enum err (*row)(void *arg, const struct db_webhook *w), void *arg)
{
	static const char sql[] = "SELECT id, url, types, secret_sealed, old_secret_sealed, enabled, failing, created_ms, last_event FROM webhook WHERE id > ?1 ORDER BY id LIMIT ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)after_id);
	stmt_int(s, 2, max);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_webhook w = {
			.id = (uint64_t)stmt_get_int(s, 0),
			.url = stmt_get_bytes(s, 1),
			.types = stmt_get_bytes(s, 2),
			.secret_sealed = stmt_get_bytes(s, 3),
			.old_secret_sealed = stmt_get_bytes(s, 4),
			.enabled = stmt_get_int(s, 5) != 0,
			.failing = stmt_get_int(s, 6) != 0,
			.created_ms = stmt_get_int(s, 7),
			.last_event = (uint64_t)stmt_get_int(s, 8),
		};

		e = row(arg, &w);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_delivery_add(struct db *db, const struct db_delivery *d, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO webhook_delivery (webhook, event, subject, type, payload, state, attempts, next_ms, last_ms, last_status, last_error)"
				  " VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, 0, 0, '')";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)d->webhook);
	stmt_int(s, 2, (int64_t)d->event);
	stmt_text(s, 3, d->subject);
	stmt_text(s, 4, d->type);
	stmt_text(s, 5, d->payload);
	stmt_int(s, 6, d->next_ms);
	e = stmt_run(db, s);
	*id_out = (uint64_t)db_last_rowid(db);
	return e;
}

enum err db_delivery_update(struct db *db, const struct db_delivery *d)
{
	static const char sql[] = "UPDATE webhook_delivery SET state = ?2, attempts = ?3, next_ms = ?4, last_ms = ?5, last_status = ?6, last_error = ?7 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)d->id);
	stmt_int(s, 2, d->state);
	stmt_int(s, 3, d->attempts);
	stmt_int(s, 4, d->next_ms);
	stmt_int(s, 5, d->last_ms);
	stmt_int(s, 6, d->last_status);
	stmt_text(s, 7, d->last_error);
	return stmt_run(db, s);
}

enum err db_delivery_again(struct db *db, uint64_t webhook, uint64_t id, int64_t now_ms)
{
	static const char sql[] = "UPDATE webhook_delivery SET state = 0, attempts = 0, next_ms = ?3 WHERE id = ?2 AND webhook = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)webhook);
	stmt_int(s, 2, (int64_t)id);
	stmt_int(s, 3, now_ms);
	return changed(db, s);
}

#define COLUMNS "d.id, d.webhook, d.event, d.subject, d.type, d.last_error, d.state, d.attempts, d.next_ms, d.last_ms, d.last_status"

static enum err each(struct db *db, struct sqlite3_stmt *s, bool with_payload, enum err (*row)(void *arg, const struct db_delivery *d), void *arg, size_t *count_out)
{
	enum err e;

	*count_out = 0;
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_delivery d = {
			.id = (uint64_t)stmt_get_int(s, 0),
			.webhook = (uint64_t)stmt_get_int(s, 1),
			.event = (uint64_t)stmt_get_int(s, 2),
			.subject = stmt_get_bytes(s, 3),
			.type = stmt_get_bytes(s, 4),
			.last_error = stmt_get_bytes(s, 5),
			.state = (int)stmt_get_int(s, 6),
			.attempts = (unsigned)stmt_get_int(s, 7),
			.next_ms = stmt_get_int(s, 8),
			.last_ms = stmt_get_int(s, 9),
			.last_status = (int)stmt_get_int(s, 10),
		};

		if (with_payload)
			d.payload = stmt_get_bytes(s, 11);
		(*count_out)++;
		e = row(arg, &d);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_delivery_due(struct db *db, uint64_t webhook, int64_t now_ms, int64_t max, enum err (*row)(void *arg, const struct db_delivery *d), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS ", d.payload FROM webhook_delivery d WHERE d.webhook = ?1 AND d.state = 0 AND d.next_ms <= ?2 AND NOT EXISTS"
				  " (SELECT 1 FROM webhook_delivery e WHERE e.webhook = d.webhook AND e.subject = d.subject AND e.state = 0 AND e.id < d.id) ORDER BY d.id LIMIT ?3";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	size_t count;

	stmt_int(s, 1, (int64_t)webhook);
	stmt_int(s, 2, now_ms);
	stmt_int(s, 3, max);
	return each(db, s, true, row, arg, &count);
}

enum err db_delivery_next(struct db *db, int64_t after_ms, int64_t *next_ms_out)
{
	static const char sql[] = "SELECT next_ms FROM webhook_delivery d WHERE state = 0 AND next_ms > ?1 AND (SELECT enabled FROM webhook w WHERE w.id = d.webhook) = 1 ORDER BY next_ms LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, after_ms);
	e = stmt_row(db, s);
	if (e)
		return e;
	*next_ms_out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_delivery_count_waiting(struct db *db, uint64_t webhook, int64_t max, int64_t *count_out)
{
	static const char sql[] = "SELECT count(*) FROM (SELECT 1 FROM webhook_delivery WHERE webhook = ?1 AND state = 0 LIMIT ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)webhook);
	stmt_int(s, 2, max);
	e = stmt_row(db, s);
	if (e)
		return e;
	*count_out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_delivery_each(struct db *db, uint64_t webhook, int state, uint64_t before_id, int64_t max, enum err (*row)(void *arg, const struct db_delivery *d), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS " FROM webhook_delivery d WHERE d.webhook = ?1 AND d.id < ?2 AND (?3 < 0 OR d.state = ?3) ORDER BY d.id DESC LIMIT ?4";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	size_t count;

	stmt_int(s, 1, (int64_t)webhook);
	stmt_int(s, 2, before_id ? (int64_t)before_id : INT64_MAX);
	stmt_int(s, 3, state);
	stmt_int(s, 4, max);
	return each(db, s, false, row, arg, &count);
}

enum err db_delivery_find(struct db *db, uint64_t webhook, uint64_t id, enum err (*row)(void *arg, const struct db_delivery *d), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS " FROM webhook_delivery d WHERE d.id = ?2 AND d.webhook = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	size_t count;
	enum err e;

	stmt_int(s, 1, (int64_t)webhook);
	stmt_int(s, 2, (int64_t)id);
	e = each(db, s, false, row, arg, &count);
	return e ? e : count ? ERR_OK
			     : ERR_NOT_FOUND;
}

enum err db_delivery_trim(struct db *db, int64_t before_ms, int64_t keep, int64_t max, int64_t *removed_out)
{
	static const char old[] = "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery WHERE state <> 0 AND last_ms < ?1 ORDER BY id LIMIT ?2)",
			  many[] = "DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook w JOIN webhook_delivery d ON d.webhook = w.id"
				   " WHERE d.state <> 0 AND d.id < (SELECT id FROM webhook_delivery k WHERE k.webhook = w.id ORDER BY id DESC LIMIT 1 OFFSET ?1) LIMIT ?2)";
	struct sqlite3_stmt *s = db_stmt(db, old);
	enum err e;

	stmt_int(s, 1, before_ms);
	stmt_int(s, 2, max);
	e = stmt_run(db, s);
	if (e)
		return e;
	*removed_out = db_changes(db);
	s = db_stmt(db, many);
	stmt_int(s, 1, keep);
	stmt_int(s, 2, max);
	e = stmt_run(db, s);
	if (!e)
		*removed_out += db_changes(db);
	return e;
}
