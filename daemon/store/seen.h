/* store/seen.h: \Seen of those who read a mailbox that is not their own. */
#ifndef POSTROOM_STORE_SEEN_H
#define POSTROOM_STORE_SEEN_H

#include "daemon/store/store.h"

/* Messages of the mailbox that are unseen for that viewer (see view_open()). ERR_NOT_FOUND: no such mailbox. */
enum err mailbox_unseen_for(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, uint32_t *count_out) MUST_CHECK;

/* What a reader has seen of a mailbox (0: of all, and his annotations with it) is forgotten: when the account of that reader is removed; after a grant is withdrawn it may be kept for its
 * return. Not while views of that reader are open. */
enum err seen_forget(struct mailstore *m, uint64_t mailbox_id, uint64_t reader) MUST_CHECK;

#endif
