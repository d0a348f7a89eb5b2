/* imap/notify_names.h: names of other accounts' mailboxes that the session may look up, as NOTIFY has told of them (RFC 5465 5.4, 5.9).
 *
 * What others make, remove, rename, grant and withdraw shows as the difference between what was known and what is there:
 *
 *   begin ──an account at a time (shared_places)──▶ end: what has changed ──▶ told, a line each
 */
#ifndef POSTROOM_IMAP_NOTIFY_NAMES_H
#define POSTROOM_IMAP_NOTIFY_NAMES_H

#include "daemon/imap/shared_places.h"

struct imap_notify;

struct notify_names {
	struct arena arena;
	struct notify_name {
		uint64_t owner, id;
		struct span name; /* the full one */
		enum notify_access { NAME_OPEN,
				     NAME_SHUT,      /* it can be looked up, and nothing else */
				     NAME_WITHDRAWN, /* told as such, and since then not to be looked up */
		} access;
	} * all; /* by owner and id */
	size_t count;
	uint64_t version; /* of the grants that were looked at; 0: to be looked at again */
	bool known;
};

struct notify_name_change {
	struct mailbox_info mailbox; /* its name as the client has it now; exists: it can be looked up */
	struct span old_name;        /* empty: it has not been renamed */
	bool is_parent;              /* of what has come or gone: nothing else happened to it */
	bool no_access;              /* it is there, and not for this session */
	bool is_told;                /* to who asked for messages of it, too: access was lost or given back */
};

struct notify_look {
	struct shared_places places;
	uint64_t version;
};

/* Looks anew, at the accounts that are followed; between the two shared_places_more() until all are read. */
enum err notify_names_begin(struct imap_session *s, const struct imap_notify *n, struct notify_look *look) MUST_CHECK;
/* What has changed since the look before, by name, in the command's arena; at the first only what can't be read. ERR_LIMIT: more names than are kept. */
enum err notify_names_end(struct imap_session *s, struct imap_notify *n, struct notify_look *look, struct notify_name_change **out, size_t *count_out) MUST_CHECK;
/* changes[at], if it is asked for. */
void notify_names_tell(struct imap_session *s, const struct notify_name_change *changes, size_t count, size_t at, struct out *out);
void notify_names_forget(struct notify_names *names);

#endif
