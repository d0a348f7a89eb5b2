/* db/handle.h: what is inside a handle; for db.c, stmt.c and group.c only. */
#ifndef POSTROOM_DB_HANDLE_H
#define POSTROOM_DB_HANDLE_H

#include "db/db.h"

/* Past this a checkpoint of a writing handle also waits for readers, so that the WAL can begin anew. */
#define DB_WAL_RESTART_PAGES 8192

struct sqlite3;
struct sqlite3_stmt;

struct db_cached {
	const char *sql; /* the key is the address; null: free */
	struct sqlite3_stmt *stmt;
};

struct db {
	struct sqlite3 *sqlite;
	char *path;
	const struct db_schema *schema;
	enum db_mode mode;
	enum err latched;        /* of a statement that could not be prepared; the next run reports it */
	struct db_cached *cache; /* open addressing, a power of two */
	size_t cache_size, cache_used;
	bool (*stop)(void *arg);
	void *stop_arg;
	int wal_pages; /* frames in the WAL after the last commit of this handle */
};

/* SQLite's result as ours. */
enum err db_error(int sqlite_code) MUST_CHECK;
/* The last call met a lock that another handle holds. */
bool db_is_busy(const struct db *db);

#endif
