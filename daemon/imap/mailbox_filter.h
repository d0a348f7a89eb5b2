/* imap/mailbox_filter.h: filter-mailboxes (RFC 5465 6, RFC 7377 2.2): which mailboxes NOTIFY tells of and ESEARCH goes through. */
#ifndef POSTROOM_IMAP_MAILBOX_FILTER_H
#define POSTROOM_IMAP_MAILBOX_FILTER_H

#include "daemon/imap/parse.h"
#include "daemon/imap/session.h"

/* Every filter of both RFCs: who knows fewer looks at the kind. */
enum err mailbox_filter_parse(struct imap_parser *p, struct mailbox_filter *out) MUST_CHECK;
/* Names as the store has them, sorted; one that no mailbox can have is left out. ERR_LIMIT: no room. */
enum err mailbox_filter_normal(const struct imap_session *s, struct mailbox_filter *f, struct arena *a) MUST_CHECK;
/* Of a normal one: can it mean a mailbox of the account whose names begin with `level` ("Shared/info@example.org")? */
bool mailbox_filter_may_name(const struct mailbox_filter *f, struct span level);
/* Of a normal one; `personal`: it is the session's own. The selected mailbox is the caller's to find. */
bool mailbox_filter_holds(const struct mailbox_filter *f, struct span name, bool personal, bool subscribed);

#endif
