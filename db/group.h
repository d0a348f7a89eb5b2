/* db/group.h: group commit, for every database file: members wait, one of them (or the committer thread) takes what
 * waits, runs each under its own savepoint in one transaction, commits once (one fsync), and tells all.
 *
 * A lone member is never delayed to wait for company. A member that fails rolls back alone; a commit that fails, fails all.
 * A group owns the writing handle of its file.
 */
#ifndef POSTROOM_DB_GROUP_H
#define POSTROOM_DB_GROUP_H

#include "db/db.h"

#define DB_GROUP_MAX_MEMBERS 256
#define DB_GROUP_MAX_BYTES (4u * 1024u * 1024u)

struct db_group;

/* Lives with the submitter until done() was called. */
struct db_member {
	enum err (*run)(struct db *db, void *arg); /* inside the transaction; no waiting, no callbacks */
	void (*done)(void *arg, enum err result);  /* after the commit; no lock of the group is held; must not block on the group */
	void *arg;
	size_t weight_bytes;
	enum err result;        /* of the group */
	struct db_member *next; /* of the group */
};

/* Takes *db. `own_thread`: a committer thread (queue.db); without it the first that waits leads (accounts). */
enum err db_group_new(struct db **db, bool own_thread, struct db_group **out) MUST_CHECK;
/* Runs what waits, then ends. Nobody may submit any more. */
void db_group_free(struct db_group **g);

/* Returns at once (own_thread) or after having led; done() is called exactly once. */
void db_group_submit(struct db_group *g, struct db_member *member);
/* Blocks until committed; for threads that may wait for the local disk. */
enum err db_group_run(struct db_group *g, enum err (*run)(struct db *db, void *arg), void *arg, size_t weight_bytes) MUST_CHECK;

struct db_group_stats {
	uint64_t commits, members;
};
struct db_group_stats db_group_stats(struct db_group *g);

#endif
