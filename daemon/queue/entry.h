/* queue/entry.h: a message in memory: made before its rows, known by id after them. */
#ifndef POSTROOM_QUEUE_ENTRY_H
#define POSTROOM_QUEUE_ENTRY_H

#include "daemon/queue/state.h"

struct entry_plan {
	struct queue_id id;
	int64_t accepted_ms, expires_mono_ms;
	uint64_t size;
	struct span reverse_path, body_file;
	bool smtputf8, body_8bit;
	const struct rcpt *rcpts; /* sorted by where they go; texts are copied */
	const struct span *hops;  /* of the remote ones, by index */
	size_t count;
};

/* Copies everything; its lanes exist from here on, so that nothing can fail once the rows are durable. Takes queue.lock itself. */
enum err entry_new(struct queue *q, const struct entry_plan *plan, struct entry **out) MUST_CHECK;

/* With queue.lock held: */
void entry_free(struct queue *q, struct entry **e);
struct entry *entry_find(const struct queue *q, const struct queue_id *id); /* null: none */
void entry_link(struct queue *q, struct entry *e);
void entry_unlink(struct queue *q, struct entry *e);
/* All of its open parts are due now. */
void entry_start(struct queue *q, struct entry *e);
/* Forgets the fresh content when nothing needs it soon. */
void entry_settle(struct queue *q, struct entry *e);

#endif
