/* events/trace_batch.h: a buffer of notes becomes rows. */
#ifndef POSTROOM_EVENTS_TRACE_BATCH_H
#define POSTROOM_EVENTS_TRACE_BATCH_H

#include "daemon/events/trace_note.h"
#include "db/db.h"

struct trace_batch {
	struct span notes;
	bool keep_subjects;
	int64_t last_message;  /* in and out: the highest id of a message */
	int64_t rejected_rows; /* out: added */
};
/* Inside a transaction. */
enum err trace_batch_write(struct db *db, struct trace_batch *b) MUST_CHECK;

#endif
