/* relay/ledger.c: one handle, one user at a time; a thread that sleeps while nothing was gathered.
 *
 * What is found damaged while we run is put aside at once: what was gathered since then goes to the new file.
 */
#include "daemon/relay/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "db/aside.h"
#include "db/checkpointer.h"

struct ledger {
	struct ledger_config config;
	pthread_mutex_t db_lock; /* guards db */
	struct db *db;           /* null: nothing is kept, or it could not be opened again */
	pthread_mutex_t lock;    /* guards nudged, stopping */
	pthread_cond_t changed;
	bool nudged, stopping;
	pthread_t thread;
	bool runs;
};

static enum err open_file(struct ledger *l, struct note *why)
{
	enum err e = db_open(l->config.path, &db_schema_relay, DB_WRITE, &l->db, why);

	if (e != ERR_CORRUPT)
		return e;
	log_event(LOG_ERROR, "relay", "db_damaged", "path=%s", log_quote(span_str(l->config.path)).text);
	e = db_put_aside(l->config.path, why);
	return e == ERR_OK ? db_open(l->config.path, &db_schema_relay, DB_WRITE, &l->db, why) : e;
}

static void log_not_opened(enum err e, const struct note *why)
{
	log_event(LOG_ERROR, "relay", "db_not_opened", "error=%s why=%s", err_name(e), log_quote(span_str(why->text)).text);
}

/* Mail goes out without what is remembered, too. */
enum err ledger_open(const struct ledger_config *config, struct ledger **out)
{
	struct ledger *l = calloc(1, sizeof(*l));
	struct note why = { "" };
	enum err e;

	if (!l)
		return ERR_TEMP;
	l->config = *config;
	e = wait_init(&l->changed);
	if (e != ERR_OK) {
		free(l);
		return e;
	}
	if (config->path)
		e = open_file(l, &why);
	if (e != ERR_OK)
		log_not_opened(e, &why);
	pthread_mutex_init(&l->lock, NULL);
	pthread_mutex_init(&l->db_lock, NULL);
	*out = l;
	return ERR_OK;
}

static void *run(void *arg)
{
	struct ledger *l = arg;
	bool stopping = false;

	while (!stopping) {
		int64_t until_ms;

		pthread_mutex_lock(&l->lock);
		until_ms = clock_mono_ms() + LEDGER_IDLE_MS;
		while (!l->stopping && !l->nudged && clock_mono_ms() < until_ms)
			(void)wait_for(&l->changed, &l->lock, LEDGER_IDLE_MS);
		until_ms = clock_mono_ms() + LEDGER_GATHER_MS;
		while (!l->stopping && l->nudged && clock_mono_ms() < until_ms)
			(void)wait_for(&l->changed, &l->lock, until_ms - clock_mono_ms());
		l->nudged = false;
		stopping = l->stopping;
		pthread_mutex_unlock(&l->lock);
		l->config.turn(l->config.arg);
	}
	return NULL;
}

enum err ledger_start(struct ledger *l, struct note *why)
{
	if (pthread_create(&l->thread, NULL, run, l) != 0) {
		note_set(why, "no thread for relay.db");
		return ERR_TEMP;
	}
	l->runs = true;
	return ERR_OK;
}

void ledger_close(struct ledger **ledger)
{
	struct ledger *l = *ledger;

	*ledger = NULL;
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stopping = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
	if (l->runs)
		pthread_join(l->thread, NULL);
	db_close(&l->db);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	pthread_mutex_destroy(&l->db_lock);
	free(l);
}

void ledger_nudge(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	if (!l->nudged)
		pthread_cond_signal(&l->changed);
	l->nudged = true;
	pthread_mutex_unlock(&l->lock);
}

/* With the lock of the handle. */
static enum err transact(struct ledger *l, enum err (*work)(struct db *db, void *arg), void *arg)
{
	enum err e = db_begin(l->db);

	if (e != ERR_OK)
		return e;
	e = work(l->db, arg);
	if (e == ERR_OK)
		return db_commit(l->db);
	db_rollback(l->db);
	return e;
}

static void begin_anew(struct ledger *l)
{
	struct note why = { "" };
	enum err e;

	log_event(LOG_ERROR, "relay", "db_damaged", "path=%s", log_quote(span_str(l->config.path)).text);
	db_close(&l->db);
	e = db_put_aside(l->config.path, &why);
	if (e == ERR_OK)
		e = db_open(l->config.path, &db_schema_relay, DB_WRITE, &l->db, &why);
	if (e != ERR_OK)
		log_not_opened(e, &why);
}

enum err ledger_run(struct ledger *l, enum err (*work)(struct db *db, void *arg), void *arg, size_t written)
{
	enum err e = ERR_STATE;

	pthread_mutex_lock(&l->db_lock);
	if (l->db) {
		e = transact(l, work, arg);
		if (e != ERR_OK && db_is_damaged(l->db)) {
			begin_anew(l);
			e = ERR_CORRUPT;
		}
	}
	pthread_mutex_unlock(&l->db_lock);
	if (e == ERR_OK && written > 0)
		checkpointer_touch(l->config.checkpointer, l->config.path, &db_schema_relay, written);
	return e;
}
