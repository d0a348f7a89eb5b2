/* api/jobs.c: the thread that does long work, job by job.
 *
 * (1) `lock` is never held while a step runs or the database is asked.
 * (2) A step, its items, its audit entries and the job's progress are one commit.
 * (3) Between two steps the thread pauses, so that whoever waits for the directory's change lock gets it.
 */
#include "api/jobs.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/commit.h"
#include "api/idempotency.h"
#include "api/job_row.h"
#include "api/reply.h"
#include "api/routes.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/events/audit.h"
#include "daemon/events/events.h"

#define PAUSE_MS 2
#define EVENT_EVERY_MS 1000
#define JOB_ARENA_MAX (1u << 20)
#define STEP_ARENA_MAX (8u << 20)

struct raised {
	struct raised *next;
	int event;
	const char *verb;
	struct span subject, domain;
};

struct job {
	struct job *next; /* of those that wait */
	const struct api_context *context;
	struct job_work work;
	void *arg;
	struct arena arena; /* of the job */
	struct arena step;  /* of one step */
	struct job_actor actor;
	struct db_job row;
	uint64_t items;      /* results written so far */
	enum err item_error; /* the first of this step */
	struct raised *raised, **raised_last;
	_Atomic bool cancelled;
	_Atomic bool ended; /* set before its last state can be read: from then on there is nothing to cancel */
	int64_t event_ms;   /* when the last event was raised; monotonic */
};

struct jobs {
	const struct api_context *context;
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct job *first, **last, *running;
	unsigned waiting;
	bool stopping;
};

/* ---- a job by itself ---- */

static void job_free(struct job **job)
{
	if (!*job)
		return;
	(*job)->work.free((*job)->arg);
	arena_clear(&(*job)->step);
	arena_clear(&(*job)->arena);
	free(*job);
	*job = NULL;
}

static struct job *job_new(struct api_call *c, const struct job_work *work, void *arg, uint64_t total)
{
	struct job *job = calloc(1, sizeof *job);
	struct net_addr_text peer = net_ip_text(&c->request->peer);

	if (!job) {
		work->free(arg);
		return NULL;
	}
	job->context = c->context;
	job->work = *work;
	job->arg = arg;
	arena_init(&job->arena, JOB_ARENA_MAX);
	arena_init(&job->step, STEP_ARENA_MAX);
	job->actor = (struct job_actor){
		.account_id = c->caller.account_id,
		.name = arena_copy(&job->arena, c->caller.name),
		.via = arena_copy(&job->arena, c->caller.via),
		.operation = span_str(routes[c->operation].name),
		.request_id = arena_copy(&job->arena, c->request->request_id),
		.peer = c->request->peer.family == NET_NONE ? SPAN("") : arena_copy(&job->arena, span_str(peer.text)),
	};
	job->row = (struct db_job){ .account_id = c->caller.account_id, .token_id = c->caller.token_id, .operation = job->actor.operation, .actor = job->actor.name, .state = JOB_WAITING, .created_ms = clock_real_ms(), .total = total };
	if (job->arena.failed)
		job_free(&job);
	return job;
}

const struct api_context *job_context(const struct job *job)
{
	return job->context;
}

const struct job_actor *job_actor(const struct job *job)
{
	return &job->actor;
}

bool job_must_end(const struct job *job)
{
	struct jobs *j = job->context->jobs;
	bool stopping = false;

	if (j) {
		pthread_mutex_lock(&j->lock);
		stopping = j->stopping;
		pthread_mutex_unlock(&j->lock);
	}
	return stopping || job->cancelled;
}

/* ---- inside of a step ---- */

struct item_row {
	uint64_t job;
	struct db_job_item item;
};

static enum err add_item(struct db *db, void *arg)
{
	const struct item_row *row = arg;

	return db_job_item_add(db, row->job, &row->item);
}

void job_item(struct job *job, struct span subject, int status, const char *code, const char *detail)
{
	struct item_row row = { job->row.id, { job->items + 1, status, subject, span_str(code), span_str(detail) } };

	if (job->item_error == ERR_OK)
		job->item_error = directory_write(job->context->directory, add_item, &row, NULL);
	job->items++;
	job->row.done++;
	if (status >= 400)
		job->row.failed++;
}

enum err job_change(struct job *job, struct change *change)
{
	const struct job_actor *a = &job->actor;
	struct audit_entry entry = { .actor = a->name, .actor_account = a->account_id, .via = a->via, .peer = a->peer, .request_id = a->request_id, .operation = a->operation };
	struct raised *r = arena_alloc(&job->step, sizeof *r);
	enum err e = r ? commit_audit(job->context->directory, &entry, change) : ERR_LIMIT;

	if (r) {
		*r = (struct raised){ NULL, change->event, change->verb, arena_copy(&job->step, change->subject), arena_copy(&job->step, change->domain) };
		*job->raised_last = r;
		job->raised_last = &r->next;
	}
	json_decref(change->before);
	json_decref(change->after);
	change->before = change->after = NULL;
	return e;
}

/* ---- running ---- */

static enum err update_row(struct db *db, void *arg)
{
	return db_job_update(db, arg);
}

static void tell(struct job *job, bool always)
{
	int64_t now = clock_mono_ms();
	char subject[32], done[32], total[32];
	struct event event = { .type = EVENT_JOB_CHANGED, .field_count = 4 };

	if (!always && now - job->event_ms < EVENT_EVERY_MS)
		return;
	job->event_ms = now;
	snprintf(subject, sizeof subject, "job_%llu", (unsigned long long)job->row.id);
	snprintf(done, sizeof done, "%llu", (unsigned long long)job->row.done);
	snprintf(total, sizeof total, "%llu", (unsigned long long)job->row.total);
	event.subject = span_str(subject);
	event.fields[0] = (struct event_field){ "operation", job->actor.operation };
	event.fields[1] = (struct event_field){ "state", span_str(job_state_name(job->row.state)) };
	event.fields[2] = (struct event_field){ "done", span_str(done) };
	event.fields[3] = (struct event_field){ "total", span_str(total) };
	events_raise(job->context->events, &event);
}

/* For good: nothing of it runs any more. */
static void end_job(struct job *job, enum job_state state, struct span detail)
{
	job->row.state = (int64_t)state;
	job->row.finished_ms = clock_real_ms();
	job->row.detail = detail;
	job->ended = true;
	if (directory_write(job->context->directory, update_row, &job->row, NULL) != ERR_OK)
		log_event(LOG_WARN, "api", "job_not_ended", "job=%llu", (unsigned long long)job->row.id);
	tell(job, true);
}

static enum err run_step(struct job *job, bool *done_out, struct note *why)
{
	struct db_job before = job->row;
	uint64_t items = job->items;
	enum err e = directory_begin(job->context->directory, why);

	arena_reset(&job->step);
	job->raised = NULL;
	job->raised_last = &job->raised;
	job->item_error = ERR_OK;
	*done_out = false;
	if (e != ERR_OK)
		return e;
	e = job->work.step(job, job->arg, done_out, why);
	if (e == ERR_OK)
		e = job->item_error;
	if (e == ERR_OK && *done_out) {
		job->row.state = JOB_DONE;
		job->row.finished_ms = clock_real_ms();
		job->ended = true;
	}
	if (e == ERR_OK)
		e = directory_write(job->context->directory, update_row, &job->row, why);
	if (e == ERR_OK)
		e = directory_commit(job->context->directory, why);
	directory_end(job->context->directory);
	if (e != ERR_OK) {
		job->ended = false;
		job->row = before;
		job->items = items;
		return e;
	}
	for (const struct raised *r = job->raised; r; r = r->next)
		commit_raise(job->context->events, r->event, r->subject, r->domain, r->verb, job->actor.name);
	if (job->work.committed)
		job->work.committed(job, job->arg);
	tell(job, *done_out);
	return ERR_OK;
}

/* True: it may go on. Without a thread (`j` null) nobody else waits. */
static bool pause_between(struct jobs *j)
{
	bool going;

	if (!j)
		return true;
	pthread_mutex_lock(&j->lock);
	if (!j->stopping)
		(void)wait_for(&j->changed, &j->lock, PAUSE_MS);
	going = !j->stopping;
	pthread_mutex_unlock(&j->lock);
	return going;
}

static void run_job(struct jobs *j, struct job *job)
{
	struct note why = { "" };
	bool done = false;
	enum err e = ERR_OK;

	job->row.state = JOB_RUNNING;
	while (e == ERR_OK && !done) {
		if (job->cancelled) {
			end_job(job, JOB_CANCELLED, SPAN(""));
			return;
		}
		if (!pause_between(j)) {
			end_job(job, JOB_FAILED, SPAN("interrupted"));
			return;
		}
		e = run_step(job, &done, &why);
	}
	if (e != ERR_OK) {
		log_event(LOG_WARN, "api", "job_failed", "job=%llu why=%s", (unsigned long long)job->row.id, log_quote(span_str(why.text[0] ? why.text : err_name(e))).text);
		end_job(job, JOB_FAILED, span_str(why.text[0] ? why.text : err_name(e)));
	}
}

/* ---- the thread ---- */

static struct job *next_job(struct jobs *j)
{
	struct job *job = NULL;

	pthread_mutex_lock(&j->lock);
	while (!j->stopping && !j->first)
		pthread_cond_wait(&j->changed, &j->lock);
	if (!j->stopping) {
		job = j->first;
		j->first = job->next;
		if (!j->first)
			j->last = &j->first;
		j->waiting--;
		j->running = job;
	}
	pthread_mutex_unlock(&j->lock);
	return job;
}

static void *run_jobs(void *arg)
{
	struct jobs *j = arg;
	struct job *job;

	while ((job = next_job(j)) != NULL) {
		run_job(j, job);
		pthread_mutex_lock(&j->lock);
		j->running = NULL;
		pthread_mutex_unlock(&j->lock);
		job_free(&job);
	}
	return NULL;
}

static enum err end_open(struct db *db, void *arg)
{
	(void)arg;
	return db_job_end_open(db, JOB_FAILED, clock_real_ms(), SPAN("interrupted"));
}

enum err jobs_start(const struct api_context *context, struct jobs **out, struct note *why)
{
	struct jobs *j;
	enum err e = directory_write(context->directory, end_open, NULL, why);

	if (e != ERR_OK)
		return e;
	j = calloc(1, sizeof *j);
	if (!j || wait_init(&j->changed) != ERR_OK) {
		free(j);
		return ERR_TEMP;
	}
	j->context = context;
	j->last = &j->first;
	pthread_mutex_init(&j->lock, NULL);
	if (pthread_create(&j->thread, NULL, run_jobs, j) != 0) {
		note_set(why, "no thread for jobs");
		pthread_cond_destroy(&j->changed);
		pthread_mutex_destroy(&j->lock);
		free(j);
		return ERR_TEMP;
	}
	*out = j;
	return ERR_OK;
}

void jobs_stop(struct jobs **j)
{
	struct job *job;

	if (!*j)
		return;
	pthread_mutex_lock(&(*j)->lock);
	(*j)->stopping = true;
	pthread_cond_broadcast(&(*j)->changed);
	pthread_mutex_unlock(&(*j)->lock);
	pthread_join((*j)->thread, NULL);
	while ((job = (*j)->first) != NULL) {
		(*j)->first = job->next;
		end_job(job, JOB_FAILED, SPAN("interrupted"));
		job_free(&job);
	}
	pthread_cond_destroy(&(*j)->changed);
	pthread_mutex_destroy(&(*j)->lock);
	free(*j);
	*j = NULL;
}

/* ---- calls ---- */

static enum err add_row(struct db *db, void *arg)
{
	struct job *job = arg;
	enum err e = db_job_trim(db, JOBS_KEPT);

	return e == ERR_OK ? db_job_add(db, &job->row, &job->row.id) : e;
}

/* The row and the kept answer are one commit. */
static enum err store_job(struct api_call *c, struct job *job)
{
	char id[32];
	json_t *out;
	enum err e = directory_begin(c->context->directory, NULL);

	if (e != ERR_OK)
		return e;
	e = directory_write(c->context->directory, add_row, job, NULL);
	if (e == ERR_OK) {
		snprintf(id, sizeof id, "job_%llu", (unsigned long long)job->row.id);
		call_location(c, "jobs", span_str(id));
		out = job_json(&job->row);
		call_reply_json(c, 202, &out);
		e = idempotency_keep(c);
	}
	if (e == ERR_OK)
		e = directory_commit(c->context->directory, NULL);
	directory_end(c->context->directory);
	if (e != ERR_OK) {
		reply_reset(c->response);
		call_reply_error(c, e, NULL);
	}
	return e;
}

static bool has_room(struct jobs *j)
{
	bool room;

	pthread_mutex_lock(&j->lock);
	room = j->waiting < JOBS_WAITING_MAX && !j->stopping;
	pthread_mutex_unlock(&j->lock);
	return room;
}

static void hand_over(struct jobs *j, struct job *job)
{
	pthread_mutex_lock(&j->lock);
	*j->last = job;
	j->last = &job->next;
	j->waiting++;
	pthread_cond_broadcast(&j->changed);
	pthread_mutex_unlock(&j->lock);
}

void call_reply_job(struct api_call *c, const struct job_work *work, void *arg, uint64_t total)
{
	struct jobs *j = c->context->jobs;
	struct job *job = job_new(c, work, arg, total);
	json_t *out;

	if (!job) {
		call_reply_error(c, ERR_TEMP, NULL);
		return;
	}
	if (j && !has_room(j)) {
		call_reply_problem(c, 429, "too_many_jobs", NULL, "%d jobs wait already", JOBS_WAITING_MAX);
		reply_retry_after(c, 10);
		job_free(&job);
		return;
	}
	if (store_job(c, job) != ERR_OK) {
		job_free(&job);
		return;
	}
	if (j) {
		hand_over(j, job);
		return;
	}
	run_job(NULL, job);
	out = job_json(&job->row);
	call_reply_json(c, 200, &out);
	job_free(&job);
}

enum err job_add(struct api_call *c, const struct job_work *work, void *arg, uint64_t total, struct job **out, uint64_t *id_out)
{
	struct job *job = job_new(c, work, arg, total);
	enum err e = job ? ERR_OK : ERR_TEMP;

	if (e == ERR_OK && c->context->jobs && !has_room(c->context->jobs))
		e = ERR_LIMIT;
	if (e == ERR_OK)
		e = directory_write(c->context->directory, add_row, job, NULL);
	if (e != ERR_OK)
		job_free(&job);
	*out = job;
	*id_out = job ? job->row.id : 0;
	return e;
}

void job_begin(struct api_call *c, struct job **job, bool go)
{
	if (*job && go && c->context->jobs) {
		hand_over(c->context->jobs, *job);
		*job = NULL;
		return;
	}
	if (*job && go)
		run_job(NULL, *job);
	job_free(job);
}

bool jobs_cancel(struct jobs *j, uint64_t id)
{
	struct job *found = NULL, **at;
	bool open = false;

	pthread_mutex_lock(&j->lock);
	if (j->running && j->running->row.id == id && !j->running->ended) {
		j->running->cancelled = true;
		open = true;
	}
	for (at = &j->first; *at && !found; at = &(*at)->next) {
		if ((*at)->row.id != id)
			continue;
		found = *at;
		open = true;
		*at = found->next;
		if (!*at)
			j->last = at;
		j->waiting--;
		break;
	}
	pthread_mutex_unlock(&j->lock);
	if (found)
		end_job(found, JOB_CANCELLED, SPAN(""));
	job_free(&found);
	return open;
}
