/* db/search_index.c: search.db. */
#include "db/search_index.h"

#include "db/stmt.h"

enum err db_search_state(struct db *db, struct db_search_state *out)
{
	static const char sql[] = "SELECT origin, epoch, indexed, contents, terms, vocabulary_bytes, fresh, posted, moves FROM state WHERE id = 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	out->origin = (uint64_t)stmt_get_int(s, 0);
	out->epoch = (uint64_t)stmt_get_int(s, 1);
	out->indexed = (uint64_t)stmt_get_int(s, 2);
	out->contents = (uint64_t)stmt_get_int(s, 3);
	out->terms = (uint64_t)stmt_get_int(s, 4);
	out->vocabulary_bytes = (uint64_t)stmt_get_int(s, 5);
	out->fresh = (uint64_t)stmt_get_int(s, 6);
	out->posted = (uint64_t)stmt_get_int(s, 7);
	out->moves = (uint64_t)stmt_get_int(s, 8);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_search_set_state(struct db *db, const struct db_search_state *state)
{
	static const char sql[] = "INSERT OR REPLACE INTO state (id, origin, epoch, indexed, contents, terms, vocabulary_bytes, fresh, posted, moves)"
				  " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)state->origin);
	stmt_int(s, 2, (int64_t)state->epoch);
	stmt_int(s, 3, (int64_t)state->indexed);
	stmt_int(s, 4, (int64_t)state->contents);
	stmt_int(s, 5, (int64_t)state->terms);
	stmt_int(s, 6, (int64_t)state->vocabulary_bytes);
	stmt_int(s, 7, (int64_t)state->fresh);
	stmt_int(s, 8, (int64_t)state->posted);
	stmt_int(s, 9, (int64_t)state->moves);
	return stmt_run(db, s);
}

enum err db_search_empty(struct db *db, const struct db_search_state *state)
{
	static const char terms[] = "DELETE FROM term", vocabulary[] = "DELETE FROM vocabulary", fresh[] = "DELETE FROM fresh", posting[] = "DELETE FROM posting";
	const char *const all[] = { terms, vocabulary, fresh, posting };
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < sizeof(all) / sizeof(*all); i++)
		e = stmt_run(db, db_stmt(db, all[i]));
	return e ? e : db_search_set_state(db, state);
}

enum err db_search_term_find(struct db *db, struct span key, uint64_t *id_out)
{
	static const char sql[] = "SELECT id FROM term WHERE key = ?1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_blob(s, 1, key);
	e = stmt_row(db, s);
	if (e)
		return e;
	*id_out = (uint64_t)stmt_get_int(s, 0);
	stmt_reset(s);
	return ERR_OK;
}

enum err db_search_term_add(struct db *db, struct span key, uint64_t id)
{
	static const char sql[] = "INSERT INTO term (key, id) VALUES (?1, ?2)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_blob(s, 1, key);
	stmt_int(s, 2, (int64_t)id);
	return stmt_run(db, s);
}

/* A number and bytes into a table of two columns. */
static enum err put(struct db *db, const char *sql, uint64_t number, struct span bytes)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)number);
	stmt_blob(s, 2, bytes);
	return stmt_run(db, s);
}

enum err db_search_vocabulary_put(struct db *db, uint64_t first, struct span words)
{
	static const char sql[] = "INSERT OR REPLACE INTO vocabulary (first, words) VALUES (?1, ?2)";

	return put(db, sql, first, words);
}

enum err db_search_vocabulary_last(struct db *db, uint64_t *first_out, struct span *words_out)
{
	static const char sql[] = "SELECT first, words FROM vocabulary ORDER BY first DESC LIMIT 1";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e = stmt_row(db, s);

	if (e)
		return e;
	*first_out = (uint64_t)stmt_get_int(s, 0);
	*words_out = stmt_get_bytes(s, 1);
	return ERR_OK;
}

static enum err each_row(struct db *db, const char *sql, uint64_t from, bool (*each)(void *arg, uint64_t number, struct span bytes), void *arg)
{
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)from);
	while (!(e = stmt_row(db, s))) {
		if (!each(arg, (uint64_t)stmt_get_int(s, 0), stmt_get_bytes(s, 1))) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_search_vocabulary_each(struct db *db, uint64_t from, bool (*each)(void *arg, uint64_t first, struct span words), void *arg)
{
	static const char sql[] = "SELECT first, words FROM vocabulary WHERE first >= ?1 ORDER BY first";

	return each_row(db, sql, from, each, arg);
}

enum err db_search_fresh_each(struct db *db, uint64_t from, bool (*each)(void *arg, uint64_t doc, struct span terms), void *arg)
{
	static const char sql[] = "SELECT doc, terms FROM fresh WHERE doc >= ?1 ORDER BY doc";

	return each_row(db, sql, from, each, arg);
}

enum err db_search_posting_each(struct db *db, uint64_t first, uint64_t last, bool (*each)(void *arg, uint64_t term, uint64_t base, struct span docs), void *arg)
{
	static const char sql[] = "SELECT term, base, docs FROM posting WHERE term BETWEEN ?1 AND ?2 ORDER BY term, base";
	struct sqlite3_stmt *s = db_stmt(db, sql);
	enum err e;

	stmt_int(s, 1, (int64_t)first);
	stmt_int(s, 2, (int64_t)last);
	while (!(e = stmt_row(db, s))) {
		if (!each(arg, (uint64_t)stmt_get_int(s, 0), (uint64_t)stmt_get_int(s, 1), stmt_get_bytes(s, 2))) {
			stmt_reset(s);
			return ERR_OK;
		}
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err db_search_fresh_add(struct db *db, uint64_t doc, struct span terms)
{
	static const char sql[] = "INSERT INTO fresh (doc, terms) VALUES (?1, ?2)";

	return put(db, sql, doc, terms);
}

enum err db_search_fresh_clear(struct db *db)
{
	static const char sql[] = "DELETE FROM fresh";

	return stmt_run(db, db_stmt(db, sql));
}

enum err db_search_posting_add(struct db *db, uint64_t term, uint64_t base, struct span docs)
{
	static const char sql[] = "INSERT INTO posting (term, base, docs) VALUES (?1, ?2, ?3)";
	struct sqlite3_stmt *s = db_stmt(db, sql);

	stmt_int(s, 1, (int64_t)term);
	stmt_int(s, 2, (int64_t)base);
	stmt_blob(s, 3, docs);
	return stmt_run(db, s);
}
