/* db/search_index.h: rows of search.db: its state, terms, and which texts have them. */
#ifndef POSTROOM_DB_SEARCH_INDEX_H
#define POSTROOM_DB_SEARCH_INDEX_H

#include "db/db.h"

struct db_search_state {
	uint64_t origin, epoch, indexed, contents, terms, vocabulary_bytes, fresh, posted, moves;
};
/* ERR_NOT_FOUND: a new file. */
enum err db_search_state(struct db *db, struct db_search_state *out) MUST_CHECK;
enum err db_search_set_state(struct db *db, const struct db_search_state *state) MUST_CHECK;
/* Nothing is left but this state. */
enum err db_search_empty(struct db *db, const struct db_search_state *state) MUST_CHECK;

enum err db_search_term_find(struct db *db, struct span key, uint64_t *id_out) MUST_CHECK;
enum err db_search_term_add(struct db *db, struct span key, uint64_t id) MUST_CHECK;

/* The chunk that begins with term `first`. */
enum err db_search_vocabulary_put(struct db *db, uint64_t first, struct span words) MUST_CHECK;
/* The last one; `words` until the next statement. ERR_NOT_FOUND. */
enum err db_search_vocabulary_last(struct db *db, uint64_t *first_out, struct span *words_out) MUST_CHECK;

/* Rows from a number on, in order, until `each` returns false; spans live until then. */
enum err db_search_vocabulary_each(struct db *db, uint64_t from, bool (*each)(void *arg, uint64_t first, struct span words), void *arg) MUST_CHECK;
enum err db_search_fresh_each(struct db *db, uint64_t from, bool (*each)(void *arg, uint64_t doc, struct span terms), void *arg) MUST_CHECK;
/* Of terms first..last. */
enum err db_search_posting_each(struct db *db, uint64_t first, uint64_t last, bool (*each)(void *arg, uint64_t term, uint64_t base, struct span docs), void *arg) MUST_CHECK;

enum err db_search_fresh_add(struct db *db, uint64_t doc, struct span terms) MUST_CHECK;
enum err db_search_fresh_clear(struct db *db) MUST_CHECK;
enum err db_search_posting_add(struct db *db, uint64_t term, uint64_t base, struct span docs) MUST_CHECK;

#endif
