/* queue/queue.c: the queue's life: open, start, stop, close.
 *
 *   queue_open ──▶ queue_start ──▶ queue_stop ──▶ queue_close
 *
 * Accepting works from open to close; what is accepted before the start or after the stop waits in queue.db.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/queue/body.h"
#include "daemon/queue/deliver.h"
#include "daemon/queue/entry.h"
#include "daemon/queue/flush.h"
#include "daemon/queue/load.h"
#include "daemon/queue/pause.h"
#include "daemon/queue/remote.h"
#include "daemon/queue/rules.h"
#include "daemon/queue/schedule.h"
#include "daemon/queue/sending_life.h"
#include "daemon/queue/suppression.h"
#include "daemon/base/wait.h"

#define FIRST_BUCKETS 1024
#define WRITE_LAST_MS 1000 /* for the last results, even past the deadline */

static enum err init_locks(struct queue *q)
{
	enum err e = wait_init(&q->local_work);

	if (!e)
		e = wait_init(&q->remote_work);
	if (!e)
		e = wait_init(&q->tick);
	if (!e)
		e = wait_init(&q->settled);
	if (!e && (pthread_mutex_init(&q->lock, NULL) != 0 || pthread_mutex_init(&q->reader_lock, NULL) != 0))
		e = ERR_TEMP;
	return e;
}

/* The name of a new folder must survive as well: a body in it is no safer than the folder. */
static bool sync_parent(const struct queue *q)
{
	int parent = openat(q->bodies_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool kept = parent >= 0 && fsync(parent) == 0;

	if (parent >= 0)
		close(parent);
	return kept;
}

static enum err open_dir(struct queue *q, struct note *why)
{
	if (mkdir(q->config.bodies_dir, 0700) != 0 && errno != EEXIST) {
		note_set_errno(why, errno, "%s", q->config.bodies_dir);
		return ERR_TEMP;
	}
	q->bodies_fd = open(q->config.bodies_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (q->bodies_fd >= 0 && sync_parent(q))
		return ERR_OK;
	note_set_errno(why, errno, "%s", q->config.bodies_dir);
	return ERR_TEMP;
}

static enum err open_files(struct queue *q, struct note *why)
{
	struct db *writer = NULL;
	enum err e = db_open(q->config.path, &db_schema_queue, DB_WRITE, &writer, why);

	if (!e)
		e = db_open(q->config.path, &db_schema_queue, DB_READ, &q->reader, why);
	/* Nobody accepts yet: a file without a row is nobody's. */
	if (!e)
		e = body_sweep(q, q->reader, why);
	if (!e)
		e = db_group_new(&writer, true, &q->group);
	db_close(&writer);
	if (!e)
		e = rules_open(q, why);
	if (!e)
		e = suppression_open(q, why);
	if (!e)
		e = sending_open(q, why);
	return e;
}

enum err queue_open(const struct queue_config *config, struct queue **out, struct note *why)
{
	struct queue *q = calloc(1, sizeof(*q));
	enum err e;

	*out = NULL;
	if (!q)
		return ERR_TEMP;
	q->config = *config;
	q->bodies_fd = -1;
	q->bucket_count = FIRST_BUCKETS;
	q->buckets = calloc(q->bucket_count, sizeof(struct entry *));
	e = init_locks(q);
	if (!e && !q->buckets)
		e = ERR_TEMP;
	if (!e)
		e = open_dir(q, why);
	if (!e)
		e = open_files(q, why);
	*out = q;
	if (e)
		queue_close(out);
	return e;
}

enum err queue_start(struct queue *q, struct note *why)
{
	enum err e = pause_load(q, why);

	if (!e)
		e = load_rows(q, why);
	if (e)
		return e;
	e = sending_start(q);
	if (!e)
		e = schedule_start(q);
	for (; !e && q->delivery_count < DELIVERY_THREADS; q->delivery_count += !e)
		e = deliver_start(q, &q->delivery[q->delivery_count]);
	if (e) {
		note_set(why, "cannot start a thread");
		queue_stop(q, 0);
		return e;
	}
	pthread_mutex_lock(&q->lock);
	q->started = true;
	remote_wake(q);
	pthread_mutex_unlock(&q->lock);
	return ERR_OK;
}

/* Results of the last deliveries: a restart would only find them again in the ledgers, but a remote does not forgive. */
static void write_last(struct queue *q, int64_t deadline_ms)
{
	struct entry *finished;
	int64_t left_ms;

	pthread_mutex_lock(&q->lock);
	while (q->flush_running || q->dirty_count) {
		struct flush *f = flush_take(q, true);

		if (f) {
			pthread_mutex_unlock(&q->lock);
			flush_submit(f);
			pthread_mutex_lock(&q->lock);
			continue;
		}
		/* A disk that failed is not tried again and again. */
		if (!q->flush_running)
			break;
		left_ms = deadline_ms - clock_mono_ms();
		if (!wait_for(&q->settled, &q->lock, left_ms < WRITE_LAST_MS ? WRITE_LAST_MS : left_ms))
			break;
	}
	finished = q->finished;
	q->finished = NULL;
	q->finished_count = 0;
	pthread_mutex_unlock(&q->lock);
	flush_clean(q, finished);
}

void queue_stop(struct queue *q, int64_t deadline_ms)
{
	int64_t until_ms = clock_mono_ms() + deadline_ms;

	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_broadcast(&q->local_work);
	pthread_mutex_unlock(&q->lock);
	schedule_poke(q);
	for (; q->delivery_count; q->delivery_count--)
		pthread_join(q->delivery[q->delivery_count - 1], NULL);
	if (q->scheduler_runs)
		pthread_join(q->scheduler, NULL);
	q->scheduler_runs = false;
	remote_stop(q, until_ms);
	sending_halt(q);
	write_last(q, until_ms);
}

static void free_memory(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->first) {
		struct entry *e = q->first;

		entry_unlink(q, e);
		entry_free(q, &e);
	}
	while (q->finished) {
		struct entry *e = q->finished;

		q->finished = e->dirty_next;
		entry_free(q, &e);
	}
	pause_forget(q);
	pthread_mutex_unlock(&q->lock);
	body_forget_doubtful(q);
	free(q->buckets);
	free(q->lane_buckets);
	free(q->heap);
}

void queue_close(struct queue **queue)
{
	struct queue *q = *queue;

	*queue = NULL;
	if (!q)
		return;
	rules_close(q);
	db_group_free(&q->group);
	suppression_close(q);
	sending_close(q);
	free_memory(q);
	db_close(&q->reader);
	if (q->bodies_fd >= 0)
		close(q->bodies_fd);
	pthread_cond_destroy(&q->local_work);
	pthread_cond_destroy(&q->remote_work);
	pthread_cond_destroy(&q->tick);
	pthread_cond_destroy(&q->settled);
	pthread_mutex_destroy(&q->lock);
	pthread_mutex_destroy(&q->reader_lock);
	free(q);
}
