/* events/trace_state.h: what an open trace is; of this room alone. */
#ifndef POSTROOM_EVENTS_TRACE_STATE_H
#define POSTROOM_EVENTS_TRACE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/base/buf.h"
#include "daemon/events/trace.h"
#include "db/db.h"

struct trace {
	struct trace_config config;
	char *path;

	pthread_mutex_t lock; /* guards what follows; a leaf */
	pthread_cond_t work, written;
	struct buf notes;
	uint64_t taken_notes, noted_notes, written_notes; /* in order: how many were ever added, taken, written or lost */
	int64_t refused_room, refused_ms;                 /* how many refusals may still be noted, as of then */
	bool urgent, stopping;
	_Atomic uint64_t written_count, dropped_count;

	pthread_mutex_t writer_lock; /* guards writer; outside it no other lock is taken */
	struct db *writer;
	pthread_mutex_t reader_lock; /* guards reader; for a slice */
	struct db *reader;

	pthread_t thread;
	bool runs;
	/* Of the thread: */
	int64_t last_message; /* id */
	int64_t rejected_rows;
	bool damaged;          /* what is written does not fit: put aside at the end */
	bool trim_left;        /* something more urgent came between */
	int64_t trimmed_ms;    /* monotonic */
	uint64_t told_dropped; /* in the log */
	int64_t told_ms;
};

/* trace.c: what was noted before this call is in the file when it returns, or a few seconds have passed. */
void trace_settle(struct trace *t);

#endif
