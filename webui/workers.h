/* webui/workers.h: the api threads: jobs that may block, behind a bounded queue; internal to webui/.
 *
 * No caller holds more than half of the threads, however slow what it asks for is.
 */
#ifndef POSTROOM_WEBUI_WORKERS_H
#define POSTROOM_WEBUI_WORKERS_H

#include "daemon/base/span.h"

#define WORKERS_QUEUE_MAX 256

struct job {
	void (*run)(struct job *job);
	uint64_t key;     /* whose it is */
	struct job *next; /* of the workers */
};

struct workers;
enum err workers_start(unsigned threads, struct workers **out) MUST_CHECK;
/* ERR_LIMIT: the queue is full; the job stays the caller's. */
enum err workers_add(struct workers *w, struct job *job) MUST_CHECK;
/* A job that may have to wait for something else says so before it asks: workers_leave(). It then comes back by workers_return(), from any
 * thread, always finds room, and workers_stop() waits for it; or it needed no waiting: workers_stay(). */
void workers_leave(struct workers *w);
void workers_stay(struct workers *w);
void workers_return(struct workers *w, struct job *job);
/* Runs what waits, and what is still to return, then ends the threads; from then on workers_add() refuses. */
void workers_stop(struct workers *w);
void workers_free(struct workers **w); /* stops first where that was not done */

#endif
