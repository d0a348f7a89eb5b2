/* imap/special_use.h: what a mailbox is for, as LIST and CREATE name it (RFC 6154; \Important: RFC 8457). */
#ifndef POSTROOM_IMAP_SPECIAL_USE_H
#define POSTROOM_IMAP_SPECIAL_USE_H

#include "daemon/store/mailbox.h"

/* "\Drafts"; empty for USE_NONE. */
struct span special_use_name(enum special_use use);
/* Without the backslash, any case. USE_NONE: none that is known here (\All and \Flagged would be views, not mailboxes). */
enum special_use special_use_find(struct span name);

#endif
