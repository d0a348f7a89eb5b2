/* imap/watch.h: being woken by what others do in the selected mailbox: in IDLE, and where NOTIFY asks for it; where ENABLE METADATA
 * does, in IDLE by what they do in the account. */
#ifndef POSTROOM_IMAP_WATCH_H
#define POSTROOM_IMAP_WATCH_H

#include "daemon/imap/session.h"

/* After each change of what is selected, of IDLE and of NOTIFY; before the mailbox's store is given back. */
void imap_watch_update(struct imap_session *s);
void imap_watch_end(struct imap_session *s);

#endif
