/* imap/reply_acl.h: ACL, LISTRIGHTS and MYRIGHTS (RFC 4314 3.6 to 3.8): this folder's writer, as reply.h. */
#ifndef POSTROOM_IMAP_REPLY_ACL_H
#define POSTROOM_IMAP_REPLY_ACL_H

#include "daemon/imap/session.h"

void reply_acl_begin(const struct imap_session *s, struct out *out, struct span mailbox);
void reply_acl_entry(const struct imap_session *s, struct out *out, struct span identifier, unsigned rights);
void reply_acl_end(struct out *out);
/* `always`: without being granted; the rest can be. */
void reply_listrights(const struct imap_session *s, struct out *out, struct span mailbox, struct span identifier, unsigned always);
void reply_myrights(const struct imap_session *s, struct out *out, struct span mailbox, unsigned rights);

#endif
