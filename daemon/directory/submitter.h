/* directory/submitter.h: who may hand in mail over submit.sock, by uid. */
#ifndef POSTROOM_DIRECTORY_SUBMITTER_H
#define POSTROOM_DIRECTORY_SUBMITTER_H

#include "daemon/directory/directory.h"

#define SUBMITTER_EVERYBODY (-1) /* the row for all uids that have none */
#define SUBMITTER_UID_MAX INT64_C(4294967294)

struct submitter {
	int64_t uid;
	struct span sender; /* the one address it may send as; empty: its login's name at the host name */
	bool remote;        /* may send outside */
	bool allowed;       /* false: may hand in nothing */
};

/* What holds for that uid: its own row, else everybody's, else the default (allowed, local recipients only). Text in the arena. Reads the local disk. */
enum err directory_submitter_find(struct directory *d, int64_t uid, struct arena *a, struct submitter *out) MUST_CHECK;
/* Rows by uid, in the arena. */
enum err directory_submitters(struct directory *d, struct arena *a, struct submitter **out, size_t *count_out) MUST_CHECK;
/* Sets or replaces. ERR_SYNTAX: no such uid can be, or the sender is not an address. */
enum err directory_submitter_set(struct directory *d, const struct submitter *s, struct note *why) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err directory_submitter_remove(struct directory *d, int64_t uid, struct note *why) MUST_CHECK;

#endif
