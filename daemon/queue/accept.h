/* queue/accept.h: sealed messages, as the rest of the room stores and adopts them. */
#ifndef POSTROOM_QUEUE_ACCEPT_H
#define POSTROOM_QUEUE_ACCEPT_H

#include "daemon/queue/state.h"

/* db_member.run: the rows of a sealed message; `arg` is the accept. */
enum err accept_store(struct db *db, void *arg) MUST_CHECK;
/* A notice of ours: no setting limits its size. */
void accept_is_ours(struct accept *a);
size_t accept_weight(const struct accept *a);
/* To the trace and the watchers, once the rows are durable; before accept_adopt(). */
void accept_tell(struct accept *a);
/* The rows are durable: what was sealed becomes an entry that is due now. Takes *a. With queue.lock held. */
void accept_adopt(struct accept **a);

/* Lists of sealed ones. */
void accept_push(struct accept **list, struct accept *a);
struct accept *accept_pop(struct accept **list);
struct accept *accept_next(const struct accept *a);
/* With queue.lock held. */
void accept_free_list(struct accept **list);

#endif
