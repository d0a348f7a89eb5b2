/* queue/steer_account.h: what the breaker does to all messages of an account (internal to the room). */
#ifndef POSTROOM_QUEUE_STEER_ACCOUNT_H
#define POSTROOM_QUEUE_STEER_ACCOUNT_H

#include "daemon/queue/state.h"

/* All that is open and not held yet is HOLD_BREAKER from now on; the rows follow. The messages; one that can't be read now is left as it is. */
size_t steer_account_hold(struct queue *q, uint64_t account_id);
/* What is HOLD_BREAKER is due now, or gone without a DSN (`purge`). Durable on return. ERR_TEMP: not all of it; what was done is done. */
enum err steer_account_release(struct queue *q, uint64_t account_id, bool purge, uint64_t *messages_out, struct note *why) MUST_CHECK;
/* Messages with something held in them. */
uint64_t steer_account_held(struct queue *q, uint64_t account_id);

#endif
