/* queue/detail.h: the words of a message in memory: made from rows when it is accepted, read back when somebody works on it, dropped when it is idle. */
#ifndef POSTROOM_QUEUE_DETAIL_H
#define POSTROOM_QUEUE_DETAIL_H

#include "daemon/queue/state.h"

struct queue_row;
struct queue_recipient_row;

/* A copy of what the rows say. Null without memory. */
struct detail *detail_new(const struct queue_row *row, const struct queue_recipient_row *recipients, size_t count);
void detail_free(struct detail **d, uint32_t rcpt_count);

/* In memory from here on, while the entry is held. Without queue.lock; the caller holds the entry: one of its parts is active, or detail_hold().
 * ERR_TEMP: not now. ERR_CORRUPT: its rows are not there, or others. */
enum err detail_need(struct queue *q, struct entry *e) MUST_CHECK;

/* One more that works on the entry, who sees that neither it nor its detail goes. With queue.lock held, as below. */
void detail_hold(struct entry *e);
void detail_let_go(struct queue *q, struct entry *e);
/* Drops fresh content and words when nobody works on it, all is written and nothing needs them soon; `cold`: also when it is due now, but
 * its destination is not. */
void detail_settle(struct queue *q, struct entry *e, bool cold);

#endif
