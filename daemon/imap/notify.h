/* imap/notify.h: what a client wants to hear of without asking (RFC 5465), in its selected mailbox and in others.
 *
 *   never asked ──NOTIFY SET──▶ tells: whenever no command runs ──NOTIFY NONE, overflow──▶ mute ──NOTIFY SET──▶ tells
 *
 * A session without this tells of its selected mailbox when commands end; a mute one doesn't even do that.
 */
#ifndef POSTROOM_IMAP_NOTIFY_H
#define POSTROOM_IMAP_NOTIFY_H

#include "daemon/imap/fetch_news.h"
#include "daemon/imap/notify_names.h"
#include "daemon/imap/notify_own.h"

struct imap_notify {
	struct arena arena; /* of what was asked for */
	unsigned selected;  /* NOTIFY_ events of the selected mailbox */
	bool delayed;       /* EXPUNGE only while a command runs that may tell it */
	struct fetch_item *items;
	size_t item_count;
	struct notify_group *groups; /* of other mailboxes; names normal and sorted */
	size_t count;
	struct notify_account *accounts; /* that are followed, the own one first; null: none */
	struct notify_names names;       /* of others' mailboxes */
	struct notify_own own;
	struct fetch_news news; /* while new messages are told */
	uint32_t next_uid;      /* of the selected mailbox: `items` of messages from here on were not told; 0: to be set */
	bool pending;           /* woken when nothing could be told */
};

/* The events of all groups that hold for the mailbox (RFC 5465 6: several can). `personal`: it is of the session's own account. */
unsigned imap_notify_events(const struct imap_notify *n, struct span name, bool personal, bool subscribed);
bool imap_notify_wants(const struct imap_notify *n, unsigned events); /* any of them, of any mailbox but the selected one */
/* May the view be brought up to date now, and how? */
bool imap_notify_may_sync(struct imap_session *s, bool *may_expunge);
bool imap_notify_tells_flags(const struct imap_session *s);
/* Takes the place of what was asked for before. */
void imap_notify_set(struct imap_session *s, struct imap_notify **n);
void imap_notify_mute(struct imap_session *s);
void imap_notify_free(struct imap_session *s);                         /* harmless without one */
void imap_notify_drop(struct imap_session *s, struct imap_notify **n); /* one that was not set */

#endif
