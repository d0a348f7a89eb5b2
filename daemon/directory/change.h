/* directory/change.h: what is inside a directory, and the one way to change it; for files of directory/ only. */
#ifndef POSTROOM_DIRECTORY_CHANGE_H
#define POSTROOM_DIRECTORY_CHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/crypto/seal.h"
#include "daemon/directory/directory.h"

#define DIRECTORY_READERS 4

struct db;
struct grants;

struct directory_reader {
	pthread_mutex_t lock; /* guards `db` */
	struct db *db;        /* null until it is needed */
};

struct directory {
	struct seal_key data_key; /* these do not change after the opening */
	char *path;
	struct checkpointer *checkpointer;

	/* The thread whose batch is open, named by an address of its own; null: none. Only that thread ever finds itself here. */
	_Atomic(const void *) owner;

	atomic_uint_least64_t commits;

	pthread_mutex_t change; /* guards what follows, up to `lock`; taken before it */
	struct db *db;
	int64_t data_version;
	bool stale; /* another process has changed the file, but no snapshot could be made yet */
	/* Of the open batch: */
	bool changed; /* something that snapshots hold */
	bool grants_changed;
	bool lost;                     /* SQLite has ended the transaction itself: nothing can be committed any more */
	const struct snapshot *staged; /* what a commit would make current; null: to be made */
	int64_t staged_version;

	pthread_mutex_t lock; /* guards these two */
	struct snapshot *current;
	struct grants *grants;

	struct directory_reader readers[DIRECTORY_READERS];
	atomic_uint next_reader;
};

/* Runs `run` in one transaction, which is committed when it returns ERR_OK; then a new snapshot replaces the old one. In a batch of this thread it
 * is a part of that. */
enum err directory_change(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, struct note *why) MUST_CHECK;
/* The same for rows of mailbox_grant: `run` sets grants_changed, and the table of grants is made anew instead of the snapshot. */
enum err directory_change_grants(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, struct note *why) MUST_CHECK;
/* Makes `fresh`, whose reference is taken, the current one. With `change` held. */
void directory_publish(struct directory *d, const struct snapshot *fresh, int64_t data_version);
void directory_publish_grants(struct directory *d, const struct grants *fresh);

#endif
