/* db/relay_tls.c: relay.db: the tls_summary and tls_failure tables. */
#include "db/relay_tls.h"

#include "db/stmt.h"

enum err db_tls_add_summary(struct db *db, const struct db_tls_summary *row)
{
	static const char sql[] = "INSERT INTO tls_summary (day, domain, policy_type, policy, mx, successes, failures) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
				  "ON CONFLICT (day, domain, policy_type, policy) DO UPDATE SET mx = excluded.mx, successes = successes + excluded.successes, failures = failures + excluded.failures";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, row->day);
	stmt_text(s, 2, row->domain);
	stmt_text(s, 3, row->policy_type);
	stmt_text(s, 4, row->policy);
	stmt_text(s, 5, row->mx);
	stmt_int(s, 6, row->successes);
	stmt_int(s, 7, row->failures);
	return stmt_run(db, s);
}

enum err db_tls_add_failure(struct db *db, const struct db_tls_failure *row)
{
	static const char sql[] = "INSERT INTO tls_failure (day, domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
				  "ON CONFLICT (day, domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason) DO UPDATE SET count = count + excluded.count";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, row->day);
	stmt_text(s, 2, row->domain);
	stmt_text(s, 3, row->policy_type);
	stmt_text(s, 4, row->result_type);
	stmt_text(s, 5, row->sending_ip);
	stmt_text(s, 6, row->mx_host);
	stmt_text(s, 7, row->mx_ip);
	stmt_text(s, 8, row->reason);
	stmt_int(s, 9, row->count);
	return stmt_run(db, s);
}

static enum err trim(struct db *db, const char *sql, int64_t before_day, int64_t max, int64_t *removed)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, before_day);
	stmt_int(s, 2, max);
	e = stmt_run(db, s);
	if (e == ERR_OK)
		*removed += db_changes(db);
	return e;
}

enum err db_tls_trim(struct db *db, int64_t before_day, int64_t max, int64_t *removed_out)
{
	static const char summaries[] = "DELETE FROM tls_summary WHERE (day, domain, policy_type, policy) IN "
					"(SELECT day, domain, policy_type, policy FROM tls_summary WHERE day < ?1 LIMIT ?2)";
	static const char failures[] = "DELETE FROM tls_failure WHERE (day, domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason) IN "
				       "(SELECT day, domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason FROM tls_failure WHERE day < ?1 LIMIT ?2)";
	enum err e;

	*removed_out = 0;
	e = trim(db, summaries, before_day, max, removed_out);
	return e == ERR_OK ? trim(db, failures, before_day, max, removed_out) : e;
}

enum err db_tls_day(struct db *db, int64_t day, int64_t *out)
{
	static const char sql[] = "SELECT day FROM tls_summary WHERE day <= ?1 ORDER BY day DESC LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, day);
	e = stmt_row(db, s);
	if (e != ERR_OK)
		return e;
	*out = stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

#define SUMMARY "SELECT day, domain, policy_type, policy, mx, successes, failures FROM tls_summary WHERE day = ?1 "

enum err db_tls_each_summary(struct db *db, int64_t day, struct span domain, struct span after, bool (*each)(void *arg, const struct db_tls_summary *row), void *arg)
{
	static const char all[] = SUMMARY "AND domain > ?2 ORDER BY domain, policy_type, policy";
	static const char one[] = SUMMARY "AND domain = ?2 ORDER BY policy_type, policy";
	struct sqlite3_stmt *s = db_stmt(db, domain.len > 0 ? one : all);
	enum err e;

	stmt_int(s, 1, day);
	stmt_text(s, 2, domain.len > 0 ? domain : after);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		const struct db_tls_summary row = {
			.day = stmt_get_int(s, 0),
			.domain = stmt_get_bytes(s, 1),
			.policy_type = stmt_get_bytes(s, 2),
			.policy = stmt_get_bytes(s, 3),
			.mx = stmt_get_bytes(s, 4),
			.successes = stmt_get_int(s, 5),
			.failures = stmt_get_int(s, 6),
		};

		if (!each(arg, &row)) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_tls_each_failure(struct db *db, int64_t day, struct span domain, bool (*each)(void *arg, const struct db_tls_failure *row), void *arg)
{
	static const char sql[] = "SELECT day, domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason, count FROM tls_failure "
				  "WHERE day = ?1 AND domain = ?2 ORDER BY count DESC, policy_type, result_type, mx_host";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, day);
	stmt_text(s, 2, domain);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		const struct db_tls_failure row = {
			.day = stmt_get_int(s, 0),
			.domain = stmt_get_bytes(s, 1),
			.policy_type = stmt_get_bytes(s, 2),
			.result_type = stmt_get_bytes(s, 3),
			.sending_ip = stmt_get_bytes(s, 4),
			.mx_host = stmt_get_bytes(s, 5),
			.mx_ip = stmt_get_bytes(s, 6),
			.reason = stmt_get_bytes(s, 7),
			.count = stmt_get_int(s, 8),
		};

		if (!each(arg, &row)) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
