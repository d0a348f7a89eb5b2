/* queue/lane.h: destinations, what is ready for them, and the states of parts. Everything with queue.lock held. */
#ifndef POSTROOM_QUEUE_LANE_H
#define POSTROOM_QUEUE_LANE_H

#include "daemon/queue/state.h"

#define LANE_LIMIT_START 2
#define LANE_LIMIT_MAX 10
#define LOCAL_BATCH_MAX 256

/* The lane of an account (`local`) or of a next hop, made when missing, with one more reference; `ranked`: for a message of a priority.
 * Null without memory. */
struct lane *lane_hold(struct queue *q, bool local, uint64_t account_id, struct span hop, bool ranked);
void lane_let_go(struct queue *q, struct lane *lane);
struct lane *lane_find(const struct queue *q, struct span hop); /* null: none */

/* The next lane of a list, moved to its end (or out of it, when it has nothing more to give now) by lane_take. Null: none. */
struct lane *lane_next(struct queue *q, enum lane_list list);
/* Takes one slot of the lane; up to `max` ready parts and about `max_bytes`, chained by `next`, become active. The forced ones first, else the
 * most urgent. */
struct part *lane_take(struct queue *q, struct lane *lane, size_t max, uint64_t max_bytes);
/* Gives the slot back. */
void lane_give(struct queue *q, struct lane *lane);
/* Nothing is taken from it for so long; 0: no longer held. */
void lane_hold_back(struct queue *q, struct lane *lane, int64_t until_ms);
/* What is ready for it need not be fresh in memory: it waits for long. */
void lane_cool(struct queue *q, struct lane *lane);
/* Something of the entry may be taken as soon as there is a thread. */
bool lane_is_near(const struct entry *e);
/* After `failures`, `limit`, `slow` or `paused` were changed. */
void lane_update(struct queue *q, struct lane *lane);

/* Where its times and holds say, from any state but done: DONE, HELD, WAITING or READY. Out of ACTIVE it gives the entry free. */
void part_place(struct queue *q, struct part *p);
/* part_place() with another time for the next attempt; 0: now. */
void part_wait(struct queue *q, struct part *p, int64_t due_ms);
/* Tried as soon as there is a thread, whatever its lane says; not when all that is open is held. */
void part_force(struct queue *q, struct part *p);
/* Active, without a slot of its lane: for work that is no attempt. */
void part_claim(struct queue *q, struct part *p);
/* One of its recipients: counts follow, it becomes dirty. Afterwards the part is placed, unless it is active. */
void part_change(struct queue *q, struct part *p, struct rcpt *r, enum recipient_state state, enum queue_hold hold);
/* Cuts a claimed part: what begins with recipient `at` becomes a part of its own, claimed as well. The detail is in memory. Null without memory. */
struct part *part_split(struct queue *q, struct part *p, uint32_t at);
/* A claimed one to another lane, which is held already. */
void part_move(struct queue *q, struct part *p, struct lane *lane);
/* It ends with its entry, whatever its state. */
void part_drop(struct queue *q, struct part *p);

#endif
