/* imap/reply_quota.h: QUOTA and QUOTAROOT (RFC 9208 4.2). */
#ifndef POSTROOM_IMAP_REPLY_QUOTA_H
#define POSTROOM_IMAP_REPLY_QUOTA_H

#include "daemon/imap/session.h"

/* The name of the one quota root of the session's account. */
#define REPLY_QUOTA_ROOT SPAN("User quota")

void reply_quota(const struct imap_session *s, struct out *out, struct span root, const struct store_room *limits, const struct store_room *used);
void reply_quota_root(const struct imap_session *s, struct out *out, struct span mailbox, struct span root);

#endif
