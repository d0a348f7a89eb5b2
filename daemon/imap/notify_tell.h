/* imap/notify_tell.h: telling what a client has asked for with NOTIFY. */
#ifndef POSTROOM_IMAP_NOTIFY_TELL_H
#define POSTROOM_IMAP_NOTIFY_TELL_H

#include "daemon/imap/session.h"

/* Something has changed: tells it now, or remembers to. */
enum step imap_notify_wake(struct imap_session *s, struct out *out);
/* A command has ended: what waited for that. */
enum step imap_notify_after(struct imap_session *s, struct out *out);
/* STATUS items for events of a mailbox that is not selected. `first`: as NOTIFY SET STATUS tells them. */
unsigned imap_notify_items(const struct imap_session *s, unsigned events, bool first);

#endif
