/* queue/sender.h: accounts that send outside, in memory: found, read, and their windows of time (internal to sending). */
#ifndef POSTROOM_QUEUE_SENDER_H
#define POSTROOM_QUEUE_SENDER_H

#include "daemon/queue/sending_state.h"

/* Locks sending.lock, and stays so whatever it returns. The sender is loaded, and its ring is of now. Null: no memory, or not to be read now. */
struct sender *sender_lock(struct queue *q, uint64_t account_id);
/* With the lock held. The one in memory, loaded or not; null: none. */
struct sender *sender_find(struct sending *x, uint64_t account_id);
/* With the lock held: the one in memory, or a new one that is not loaded. Null without memory. */
struct sender *sender_make(struct sending *x, uint64_t account_id);
/* With the lock held: that hour of the ring; null: it is not in it. */
struct sent_count *sender_count(struct sender *s, int64_t hour);
/* With the lock held: to be read again when it is asked for next; what was not written is forgotten. */
void sender_unload(struct sender *s);
/* The ring goes on to that hour. */
void sender_advance(struct sender *s, int64_t hour);
uint32_t *sender_changes(struct sending *x, uint64_t account_id);

struct sender_window {
	uint64_t hour, hour_new, day, day_new, failed_day;
	uint64_t failed, failed_of; /* of the hour that runs and the one before */
};
/* As it will be at that time if nothing comes in between; not before the ring's hour. */
struct sender_window sender_window_at(const struct sender *s, int64_t real_ms);

struct sender_limits {
	int64_t hour, day, fresh; /* 0: no limit */
	bool own;
	bool breaker;
};
struct sender_limits sender_limits(struct queue *q, uint64_t account_id);
/* With the lock held: stops a sender that the breaker finds to be stolen, in memory; the sending thread does the rest. */
void sender_judge(struct sending *x, struct sender *s, const struct sender_limits *limits);

#endif
