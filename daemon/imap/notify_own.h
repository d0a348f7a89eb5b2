/* imap/notify_own.h: what a session has done itself, of which NOTIFY does not tell it again (RFC 5465 5 and 5.2). Names, and messages of the selected mailbox;
 * STATUS lines say how a mailbox stands, whoever has changed it. */
#ifndef POSTROOM_IMAP_NOTIFY_OWN_H
#define POSTROOM_IMAP_NOTIFY_OWN_H

#include "daemon/imap/session.h"

#define NOTIFY_OWN_RANGES 16 /* more than that is told */

struct notify_own {
	struct arena arena;
	struct own_name {
		struct own_name *next;
		enum journal_event event;
		struct span name; /* the full one */
	} * names;
	struct uid_range messages[NOTIFY_OWN_RANGES];
	size_t message_count;
};

/* A command has done it; harmless without NOTIFY. What is made may have been made with names above it. */
void notify_own_name(struct imap_session *s, enum journal_event event, struct span name);
void notify_own_made(struct imap_session *s, struct span name);
void notify_own_messages(struct imap_session *s, uint64_t owner, uint64_t mailbox_id, uint32_t first_uid, uint32_t last_uid);

bool notify_own_has_name(const struct notify_own *own, enum journal_event event, struct span name);
void notify_own_forget(struct notify_own *own);

#endif
