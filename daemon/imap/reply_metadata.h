/* imap/reply_metadata.h: METADATA (RFC 5464 4.4). */
#ifndef POSTROOM_IMAP_REPLY_METADATA_H
#define POSTROOM_IMAP_REPLY_METADATA_H

#include "daemon/imap/session.h"

/* "* METADATA mailbox (entry value entry value)": begun, filled, ended. The name is written in two pieces; a value whose ptr is null is NIL. */
void reply_metadata_begin(const struct imap_session *s, struct out *out, struct span mailbox);
void reply_metadata_value(struct out *out, bool first, struct span name, struct span name_end, struct span value);
void reply_metadata_end(struct out *out);

/* "* METADATA mailbox entry entry" CRLF: what has changed. The name's parts as above. */
void reply_metadata_changed(const struct imap_session *s, struct out *out, struct span mailbox);
void reply_metadata_name(struct out *out, struct span name, struct span name_end);
void reply_metadata_changed_end(struct out *out);

#endif
