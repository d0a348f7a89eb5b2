/* events/audit.h: what was changed, by whom: append-only rows of control.db, each chained to the one before by a digest.
 *
 * An entry is written in the batch of its change (directory_begin): it is there exactly when the change is. Values come with secrets masked.
 */
#ifndef POSTROOM_EVENTS_AUDIT_H
#define POSTROOM_EVENTS_AUDIT_H

#include "daemon/base/arena.h"

struct directory;

struct audit_entry {
	uint64_t id;            /* given */
	int64_t at_ms;          /* given */
	struct span actor;      /* an address, "root on the admin socket", "postroom setup" */
	uint64_t actor_account; /* 0: none */
	struct span via;        /* "session", "token 17 (backup script)", "socket", "command" */
	struct span peer, request_id, operation, subject;
	struct span domain;        /* of the subject, for domain admins; may be empty */
	struct span before, after; /* JSON texts; "" none */
};
enum err audit_add(struct directory *d, const struct audit_entry *entry) MUST_CHECK;

struct audit_filter {
	struct span subject, operation, text, domain; /* exact; text: anywhere, without case */
	const struct span *domains;                   /* of a domain admin; null: all */
	size_t domain_count;
	uint64_t actor_account;
	int64_t since_ms, until_ms;
};
/* Newest first, below `before_id` (0: from the newest). */
enum err audit_list(struct directory *d, const struct audit_filter *f, uint64_t before_id, size_t limit, struct arena *a, struct audit_entry **out, size_t *count_out, bool *more_out) MUST_CHECK;
/* Walks the chain. ERR_CORRUPT: *bad_id_out is the first entry that does not fit. */
enum err audit_verify(struct directory *d, uint64_t *count_out, uint64_t *bad_id_out) MUST_CHECK;

#endif
