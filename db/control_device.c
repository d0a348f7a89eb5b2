/* db/control_device.c: control.db: the known_device table. */
#include "db/control_device.h"

#include "db/stmt.h"

enum err db_device_get(struct db *db, uint64_t account_id, struct span network, struct db_device *out)
{
	static const char sql[] = "SELECT first_ms, seen_ms, protocols FROM known_device WHERE account_id = ?1 AND network = ?2";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	stmt_text(s, 2, network);
	e = stmt_row(db, s);
	if (e)
		return e;
	*out = (struct db_device){
		.account_id = account_id,
		.first_ms = stmt_get_int(s, 0),
		.seen_ms = stmt_get_int(s, 1),
		.protocols = (unsigned)stmt_get_int(s, 2),
	};
	stmt_reset(s);
	return ERR_OK;
}

static enum err make_room(struct db *db, uint64_t account_id, int64_t max)
{
	static const char sql[] = "DELETE FROM known_device WHERE account_id = ?1 AND network IN "
				  "(SELECT network FROM known_device WHERE account_id = ?1 ORDER BY seen_ms DESC LIMIT -1 OFFSET ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)account_id);
	stmt_int(s, 2, max);
	return stmt_run(db, s);
}

enum err db_device_put(struct db *db, const struct db_device *row, int64_t max)
{
	static const char sql[] = "INSERT INTO known_device (account_id, network, first_ms, seen_ms, protocols) SELECT ?1, ?2, ?3, ?4, ?5 "
				  "WHERE EXISTS (SELECT 1 FROM account WHERE id = ?1) ON CONFLICT (account_id, network) "
				  "DO UPDATE SET seen_ms = excluded.seen_ms, protocols = protocols | excluded.protocols";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)row->account_id);
	stmt_text(s, 2, row->network);
	stmt_int(s, 3, row->first_ms);
	stmt_int(s, 4, row->seen_ms);
	stmt_int(s, 5, row->protocols);
	e = stmt_run(db, s);
	return e ? e : make_room(db, row->account_id, max);
}

enum err db_device_each(struct db *db, uint64_t account_id, enum err (*row)(void *arg, const struct db_device *d), void *arg)
{
	static const char sql[] = "SELECT network, first_ms, seen_ms, protocols FROM known_device WHERE account_id = ?1 ORDER BY seen_ms DESC, network";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)account_id);
	while ((e = stmt_row(db, s)) == ERR_OK) {
		struct db_device d = {
			.account_id = account_id,
			.network = stmt_get_bytes(s, 0),
			.first_ms = stmt_get_int(s, 1),
			.seen_ms = stmt_get_int(s, 2),
			.protocols = (unsigned)stmt_get_int(s, 3),
		};

		e = row(arg, &d);
		if (e) {
			stmt_reset(s);
			return e;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_device_remove_old(struct db *db, int64_t before_ms)
{
	static const char sql[] = "DELETE FROM known_device WHERE seen_ms < ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, before_ms);
	return stmt_run(db, s);
}
