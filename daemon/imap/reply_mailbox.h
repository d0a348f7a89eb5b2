/* imap/reply_mailbox.h: names of mailboxes, LIST, LSUB and STATUS lines: this folder's writer, as reply.h. */
#ifndef POSTROOM_IMAP_REPLY_MAILBOX_H
#define POSTROOM_IMAP_REPLY_MAILBOX_H

#include "daemon/imap/session.h"

/* Quoted, or as a literal: UTF-8 for who has enabled it (RFC 9051 5.1, RFC 6855), else modified UTF-7. */
void reply_mailbox_name(const struct imap_session *s, struct out *out, struct span name);

enum {
	LINE_NOSELECT = 1,
	LINE_NONEXISTENT = 2,
	LINE_SUBSCRIBED = 4,
	LINE_CHILDREN = 8,
	LINE_NO_CHILDREN = 16,
	LINE_NO_ACCESS = 32, /* RFC 5465 5.4 */
};
struct list_line {
	struct span name;
	unsigned attributes;  /* LINE_ */
	enum special_use use; /* USE_NONE: not told */
	unsigned child_info;  /* LIST_SUBSCRIBED, LIST_SPECIAL_USE: what is below it (RFC 5258 4) */
	struct span old_name; /* ptr null: none (RFC 9051 6.3.9.7) */
};
void reply_list(const struct imap_session *s, struct out *out, const char *word, const struct list_line *line);

struct status_values {
	const struct mailbox_info *mailbox;
	uint64_t owner; /* account */
	uint32_t recent;
	uint64_t deleted_bytes;
};
void reply_status(const struct imap_session *s, struct out *out, const struct status_values *values, unsigned items);

#endif
