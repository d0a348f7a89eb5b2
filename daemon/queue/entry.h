/* queue/entry.h: a message in memory: made before its rows, known by id after them. */
#ifndef POSTROOM_QUEUE_ENTRY_H
#define POSTROOM_QUEUE_ENTRY_H

#include "daemon/queue/state.h"

struct queue_row;
struct queue_recipient_row;

struct entry_plan {
	const struct queue_row *row;
	const struct queue_recipient_row *recipients; /* sorted by where they go */
	const struct span *hops;                      /* of the remote ones, by index */
	size_t count;
	int64_t real_ms, mono_ms; /* now */
	int64_t lifetime_max_ms;  /* what the wall clock says of its end is believed so far, and RELEASE_MAX_MS more where it was to go later */
	int64_t notice_ms;        /* until the sender is told of a delay; 0: never */
	bool with_detail;         /* else it is read back when it is needed */
};

/* Copies everything; its lanes exist from here on, so that nothing can fail once the rows are durable. Takes queue.lock itself. */
enum err entry_new(struct queue *q, const struct entry_plan *plan, struct entry **out) MUST_CHECK;

/* With queue.lock held: */
void entry_free(struct queue *q, struct entry **e);
struct entry *entry_find(const struct queue *q, const struct queue_id *id); /* null: none */
void entry_link(struct queue *q, struct entry *e);
void entry_unlink(struct queue *q, struct entry *e);
/* Its parts are placed: due when they say. */
void entry_start(struct queue *q, struct entry *e);

#endif
