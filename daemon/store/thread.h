/* store/thread.h: thread ids (RFC 8474): a message is of the thread of those that share a message-id with it, its own or one that it refers to.
 * Given when a message is filed and never changed: two threads that a late message turns out to connect stay two.
 */
#ifndef POSTROOM_STORE_THREAD_H
#define POSTROOM_STORE_THREAD_H

#include "daemon/base/span.h"

struct db;

/* Within the transaction that files it, before its row is added; both as mime_message has them. *thread_out 0: it begins its own thread. */
enum err thread_join(struct db *db, uint64_t content, struct span message_id, struct span refs, uint64_t *thread_out) MUST_CHECK;
/* When the content goes. */
enum err thread_leave(struct db *db, uint64_t content, struct span message_id, struct span refs) MUST_CHECK;

#endif
