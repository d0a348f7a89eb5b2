/* store/search_file.h: an account's search.db: opening it, and putting a damaged one aside. */
#ifndef POSTROOM_STORE_SEARCH_FILE_H
#define POSTROOM_STORE_SEARCH_FILE_H

#include "daemon/store/mailstore.h"
#include "db/search_index.h"

/* A reading handle in a transaction, and the state it sees. ERR_NOT_FOUND: there is none, or none of this mail.db that is good. */
enum err search_file_read(struct mailstore *m, struct db **out, struct db_search_state *state) MUST_CHECK;
/* `e`: how the reading went; ERR_CORRUPT: the file is damaged, nobody reads in it again. */
void search_file_read_end(struct mailstore *m, struct db **db, enum err e);

/* The writing handle, for one thread at a time. Makes it, or makes it anew: damaged, or of another mail.db. ERR_STATE: readers have still to leave a damaged one. */
enum err search_file_write(struct mailstore *m, struct db **out, struct db_search_state *state, struct note *why) MUST_CHECK;
void search_file_write_end(struct mailstore *m, struct db **db, enum err e);
/* All that is in it goes, inside a transaction. */
enum err search_file_empty(struct mailstore *m, struct db *db, struct db_search_state *state) MUST_CHECK;

/* What is kept for speed. */
void search_file_shrink(struct mailstore *m);

#endif
