/* db/search_source.h: contents of mail.db, as whoever makes search.db goes through them. */
#ifndef POSTROOM_DB_SEARCH_SOURCE_H
#define POSTROOM_DB_SEARCH_SOURCE_H

#include "db/db.h"

struct db_source {
	uint64_t id;
	struct span prefix, head, parts;
	struct span body, file; /* file empty: the body is `body` */
	uint64_t body_size;
};
/* Contents with an id above `after`, by id, until `each` returns false; spans live until then. */
enum err db_source_each(struct db *db, uint64_t after, bool (*each)(void *arg, const struct db_source *source), void *arg) MUST_CHECK;
/* The highest id there is; 0: none. */
enum err db_source_last(struct db *db, uint64_t *id_out) MUST_CHECK;
/* How many there are up to that id. */
enum err db_source_count(struct db *db, uint64_t last, uint64_t *count_out) MUST_CHECK;

#endif
