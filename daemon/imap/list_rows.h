/* imap/list_rows.h: the names that LIST goes through: the session's own and those shared with it, in one order. */
#ifndef POSTROOM_IMAP_LIST_ROWS_H
#define POSTROOM_IMAP_LIST_ROWS_H

#include "daemon/imap/list_match.h"
#include "daemon/imap/shared_places.h"

struct list_rows {
	/* Once all is there: INBOX first, then by name, so that what is below a name stands together. Each `mailbox` is as the client is to see it; no store
	 * is open. Names that only stand above others are there with exists = false, but for those above a subscription to what is gone. */
	struct imap_place *all;
	size_t count;
	size_t inboxes; /* 1: the first is INBOX */

	/* While it is collected. */
	struct mailbox_info *own;
	size_t own_count;
	struct shared_places others;
};

/* What is asked for: other accounts that can't have any of it are not opened. */
struct list_wish {
	const struct list_pattern *patterns;
	size_t pattern_count;
	bool only_subscribed;
	bool own_only; /* LSUB: what is subscribed to is listed under its name, whether it is there or not */
};

/* All in the command's arena. ERR_LIMIT: it is full. */
enum err list_rows_begin(struct imap_session *s, const struct list_wish *wish, struct list_rows *r) MUST_CHECK;
/* One more account; false: all is there, or *e_out. An account that can't be read now is left out. */
bool list_rows_more(struct imap_session *s, const struct list_wish *wish, struct list_rows *r, enum err *e_out);

#endif
