/* imap/context_tell.h: notices of contexts (RFC 5267 4.3.2 to 4.3.4), told by imap/sync.c. */
#ifndef POSTROOM_IMAP_CONTEXT_TELL_H
#define POSTROOM_IMAP_CONTEXT_TELL_H

#include "daemon/imap/session.h"

/* REMOVEFROM of messages that left, by the numbers they had: before EXPUNGE. False: to be called again. */
bool context_tell_vanished(struct imap_session *s, struct out *out);
/* All else, behind EXISTS. False: to be called again; it takes turns. */
bool context_tell_changes(struct imap_session *s, struct out *out);

#endif
