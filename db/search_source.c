/* db/search_source.c: reads mail.db, in the order in which its contents came. */
#include "db/search_source.h"

#include "db/stmt.h"

enum err db_source_each(struct db *db, uint64_t after, bool (*each)(void *arg, const struct db_source *source), void *arg)
{
	static const char sql[] = "SELECT meta.id, meta.parts, meta.file, meta.body_size, content.prefix, content.head, content.body"
				  " FROM meta CROSS JOIN content ON content.id = meta.id WHERE meta.id > ?1 ORDER BY meta.id";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)after);
	while (!(e = stmt_row(db, s))) {
		const struct db_source source = {
			.id = (uint64_t)stmt_get_int(s, 0),
			.parts = stmt_get_bytes(s, 1),
			.file = stmt_get_bytes(s, 2),
			.body_size = (uint64_t)stmt_get_int(s, 3),
			.prefix = stmt_get_bytes(s, 4),
			.head = stmt_get_bytes(s, 5),
			.body = stmt_get_bytes(s, 6),
		};

		if (!each(arg, &source)) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err number(struct db *db, struct sqlite3_stmt *s, uint64_t *out)
{
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_source_last(struct db *db, uint64_t *id_out)
{
	static const char sql[] = "SELECT ifnull(max(id), 0) FROM meta";

	return number(db, db_stmt(db, sql), id_out);
}

/* By the index of message rows, which is smaller than meta is. */
enum err db_source_count(struct db *db, uint64_t last, uint64_t *count_out)
{
	static const char sql[] = "SELECT count(*) FROM (SELECT DISTINCT content FROM message WHERE content <= ?1)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)last);
	return number(db, s, count_out);
}
