/* directory/change.h: what is inside a directory, and the one way to change it; for files of directory/ only. */
#ifndef POSTROOM_DIRECTORY_CHANGE_H
#define POSTROOM_DIRECTORY_CHANGE_H

#include <pthread.h>

#include "daemon/crypto/seal.h"
#include "daemon/directory/directory.h"

struct db;

struct directory {
	pthread_mutex_t change; /* guards what follows, up to `lock`; taken before it */
	struct db *db;
	struct seal_key data_key;
	int64_t data_version;
	bool stale; /* committed, but no snapshot could be made yet */
	struct checkpointer *checkpointer;

	pthread_mutex_t lock; /* guards `current` */
	struct snapshot *current;
};

/* Runs `run` in one transaction, which is committed when it returns ERR_OK; then a new snapshot replaces the old one. */
enum err directory_change(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, struct note *why) MUST_CHECK;

#endif
