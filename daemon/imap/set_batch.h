/* imap/set_batch.h: a set of messages in parts: each is a commit of its own, so that a large set starves nobody of the account. */
#ifndef POSTROOM_IMAP_SET_BATCH_H
#define POSTROOM_IMAP_SET_BATCH_H

#include "daemon/imap/session.h"

struct set_batches {
	struct uid_set set;
	uint32_t next_uid; /* the first of the next part; at first 0 */
	bool end;          /* the last part was given */
};

/* The next part, in run.batch: what of the set lies in the next `messages` messages of the view, perhaps nothing. With `end` set: none is left. */
enum err set_batch_next(struct imap_session *s, struct set_batches *b, uint32_t messages, struct uid_set *out) MUST_CHECK;

#endif
