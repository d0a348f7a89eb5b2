/* imap/notify_names.h: names of other accounts' mailboxes that the session may look up, as NOTIFY has told of them (RFC 5465 5.4).
 *
 * What others make, remove, rename, grant and withdraw shows as the difference between what was known and what is there.
 */
#ifndef POSTROOM_IMAP_NOTIFY_NAMES_H
#define POSTROOM_IMAP_NOTIFY_NAMES_H

#include "daemon/imap/session.h"

struct notify_names {
	struct arena arena;
	struct notify_name {
		uint64_t owner, id;
		struct span name; /* the full one */
	} * all;                  /* by owner and id */
	size_t count;
	uint64_t version; /* of the grants that were looked at; 0: to be looked at again */
	bool known;
};

struct notify_name_change {
	struct mailbox_info mailbox; /* its name as the client has it now; exists: it can be looked up */
	struct span old_name;        /* empty: it has not been renamed */
	bool no_access;              /* it is there, and not for this session any more */
};

/* Looks anew: what has changed since the look before, none at the first, in the command's arena. ERR_LIMIT: more names than are kept. */
enum err notify_names_look(struct imap_session *s, struct notify_names *names, struct notify_name_change **out, size_t *count_out) MUST_CHECK;
void notify_names_forget(struct notify_names *names);

#endif
