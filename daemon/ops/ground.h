/* ops/ground.h: what the daemon and the commands that work without it stand on: the data folder under its lock, the secret
 * key, the directory.
 */
#ifndef POSTROOM_OPS_GROUND_H
#define POSTROOM_OPS_GROUND_H

#include "daemon/crypto/seal.h"
#include "daemon/ops/config.h"

struct checkpointer;
struct directory;

struct ground {
	int lock_fd; /* the flock that says: one daemon, or one command, for this data folder */
	struct seal_key key;
	struct directory *directory;
};

/* Makes data_dir (0700) and run_dir (0755) where they are missing and gives them to `user` when started as root. */
enum err ground_prepare(const struct config *c, struct note *why) MUST_CHECK;

/* Root with `user` set becomes that user for good. Otherwise nothing. */
enum err ground_drop_privileges(const struct config *c, struct note *why) MUST_CHECK;

/* Lock, key, control.db. ERR_STATE: another process holds the folder. ERR_NOT_FOUND: never set up (no key), unless `create` makes it;
 * `create` also waits some seconds for the lock. ERR_CORRUPT: there is data, and no key. */
enum err ground_open(const struct config *c, bool create, struct checkpointer *checkpointer, struct ground *out, struct note *why) MUST_CHECK;
void ground_close(struct ground *g);

#endif
