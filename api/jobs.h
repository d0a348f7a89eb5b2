/* api/jobs.h: long work, done one after another on a thread of its own, in short batches, so that nobody waits for it. Internal to api/, but
 * for its life, which is main's.
 *
 *   job_submit --> WAITING --the thread--> RUNNING --step() after step()--> DONE
 *                     |                       +--step() failed, or a restart--> FAILED ("interrupted")
 *                     +--job_cancel-----------+--between two steps--> CANCELLED
 *
 * Progress and the result of each item are rows of control.db, written in the batch of the step that made them.
 */
#ifndef POSTROOM_API_JOBS_H
#define POSTROOM_API_JOBS_H

#include "api/api.h"

struct api_call;
struct job;
struct jobs;

#define JOBS_WAITING_MAX 20  /* in all; more are refused with 429 */
#define JOBS_KEPT 200        /* finished ones; the oldest go */
#define JOB_ITEMS_MAX 100000 /* of one job */
#define JOB_STEP 500         /* items of a batch, about */

enum job_state { JOB_WAITING = 0,
		 JOB_RUNNING = 1,
		 JOB_DONE = 2,
		 JOB_FAILED = 3,
		 JOB_CANCELLED = 4 };
const char *job_state_name(int64_t state); /* "waiting", "running", "done", "failed", "cancelled" */

/* With the daemon's parts; context is borrowed. What a crash has left running or waiting becomes FAILED, "interrupted". */
enum err jobs_start(const struct api_context *context, struct jobs **out, struct note *why) MUST_CHECK;
void jobs_stop(struct jobs **j); /* the running one ends after its step and becomes FAILED, "interrupted", like those that wait */

/* What a kind of job does. `arg` is the job's own (its list of items, copied: the call is long over). */
struct job_work {
	/* About JOB_STEP items, inside a batch of the directory that is committed behind it: job_item() for each. *done_out: nothing is left. An error ends
	 * the job (why says why); the batch is rolled back. No slow waits: work that blocks longer than some 100 ms is cut in smaller steps. */
	enum err (*step)(struct job *job, void *arg, bool *done_out, struct note *why);
	/* After the commit of a step; may be null: what follows a change (sessions to end, mailboxes to erase). */
	void (*committed)(struct job *job, void *arg);
	void (*free)(void *arg);
};

/* Answers the call: 202 with the job and its Location, or 429, 503. Takes `arg` in every case. `total`: items, 0 when it is not known yet. With dry_run
 * handlers do without a job: they answer themselves. Without the daemon (context->jobs null) it is all done before the answer: 200 with the finished job. */
void call_reply_job(struct api_call *c, const struct job_work *work, void *arg, uint64_t total);

/* The same as part of a call's own change: the job's row joins the open batch; job_begin() behind call_finish() lets it run, or (`go` false: the batch
 * was rolled back) forgets it; null is allowed. Takes `arg` in every case. ERR_LIMIT: too many wait. */
enum err job_add(struct api_call *c, const struct job_work *work, void *arg, uint64_t total, struct job **out, uint64_t *id_out) MUST_CHECK;
void job_begin(struct api_call *c, struct job **job, bool go);

/* False: it is over, or was never there. A running one ends after its step. */
bool jobs_cancel(struct jobs *j, uint64_t id);

/* ---- inside of step() and committed() ---- */

const struct api_context *job_context(const struct job *job);
struct job_actor {
	uint64_t account_id;
	struct span name, via; /* as the audit has them */
	struct span operation, request_id, peer;
};
const struct job_actor *job_actor(const struct job *job);
/* Cancelled, or the daemon stops: what takes long ends. */
bool job_must_end(const struct job *job);
/* The result of one item: what it is about ("alice@example.org"), 200 201 204 404 409 422..., and with a failure its code and words. */
void job_item(struct job *job, struct span subject, int status, const char *code, const char *detail);
/* An audit entry of the step's batch, in the name of who asked; JSON values are taken and may be null; `event` as in struct change. */
struct change;
enum err job_change(struct job *job, struct change *change) MUST_CHECK;

#endif
