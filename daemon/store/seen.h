/* store/seen.h: \Seen of those who read a mailbox that is not their own. */
#ifndef POSTROOM_STORE_SEEN_H
#define POSTROOM_STORE_SEEN_H

#include "daemon/store/store.h"

/* Messages of the mailbox that are unseen for that viewer (see view_open()). ERR_NOT_FOUND: no such mailbox. */
enum err mailbox_unseen_for(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, uint32_t *count_out) MUST_CHECK;

/* What readers that are no accounts any more have seen, and their annotations, are forgotten. Who only lost a grant finds it when it comes back. To be called now and then; an account
 * in which nobody else reads has nothing to look at. */
enum err readers_tend(struct mailstore *m, bool (*is_account)(void *arg, uint64_t id), void *arg) MUST_CHECK;

#endif
