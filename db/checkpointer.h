/* db/checkpointer.h: the thread that checkpoints PASSIVE, so that no committer pays for it. */
#ifndef POSTROOM_DB_CHECKPOINTER_H
#define POSTROOM_DB_CHECKPOINTER_H

#include "db/db.h"

struct checkpointer;
enum err checkpointer_new(struct checkpointer **out) MUST_CHECK;
void checkpointer_free(struct checkpointer **c);

/* "This file's WAL has grown": cheap, from any thread, after a commit; the thread opens a handle of its own for the file
 * and checkpoints it when enough has gathered. Paths that are gone are forgotten. Null checkpointer: nothing. */
void checkpointer_touch(struct checkpointer *c, const char *path, const struct db_schema *schema, size_t written_bytes);

#endif
