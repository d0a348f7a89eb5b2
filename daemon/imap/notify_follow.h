/* imap/notify_follow.h: the accounts whose mailboxes NOTIFY watches: the session's own, and those that grant it mailboxes which it has named. */
#ifndef POSTROOM_IMAP_NOTIFY_FOLLOW_H
#define POSTROOM_IMAP_NOTIFY_FOLLOW_H

#include "daemon/imap/notify.h"

struct notify_account {
	uint64_t owner;
	struct mailstore *store; /* the session's, or one with a reference of its own */
	struct store_watch watch;
	struct journal_mark mark;
	uint64_t annotated; /* mark in the news of another account's annotations */
	struct notify_account *next;
};

struct notify_following {
	uint64_t *owners; /* to be followed; in the command's arena */
	size_t count, at;
};

/* As the groups and the grants are now: who is not wanted is left. ERR_LIMIT: over IMAP_NOTIFY_ACCOUNTS_MAX. */
enum err notify_follow_begin(struct imap_session *s, struct imap_notify *n, struct notify_following *f) MUST_CHECK;
/* One more account; who is followed already goes on from its mark. False: all are, or *e_out. */
bool notify_follow_more(struct imap_session *s, struct imap_notify *n, struct notify_following *f, enum err *e_out);
void notify_unfollow(struct imap_session *s, struct imap_notify *n);

#endif
