/* imap/reply_url.h: what is said about URLs (RFC 4467). */
#ifndef POSTROOM_IMAP_REPLY_URL_H
#define POSTROOM_IMAP_REPLY_URL_H

#include "daemon/imap/session.h"

/* astring: as it is where it can be. */
void reply_url(struct out *out, struct span url);

#endif
