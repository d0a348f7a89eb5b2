/* imap/notify.h: what a client wants to hear of without asking (RFC 5465), in its selected mailbox and in others.
 *
 *   never asked ──NOTIFY SET──▶ tells: whenever no command runs ──NOTIFY NONE, overflow──▶ mute ──NOTIFY SET──▶ tells
 *
 * A session without this tells of its selected mailbox when commands end; a mute one doesn't even do that.
 */
#ifndef POSTROOM_IMAP_NOTIFY_H
#define POSTROOM_IMAP_NOTIFY_H

#include "daemon/imap/session.h"

struct imap_notify {
	struct arena arena; /* of what was asked for */
	unsigned selected;  /* NOTIFY_ events of the selected mailbox */
	bool delayed;       /* EXPUNGE only while a command runs that may tell it */
	struct fetch_item *items;
	size_t item_count;
	struct notify_group *groups; /* of other mailboxes; names normal and sorted */
	size_t count;
	bool follows; /* the store's journal, from `mark` on */
	struct journal_mark mark;
	uint32_t next_uid; /* of the selected mailbox: `items` of messages from here on were not told; 0: to be set */
	bool pending;      /* woken when nothing could be told */
};

/* The events of all groups that hold for the mailbox (RFC 5465 6: several can). */
unsigned imap_notify_events(const struct imap_notify *n, struct span name, bool subscribed);
/* May the view be brought up to date now, and how? */
bool imap_notify_may_sync(struct imap_session *s, bool *may_expunge);
bool imap_notify_tells_flags(const struct imap_session *s);
/* Its watch is the connection's: IDLE sets none. */
bool imap_notify_watches(const struct imap_session *s);
/* Takes the place of what was asked for before. */
void imap_notify_set(struct imap_session *s, struct imap_notify **n);
void imap_notify_mute(struct imap_session *s);
void imap_notify_free(struct imap_session *s); /* harmless without one */

#endif
