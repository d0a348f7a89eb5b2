/* queue/quota.h: is there room for a message in the mailbox that an address leads to? Asked before mail is taken; what was taken is filed all the same. */
#ifndef POSTROOM_QUEUE_QUOTA_H
#define POSTROOM_QUEUE_QUOTA_H

#include "daemon/directory/directory.h"

struct queue;

/* Of an account that keeps its mail here, or of an alias that leads to such a one alone: a message of `size` bytes would be more than its mailboxes may
 * hold. May read from the local disk, but never for an account without a quota. Without a word about the size, 1 says whether there is room at all. */
bool quota_is_over(struct queue *q, const struct snapshot *s, const struct resolution *r, uint64_t size);

#endif
