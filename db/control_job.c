/* db/control_job.c: control.db: the tables job and job_item. */
#include "db/control_job.h"

#include "db/stmt.h"

#define COLUMNS "SELECT id, operation, account_id, actor, state, created_ms, finished_ms, total, done, failed, detail, token_id FROM job "

static struct db_job row_of(struct sqlite3_stmt *s)
{
	return (struct db_job){
		.id = (uint64_t)stmt_get_int(s, 0),
		.operation = stmt_get_bytes(s, 1),
		.account_id = (uint64_t)stmt_get_int(s, 2),
		.actor = stmt_get_bytes(s, 3),
		.state = stmt_get_int(s, 4),
		.created_ms = stmt_get_int(s, 5),
		.finished_ms = stmt_get_int(s, 6),
		.total = (uint64_t)stmt_get_int(s, 7),
		.done = (uint64_t)stmt_get_int(s, 8),
		.failed = (uint64_t)stmt_get_int(s, 9),
		.detail = stmt_get_bytes(s, 10),
		.token_id = (uint64_t)stmt_get_int(s, 11),
	};
}

enum err db_job_add(struct db *db, const struct db_job *job, uint64_t *id_out)
{
	static const char sql[] = "INSERT INTO job (operation, account_id, actor, state, created_ms, finished_ms, total, done, failed, detail, token_id) "
				  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_text(s, 1, job->operation);
	stmt_int(s, 2, (int64_t)job->account_id);
	stmt_text(s, 3, job->actor);
	stmt_int(s, 4, job->state);
	stmt_int(s, 5, job->created_ms);
	stmt_int(s, 6, job->finished_ms);
	stmt_int(s, 7, (int64_t)job->total);
	stmt_int(s, 8, (int64_t)job->done);
	stmt_int(s, 9, (int64_t)job->failed);
	stmt_text(s, 10, job->detail);
	stmt_int(s, 11, (int64_t)job->token_id);
	e = stmt_run(db, s);
	*id_out = e ? 0 : (uint64_t)db_last_rowid(db);
	return e;
}

enum err db_job_update(struct db *db, const struct db_job *job)
{
	static const char sql[] = "UPDATE job SET state = ?2, finished_ms = ?3, total = ?4, done = ?5, failed = ?6, detail = ?7 WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)job->id);
	stmt_int(s, 2, job->state);
	stmt_int(s, 3, job->finished_ms);
	stmt_int(s, 4, (int64_t)job->total);
	stmt_int(s, 5, (int64_t)job->done);
	stmt_int(s, 6, (int64_t)job->failed);
	stmt_text(s, 7, job->detail);
	e = stmt_run(db, s);
	if (e)
		return e;
	return db_changes(db) ? ERR_OK : ERR_NOT_FOUND;
}

enum err db_job_find(struct db *db, uint64_t id, enum err (*row)(void *arg, const struct db_job *job), void *arg)
{
	static const char sql[] = COLUMNS "WHERE id = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)id);
	e = stmt_row(db, s);
	if (e == ERR_OK) {
		struct db_job job = row_of(s);

		e = row(arg, &job);
		stmt_reset(s);
	}
	return e;
}

enum err db_job_each(struct db *db, const struct db_job_filter *f, uint64_t before_id, uint64_t limit, enum err (*row)(void *arg, const struct db_job *job), void *arg)
{
	static const char sql[] = COLUMNS "WHERE id < ?1 AND (?2 OR account_id = ?3) AND (?6 = 0 OR token_id = ?6) AND (?4 < 0 OR state = ?4) ORDER BY id DESC LIMIT ?5";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, before_id ? (int64_t)before_id : INT64_MAX);
	stmt_int(s, 2, !f->of_account);
	stmt_int(s, 3, (int64_t)f->account_id);
	stmt_int(s, 4, f->state);
	stmt_int(s, 5, (int64_t)limit);
	stmt_int(s, 6, (int64_t)f->token_id);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_job job = row_of(s);

		e = row(arg, &job);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_job_end_open(struct db *db, int64_t state, int64_t now_ms, struct span detail)
{
	static const char sql[] = "UPDATE job SET state = ?1, finished_ms = ?2, detail = ?3 WHERE state IN (0, 1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, state);
	stmt_int(s, 2, now_ms);
	stmt_text(s, 3, detail);
	return stmt_run(db, s);
}

enum err db_job_trim(struct db *db, uint64_t keep)
{
	static const char sql[] = "DELETE FROM job WHERE id = (SELECT id FROM job WHERE state > 1 ORDER BY id LIMIT 1) AND (SELECT count(*) FROM job WHERE state > 1) > ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)keep);
	return stmt_run(db, s);
}

enum err db_job_item_add(struct db *db, uint64_t job, const struct db_job_item *item)
{
	static const char sql[] = "INSERT INTO job_item (job, n, subject, status, code, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)job);
	stmt_int(s, 2, (int64_t)item->n);
	stmt_text(s, 3, item->subject);
	stmt_int(s, 4, item->status);
	stmt_text(s, 5, item->code);
	stmt_text(s, 6, item->detail);
	return stmt_run(db, s);
}

enum err db_job_item_each(struct db *db, uint64_t job, uint64_t after_n, uint64_t limit, bool failed_only, enum err (*row)(void *arg, const struct db_job_item *item), void *arg)
{
	static const char sql[] = "SELECT n, subject, status, code, detail FROM job_item WHERE job = ?1 AND n > ?2 AND status >= ?3 ORDER BY n LIMIT ?4";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)job);
	stmt_int(s, 2, (int64_t)after_n);
	stmt_int(s, 3, failed_only ? 400 : 0);
	stmt_int(s, 4, (int64_t)limit);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_job_item item = { (uint64_t)stmt_get_int(s, 0), stmt_get_int(s, 2), stmt_get_bytes(s, 1), stmt_get_bytes(s, 3), stmt_get_bytes(s, 4) };

		e = row(arg, &item);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
