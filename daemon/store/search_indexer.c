/* store/search_indexer.c: which account is next, and when.
 *
 *   quiet --wake--> waiting --SETTLE_MS, no rush--> a visit: batches for VISIT_MS at most --> quiet, or waiting again: more to be done, or an error
 *
 * (1) An account waits once. What comes while it is visited makes it wait again, so nothing is missed; an account for which there was no room is found by its
 *     next message or search.
 * (2) The thread is the last in the queue for the processor and the disk. It rests behind each batch, longer when others had to take the processor from it, and
 *     does not begin, nor goes on, while mail comes in fast; but 30 s of that, and it does a batch.
 * (3) An account is held open only within a visit; whoever erases it makes the thread leave. An account that is gone is forgotten at its next visit.
 */
#include "daemon/store/search_indexer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/store/mailstore.h"
#include "daemon/store/search_build.h"

#define WAITING_MAX 10000
#define SETTLE_MS 1000 /* a message seldom comes alone */
#define RETRY_MS (60 * 1000)
#define AGAIN_MS 100 /* readers of a damaged file leave within a slice */
#define VISIT_MS 2000
#define LOOK_MS 250 /* whether mail comes in fast */
#define RUSH 10     /* in that time */
#define RUSH_LOOKS_MAX 120
#define REST_PART 8  /* of the time of a batch */
#define REST_TIMES 2 /* it, when others want the processor */
#define REST_MAX_MS 1000
#define PREEMPTED_MS 20 /* taken away as often as this is busy */
#define LEAVE_MAX_MS 5000
#define NICE 10
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_LOWEST (2 << 13 | 7) /* best effort, last level: no class of ionice(1) that could starve us with a lock held */

struct waiting {
	uint64_t account_id;
	int64_t due_ms;
};

struct search_indexer {
	struct store *store;
	atomic_uint_fast64_t arrived;
	atomic_bool must_leave; /* the visit: stopping, or the account is to be left */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work, left;
	struct waiting *waiting;
	size_t count;
	uint64_t visited; /* 0: none */
	bool stopping;
	struct store_search_stats stats;

	pthread_t thread;
	bool runs;
	struct search_build *build; /* of the thread; null between times of work */
};

static bool must_leave(void *arg)
{
	struct search_indexer *x = arg;

	return atomic_load_explicit(&x->must_leave, memory_order_relaxed);
}

/* With the lock. False: no room. */
static bool add(struct search_indexer *x, uint64_t account_id, int64_t due_ms)
{
	for (size_t i = 0; i < x->count; i++) {
		if (x->waiting[i].account_id == account_id)
			return true;
	}
	if (x->count + (x->visited != 0) == WAITING_MAX) /* who is visited can always wait again */
		return false;
	x->waiting[x->count++] = (struct waiting){ account_id, due_ms };
	if (x->count == 1)
		pthread_cond_signal(&x->work);
	return true;
}

void search_indexer_wake(struct mailstore *m)
{
	struct search_indexer *x = m->indexer;

	if (!x || atomic_exchange(&m->search_waits, true))
		return;
	pthread_mutex_lock(&x->lock);
	if (!add(x, m->account_id, clock_mono_ms() + SETTLE_MS))
		atomic_store(&m->search_waits, false);
	pthread_mutex_unlock(&x->lock);
}

void search_indexer_arrived(struct mailstore *m)
{
	if (m->indexer)
		atomic_fetch_add_explicit(&m->indexer->arrived, 1, memory_order_relaxed);
	search_indexer_wake(m);
}

/* True: the time went by. */
static bool rest(struct search_indexer *x, int64_t ms)
{
	const int64_t until_ms = clock_mono_ms() + ms;
	int64_t left_ms = ms;

	pthread_mutex_lock(&x->lock);
	while (left_ms > 0 && !must_leave(x)) {
		(void)wait_for(&x->work, &x->lock, left_ms);
		left_ms = until_ms - clock_mono_ms();
	}
	pthread_mutex_unlock(&x->lock);
	return !must_leave(x);
}

static bool rest_while_mail_rushes_in(struct search_indexer *x)
{
	for (unsigned i = 0; i < RUSH_LOOKS_MAX; i++) {
		const uint64_t before = atomic_load_explicit(&x->arrived, memory_order_relaxed);

		if (!rest(x, LOOK_MS))
			return false;
		if (atomic_load_explicit(&x->arrived, memory_order_relaxed) - before < RUSH)
			break;
	}
	return true;
}

static long times_preempted(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

static enum err run_batch(struct search_indexer *x, struct mailstore *m, bool *more_out, struct note *why)
{
	const int64_t from_ms = clock_mono_ms();
	const long preempted = times_preempted();
	enum err e = search_build_run(x->build, m, must_leave, x, more_out, why);
	const int64_t took_ms = clock_mono_ms() - from_ms;
	int64_t rest_ms = took_ms / REST_PART;

	if ((times_preempted() - preempted) * PREEMPTED_MS > took_ms)
		rest_ms = took_ms * REST_TIMES;
	if (!e && *more_out)
		(void)rest(x, rest_ms < REST_MAX_MS ? rest_ms : REST_MAX_MS);
	return e;
}

static enum err run_batches(struct search_indexer *x, struct mailstore *m, bool *more_out, struct note *why)
{
	const int64_t until_ms = clock_mono_ms() + VISIT_MS;
	bool is_rush = false;
	enum err e = ERR_OK;

	/* Before anything is read: what comes from here on makes it wait again. */
	atomic_store(&m->search_waits, false);
	*more_out = true;
	while (!e && *more_out && !is_rush && clock_mono_ms() < until_ms && !must_leave(x)) {
		const uint64_t before = atomic_load_explicit(&x->arrived, memory_order_relaxed);
		const int64_t from_ms = clock_mono_ms();

		e = run_batch(x, m, more_out, why);
		is_rush = (int64_t)(atomic_load_explicit(&x->arrived, memory_order_relaxed) - before) * LOOK_MS > RUSH * (clock_mono_ms() - from_ms);
	}
	return e;
}

/* True: the visit before went wrong, too. */
static bool note_result(struct search_indexer *x, uint64_t account_id, enum err e, const struct note *why)
{
	const bool is_stuck = e && e != ERR_STATE, was_stuck = x->stats.is_stuck; /* nobody else writes it */

	if (is_stuck && !was_stuck)
		log_event(LOG_ERROR, "store", "search_not_indexed", "account=%" PRIu64 " error=%s why=%s", account_id, err_name(e), log_quote(span_str(why->text)).text);
	pthread_mutex_lock(&x->lock);
	x->stats.is_stuck = is_stuck;
	x->stats.visits++;
	pthread_mutex_unlock(&x->lock);
	return was_stuck;
}

/* When the account is to be visited again; 0: when something happens. */
static int64_t visit(struct search_indexer *x, uint64_t account_id)
{
	struct note why = { "" };
	struct mailstore *m;
	bool more = false, was_stuck;
	enum err e = x->build ? ERR_OK : search_build_new(&x->build);

	if (!e)
		e = store_open_known(x->store, account_id, &m, &why);
	if (e == ERR_NOT_FOUND)
		return 0;
	if (!e) {
		e = run_batches(x, m, &more, &why);
		store_close(&m);
	}
	if (must_leave(x))
		return clock_mono_ms() + RETRY_MS;
	was_stuck = note_result(x, account_id, e, &why);
	if (!e)
		return more ? clock_mono_ms() : 0;
	/* A damaged file is made anew at once, but not again and again. */
	return clock_mono_ms() + (e == ERR_STATE || (e == ERR_CORRUPT && !was_stuck) ? AGAIN_MS : RETRY_MS);
}

/* With the lock: takes the one that is due first. 0: none yet; *wait_ms_out: until then, -1 without end. */
static uint64_t take(struct search_indexer *x, int64_t *wait_ms_out)
{
	size_t first = 0;
	uint64_t account_id;

	*wait_ms_out = -1;
	if (!x->count)
		return 0;
	for (size_t i = 1; i < x->count; i++) {
		if (x->waiting[i].due_ms < x->waiting[first].due_ms)
			first = i;
	}
	*wait_ms_out = x->waiting[first].due_ms - clock_mono_ms();
	if (*wait_ms_out > 0)
		return 0;
	account_id = x->waiting[first].account_id;
	memmove(&x->waiting[first], &x->waiting[first + 1], (--x->count - first) * sizeof(*x->waiting));
	return account_id;
}

static void begin_behind_all(void)
{
	/* Where that is not allowed we are one among others. */
	(void)setpriority(PRIO_PROCESS, 0, NICE); /* on Linux: of this thread */
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_LOWEST);
}

static void *run(void *arg)
{
	struct search_indexer *x = arg;
	int64_t wait_ms, again_ms;
	uint64_t account_id;

	begin_behind_all();
	pthread_mutex_lock(&x->lock);
	while (!x->stopping) {
		account_id = take(x, &wait_ms);
		if (!account_id) {
			if (wait_ms < 0 || wait_ms > SETTLE_MS)
				search_build_free(&x->build);
			(void)wait_for(&x->work, &x->lock, wait_ms);
			continue;
		}
		x->visited = account_id;
		pthread_mutex_unlock(&x->lock);
		again_ms = rest_while_mail_rushes_in(x) ? visit(x, account_id) : clock_mono_ms() + RETRY_MS;
		pthread_mutex_lock(&x->lock);
		x->visited = 0;
		if (!x->stopping)
			atomic_store(&x->must_leave, false);
		if (again_ms)
			(void)add(x, account_id, again_ms);
		pthread_cond_broadcast(&x->left);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

void search_indexer_leave(struct search_indexer *x, uint64_t account_id)
{
	const int64_t until_ms = clock_mono_ms() + LEAVE_MAX_MS;

	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	while (x->visited == account_id && clock_mono_ms() < until_ms) {
		atomic_store(&x->must_leave, true);
		pthread_cond_signal(&x->work);
		(void)wait_for(&x->left, &x->lock, until_ms - clock_mono_ms());
	}
	pthread_mutex_unlock(&x->lock);
}

void search_indexer_stats(struct search_indexer *x, struct store_search_stats *out)
{
	*out = (struct store_search_stats){ .waiting = 0 };
	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	*out = x->stats;
	out->waiting = x->count + (x->visited != 0);
	pthread_mutex_unlock(&x->lock);
}

enum err search_indexer_new(struct store *s, struct search_indexer **out)
{
	struct search_indexer *x = calloc(1, sizeof(*x));
	enum err e;

	*out = NULL;
	if (!x)
		return ERR_TEMP;
	x->store = s;
	pthread_mutex_init(&x->lock, NULL);
	x->waiting = calloc(WAITING_MAX, sizeof(*x->waiting));
	e = x->waiting ? wait_init(&x->work) : ERR_TEMP;
	if (!e)
		e = wait_init(&x->left);
	if (!e && pthread_create(&x->thread, NULL, run, x) != 0)
		e = ERR_TEMP;
	x->runs = !e;
	if (e)
		search_indexer_free(&x);
	*out = x;
	return e;
}

void search_indexer_free(struct search_indexer **indexer)
{
	struct search_indexer *x = *indexer;

	if (!x)
		return;
	if (x->runs) {
		pthread_mutex_lock(&x->lock);
		x->stopping = true;
		atomic_store(&x->must_leave, true);
		pthread_cond_signal(&x->work);
		pthread_mutex_unlock(&x->lock);
		(void)pthread_join(x->thread, NULL);
	}
	search_build_free(&x->build);
	pthread_cond_destroy(&x->work);
	pthread_cond_destroy(&x->left);
	pthread_mutex_destroy(&x->lock);
	free(x->waiting);
	free(x);
	*indexer = NULL;
}
