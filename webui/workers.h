/* webui/workers.h: the api threads: jobs that may block, behind a bounded queue; internal to webui/. */
#ifndef POSTROOM_WEBUI_WORKERS_H
#define POSTROOM_WEBUI_WORKERS_H

#include "daemon/base/span.h"

#define WORKERS_QUEUE_MAX 256

struct job {
	void (*run)(struct job *job);
	struct job *next; /* of the workers */
};

struct workers;
enum err workers_start(unsigned threads, struct workers **out) MUST_CHECK;
/* ERR_LIMIT: the queue is full; the job stays the caller's. */
enum err workers_add(struct workers *w, struct job *job) MUST_CHECK;
/* Runs what waits, then ends. */
void workers_stop(struct workers **w);

#endif
