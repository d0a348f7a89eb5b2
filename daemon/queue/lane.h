/* queue/lane.h: destinations and what is ready for them. Everything with queue.lock held. */
#ifndef POSTROOM_QUEUE_LANE_H
#define POSTROOM_QUEUE_LANE_H

#include "daemon/queue/state.h"

#define LANE_LIMIT_START 2
#define LANE_LIMIT_MAX 10
#define LOCAL_BATCH_MAX 256

/* The lane of an account (`local`) or of a next hop, made when missing, with one more reference. Null without memory. */
struct lane *lane_hold(struct queue *q, bool local, uint64_t account_id, struct span hop);

/* The next lane of a list, moved to its end (or out of it, when it has nothing more to give now) by lane_take. Null: none. */
struct lane *lane_next(struct queue *q, enum lane_list list);
/* Takes one slot of the lane; up to `max` ready parts and about `max_bytes`, chained by `next`, become active. */
struct part *lane_take(struct queue *q, struct lane *lane, size_t max, uint64_t max_bytes);
/* Gives the slot back. */
void lane_give(struct queue *q, struct lane *lane);
/* Nothing is taken from it for so long; 0: no longer held. */
void lane_hold_back(struct queue *q, struct lane *lane, int64_t until_ms);
/* After `failures` or `limit` were changed. */
void lane_update(struct queue *q, struct lane *lane);

void part_ready(struct queue *q, struct part *p);
void part_wait(struct queue *q, struct part *p, int64_t due_ms);
/* Out of the waiting or ready ones (a removal); put back with part_ready or part_wait. */
void part_detach(struct queue *q, struct part *p);
/* Its recipients are finished; drops the lane. */
void part_end(struct queue *q, struct part *p);

#endif
