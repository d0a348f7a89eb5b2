/* imap/notify_new.h: new messages of the selected mailbox, as MessageNew asks for them (RFC 5465 5.2). */
#ifndef POSTROOM_IMAP_NOTIFY_NEW_H
#define POSTROOM_IMAP_NOTIFY_NEW_H

#include "daemon/imap/session.h"

/* Behind EXISTS: what the view has by now and is not told yet, but what the session has filed itself. Harmless without NOTIFY. False: there is more, in the next
 * turn of the same command, or of the same telling. */
bool notify_new_tell(struct imap_session *s, struct out *out);

#endif
