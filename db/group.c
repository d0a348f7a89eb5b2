/* db/group.c: group commit.
 *
 *   waiting --take--> in the batch --run--> decided --commit--> told
 *
 * (1) `leading` is held by one thread at a time; only it touches the handle.
 * (2) Nobody is told success before the commit of his batch; done() is called without the lock.
 * (3) When SQLite gives up the whole transaction (full disk, I/O error), nothing of the batch remains and all are told ERR_TEMP.
 * (4) A handle that cannot begin is closed and opened again, so the group recovers when the disk does.
 *
 * Without a thread of its own the first that comes leads. It hands on to one that blocks in db_group_run() as soon as its
 * own batch is done, so nobody works for others without end.
 */
#include "db/group.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/handle.h"
#include "db/stmt.h"

/* The checkpointer copies most of the WAL while we go on, but only a checkpoint between two transactions can copy all of
 * it, after which SQLite begins it anew. */
#define WAL_FINISH_PAGES 4096
#define WAL_RETRY_PAGES 1024

struct db_group {
	pthread_mutex_t lock; /* guards what follows, up to `stats` */
	pthread_cond_t work;  /* for the committer, and for db_group_free */
	struct db_member *head, **tail;
	bool leading, stopping;
	struct db_group_stats stats;

	bool own_thread;
	pthread_t thread;

	/* Of the leader. */
	struct db *db; /* null: lost, to be opened again */
	char *path;
	const struct db_schema *schema;
	int checkpoint_at;
};

struct batch {
	struct db_member *head;
	size_t count;
};

/* One that blocks in db_group_run(). */
struct waiter {
	struct db_group *group;
	pthread_cond_t told;
	bool finished, lead; /* the group's lock guards them */
	enum err (*run)(struct db *db, void *arg);
	void *arg;
	enum err result;
};

static enum err waiter_run(struct db *db, void *arg)
{
	struct waiter *w = arg;

	return w->run(db, w->arg);
}

static void waiter_done(void *arg, enum err result)
{
	struct waiter *w = arg;
	struct db_group *g = w->group;

	pthread_mutex_lock(&g->lock);
	w->result = result;
	w->finished = true;
	pthread_cond_signal(&w->told);
	pthread_mutex_unlock(&g->lock);
}

static void append(struct db_group *g, struct db_member *m)
{
	m->next = NULL;
	m->result = ERR_TEMP;
	*g->tail = m;
	g->tail = &m->next;
}

/* At least one, if there is one. */
static struct batch take_batch(struct db_group *g)
{
	struct batch b = { g->head, 0 };
	struct db_member **link = &g->head;
	size_t bytes = 0;

	while (*link && b.count < DB_GROUP_MAX_MEMBERS) {
		size_t weight = (*link)->weight_bytes;

		if (b.count && (weight > DB_GROUP_MAX_BYTES || bytes > DB_GROUP_MAX_BYTES - weight))
			break;
		bytes = weight > DB_GROUP_MAX_BYTES ? DB_GROUP_MAX_BYTES : bytes + weight;
		b.count++;
		link = &(*link)->next;
	}
	if (link != &g->head) {
		struct db_member *rest = *link;

		*link = NULL;
		g->head = rest;
		if (!rest)
			g->tail = &g->head;
	}
	return b;
}

static enum err reopen(struct db_group *g)
{
	db_close(&g->db);
	/* A file that is gone must not come back empty. */
	if (access(g->path, F_OK))
		return ERR_TEMP;
	return db_open(g->path, g->schema, DB_WRITE, &g->db, NULL);
}

static enum err begin(struct db_group *g)
{
	enum err e;

	if (!g->db) {
		e = reopen(g);
		return e ? e : db_begin(g->db);
	}
	e = db_begin(g->db);
	if (!e || db_is_busy(g->db))
		return e;
	e = reopen(g);
	return e ? e : db_begin(g->db);
}

/* False: SQLite gave up the whole transaction. */
static bool run_member(struct db *db, struct db_member *m)
{
	m->result = db_part_begin(db);
	if (m->result)
		return false;
	m->result = m->run(db, m->arg);
	return db_in_transaction(db) && db_part_end(db, !m->result) == ERR_OK;
}

/* False: nothing may be committed. */
static bool run_members(struct db *db, const struct batch *b)
{
	bool any = false;

	if (b->head && !b->head->next) {
		b->head->result = b->head->run(db, b->head->arg);
		return b->head->result == ERR_OK;
	}
	for (struct db_member *m = b->head; m; m = m->next) {
		if (!run_member(db, m))
			return false;
		any = any || m->result == ERR_OK;
	}
	return any;
}

static void fail_all(const struct batch *b, enum err e)
{
	for (struct db_member *m = b->head; m; m = m->next) {
		if (m->result == ERR_OK)
			m->result = e;
	}
}

static void run_batch(struct db_group *g, const struct batch *b)
{
	enum err e;

	for (struct db_member *m = b->head; m; m = m->next)
		m->result = ERR_OK;
	e = begin(g);
	if (e) {
		fail_all(b, e);
		return;
	}
	if (!run_members(g->db, b)) {
		db_rollback(g->db);
		fail_all(b, ERR_TEMP);
	} else if (db_commit(g->db)) {
		fail_all(b, ERR_TEMP);
	}
}

static void tell(struct batch *b)
{
	struct db_member *m = b->head;

	while (m) {
		struct db_member *next = m->next; /* m may be gone after done() */

		m->done(m->arg, m->result);
		m = next;
	}
}

static void finish_wal(struct db_group *g)
{
	int left;

	if (!g->db || g->db->wal_pages < g->checkpoint_at) {
		if (g->db && g->db->wal_pages < WAL_FINISH_PAGES)
			g->checkpoint_at = WAL_FINISH_PAGES;
		return;
	}
	/* While the checkpointer is at work we are turned away at once and try after the next commit. With a reader in the way
	 * there is no point in doing so often, nor when it was waited for. */
	if (db_checkpoint(g->db, 0, &left) == ERR_OK || g->db->wal_pages > DB_WAL_RESTART_PAGES)
		g->checkpoint_at = g->db->wal_pages + WAL_RETRY_PAGES;
}

/* Called and returns with the lock held; `leading` is ours. */
static void lead_once(struct db_group *g)
{
	struct batch b = take_batch(g);

	pthread_mutex_unlock(&g->lock);
	run_batch(g, &b);
	pthread_mutex_lock(&g->lock);
	g->stats.commits++;
	g->stats.members += b.count;
	pthread_mutex_unlock(&g->lock);
	tell(&b);
	finish_wal(g);
	pthread_mutex_lock(&g->lock);
}

static struct waiter *waiting_thread(struct db_group *g)
{
	for (struct db_member *m = g->head; m; m = m->next) {
		if (m->done == waiter_done)
			return m->arg;
	}
	return NULL;
}

/* The lock is held and `leading` is ours. Returns when it has been handed on or given up. */
static void lead(struct db_group *g)
{
	struct waiter *heir = NULL;

	while (g->head && !heir) {
		lead_once(g);
		heir = waiting_thread(g);
	}
	if (heir) {
		heir->lead = true;
		pthread_cond_signal(&heir->told);
		return;
	}
	g->leading = false;
	if (g->stopping)
		pthread_cond_broadcast(&g->work);
}

static void *committer(void *arg)
{
	struct db_group *g = arg;

	pthread_mutex_lock(&g->lock);
	while (g->head || !g->stopping) {
		if (g->head)
			lead_once(g);
		else
			pthread_cond_wait(&g->work, &g->lock);
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

enum err db_group_new(struct db **db, bool own_thread, struct db_group **out)
{
	struct db_group *g = calloc(1, sizeof(*g));

	*out = NULL;
	if (!g)
		return ERR_TEMP;
	g->path = strdup(db_path(*db));
	if (!g->path) {
		free(g);
		return ERR_TEMP;
	}
	g->schema = (*db)->schema;
	g->db = *db;
	g->tail = &g->head;
	g->own_thread = own_thread;
	g->checkpoint_at = WAL_FINISH_PAGES;
	(void)pthread_mutex_init(&g->lock, NULL);
	(void)pthread_cond_init(&g->work, NULL);
	if (own_thread && pthread_create(&g->thread, NULL, committer, g)) {
		g->db = NULL;
		g->own_thread = false;
		db_group_free(&g);
		return ERR_TEMP;
	}
	*db = NULL;
	*out = g;
	return ERR_OK;
}

void db_group_free(struct db_group **group)
{
	struct db_group *g = *group;

	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->stopping = true;
	pthread_cond_broadcast(&g->work);
	while (!g->own_thread && g->leading)
		pthread_cond_wait(&g->work, &g->lock);
	pthread_mutex_unlock(&g->lock);
	if (g->own_thread)
		(void)pthread_join(g->thread, NULL);
	db_close(&g->db);
	(void)pthread_cond_destroy(&g->work);
	(void)pthread_mutex_destroy(&g->lock);
	free(g->path);
	free(g);
	*group = NULL;
}

void db_group_submit(struct db_group *g, struct db_member *member)
{
	pthread_mutex_lock(&g->lock);
	append(g, member);
	if (g->own_thread) {
		pthread_cond_signal(&g->work);
	} else if (!g->leading) {
		g->leading = true;
		lead(g);
	}
	pthread_mutex_unlock(&g->lock);
}

enum err db_group_run(struct db_group *g, enum err (*run)(struct db *db, void *arg), void *arg, size_t weight_bytes)
{
	struct waiter w = { .group = g, .told = PTHREAD_COND_INITIALIZER, .run = run, .arg = arg };
	struct db_member m = { .run = waiter_run, .done = waiter_done, .arg = &w, .weight_bytes = weight_bytes };

	pthread_mutex_lock(&g->lock);
	append(g, &m);
	if (g->own_thread) {
		pthread_cond_signal(&g->work);
	} else if (!g->leading) {
		g->leading = true;
		w.lead = true;
	}
	while (!w.finished) {
		if (w.lead) {
			w.lead = false;
			lead(g);
		} else {
			pthread_cond_wait(&w.told, &g->lock);
		}
	}
	pthread_mutex_unlock(&g->lock);
	(void)pthread_cond_destroy(&w.told);
	return w.result;
}

struct db_group_stats db_group_stats(struct db_group *g)
{
	struct db_group_stats stats;

	pthread_mutex_lock(&g->lock);
	stats = g->stats;
	pthread_mutex_unlock(&g->lock);
	return stats;
}
