/* api/commit.h: the parts of a commit that calls and jobs share; internal to api/. */
#ifndef POSTROOM_API_COMMIT_H
#define POSTROOM_API_COMMIT_H

#include "api/call.h"

struct audit_entry;

/* Who and what, as its fields stand, and the change. Part of the open batch. */
enum err commit_audit(struct directory *d, struct audit_entry *entry, const struct change *change) MUST_CHECK;
/* After the commit. `type` below 0: none. */
void commit_raise(struct events *events, int type, struct span subject, struct span domain, const char *verb, struct span actor);

#endif
