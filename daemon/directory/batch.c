/* directory/batch.c: changes of control.db, one or several as one transaction, and reading beside them.
 *
 *   (no batch) --begin--> OPEN --commit--> (no batch), durable, the new snapshot current
 *                          |  \--end-----> (no batch), nothing has changed
 *                          +--change, write: a savepoint each; one that fails undoes itself
 *
 * (1) `change` is held from begin to the end of the batch; the thread that holds it is `owner`.
 * (2) The snapshot is made inside the transaction, before the commit: what is committed is always shown, and what cannot be shown is not committed.
 * (3) Once SQLite has rolled the transaction back by itself (full disk, I/O error), the batch is lost: a savepoint outside a transaction would commit.
 */
#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/crypto/digest.h"
#include "daemon/directory/change.h"
#include "daemon/directory/grants_table.h"
#include "daemon/directory/snapshot.h"
#include "db/checkpointer.h"
#include "db/control_setting.h"

#define CHECKPOINT_PAGES 1000
#define TOUCH_BYTES 16384
#define LOOK_AGAIN_NS 2000000

/* Its address is the name of the thread. */
static _Thread_local char self;

bool directory_in_batch(const struct directory *d)
{
	return atomic_load_explicit(&d->owner, memory_order_relaxed) == &self;
}

static void explain(struct directory *d, enum err e, struct note *why)
{
	if (e == ERR_TEMP && why && !why->text[0])
		db_explain(d->db, why);
}

/* With `change` held; on failure it is let go. */
static enum err open_batch(struct directory *d, struct note *why)
{
	enum err e = db_begin(d->db);

	if (e) {
		explain(d, e, why);
		pthread_mutex_unlock(&d->change);
		return e;
	}
	atomic_store_explicit(&d->owner, &self, memory_order_relaxed);
	return ERR_OK;
}

static enum err refuse_second(const struct directory *d, struct note *why)
{
	if (!directory_in_batch(d))
		return ERR_OK;
	note_set(why, "a batch is open already");
	return ERR_STATE;
}

enum err directory_begin(struct directory *d, struct note *why)
{
	enum err e = refuse_second(d, why);

	if (e)
		return e;
	pthread_mutex_lock(&d->change);
	return open_batch(d, why);
}

enum err directory_begin_within(struct directory *d, int64_t wait_ms, struct note *why)
{
	const int64_t until_ms = clock_mono_ms() + wait_ms;
	enum err e = refuse_second(d, why);

	if (e)
		return e;
	while (pthread_mutex_trylock(&d->change) != 0) { /* a wait on the monotonic clock is not known to thread sanitizers */
		if (clock_mono_ms() >= until_ms) {
			note_set(why, "another change is under way");
			return ERR_LIMIT;
		}
		(void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_AGAIN_NS }, NULL);
	}
	return open_batch(d, why);
}

static void forget_staged(struct directory *d)
{
	const struct snapshot *staged = d->staged;

	d->staged = NULL;
	snapshot_release(&staged);
}

static void close_batch(struct directory *d)
{
	forget_staged(d);
	d->changed = d->grants_changed = d->lost = false;
	atomic_store_explicit(&d->owner, NULL, memory_order_relaxed);
	pthread_mutex_unlock(&d->change);
}

void directory_end(struct directory *d)
{
	if (!directory_in_batch(d))
		return;
	db_rollback(d->db);
	close_batch(d);
}

static enum err stage(struct directory *d, struct note *why)
{
	struct snapshot *fresh = NULL;
	enum err e;

	if (d->lost)
		return ERR_TEMP;
	if (d->staged)
		return ERR_OK;
	e = db_data_version(d->db, &d->staged_version);
	if (!e)
		e = snapshot_build(d->db, &d->data_key, &fresh, why);
	d->staged = fresh;
	return e;
}

enum err directory_staged(struct directory *d, const struct snapshot **out, struct note *why)
{
	int64_t version = 0;
	enum err e;

	*out = NULL;
	if (!directory_in_batch(d))
		return ERR_STATE;
	if (!d->changed && !d->staged && !d->lost) {
		e = db_data_version(d->db, &version);
		if (e)
			return e;
		if (!d->stale && version == d->data_version) {
			*out = d->current;
			return ERR_OK;
		}
	}
	e = stage(d, why);
	*out = d->staged;
	return e;
}

void directory_publish(struct directory *d, const struct snapshot *fresh, int64_t data_version)
{
	const struct snapshot *old;

	pthread_mutex_lock(&d->lock);
	old = d->current;
	d->current = (struct snapshot *)(uintptr_t)fresh;
	pthread_mutex_unlock(&d->lock);
	d->data_version = data_version;
	d->stale = false;
	snapshot_release(&old);
}

void directory_publish_grants(struct directory *d, const struct grants *fresh)
{
	const struct grants *old;

	pthread_mutex_lock(&d->lock);
	old = d->grants;
	d->grants = (struct grants *)(uintptr_t)fresh;
	pthread_mutex_unlock(&d->lock);
	grants_release(&old);
}

uint64_t directory_commits(const struct directory *d)
{
	return atomic_load_explicit(&d->commits, memory_order_acquire);
}

static void committed(struct directory *d)
{
	const struct snapshot *staged = d->staged;
	int left;

	d->staged = NULL;
	atomic_fetch_add_explicit(&d->commits, 1, memory_order_release);
	if (staged)
		directory_publish(d, staged, d->staged_version);
	checkpointer_touch(d->checkpointer, db_path(d->db), &db_schema_control, TOUCH_BYTES);
	if (db_checkpoint(d->db, CHECKPOINT_PAGES, &left))
		log_event(LOG_WARN, "directory", "checkpoint", "left=%d", left);
}

enum err directory_commit(struct directory *d, struct note *why)
{
	const struct grants *grants = NULL;
	enum err e;

	if (!directory_in_batch(d)) {
		note_set(why, "no batch is open");
		return ERR_STATE;
	}
	e = d->lost ? ERR_TEMP : ERR_OK;
	if (!e && d->changed)
		e = stage(d, why);
	if (!e && d->grants_changed)
		e = grants_build(d->db, &grants);
	if (!e)
		e = db_commit(d->db);
	if (e) {
		explain(d, e, why);
		db_rollback(d->db);
		grants_release(&grants);
	} else {
		committed(d);
		if (grants)
			directory_publish_grants(d, grants);
	}
	close_batch(d);
	return e;
}

static enum err run_part(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, struct note *why)
{
	enum err e = d->lost ? ERR_TEMP : db_part_begin(d->db);

	if (e)
		return e;
	e = run(d, arg, why);
	explain(d, e, why);
	if (!db_in_transaction(d->db) || db_part_end(d->db, e == ERR_OK)) {
		d->lost = true;
		return e ? e : ERR_TEMP;
	}
	return e;
}

/* As a part of the batch, or as a batch of its own. `shown`: in snapshots. */
static enum err run_in_batch(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, bool shown, struct note *why)
{
	const bool joins = directory_in_batch(d);
	struct note own = { "" };
	enum err e = ERR_OK;

	if (!why)
		why = &own;
	if (!joins)
		e = directory_begin(d, why);
	if (e)
		return e;
	e = run_part(d, run, arg, why);
	if (!e && shown) {
		d->changed = true;
		forget_staged(d);
	}
	if (joins)
		return e;
	if (!e)
		return directory_commit(d, why);
	directory_end(d);
	return e;
}

enum err directory_change(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, struct note *why)
{
	return run_in_batch(d, run, arg, true, why);
}

enum err directory_change_grants(struct directory *d, enum err (*run)(struct directory *d, void *arg, struct note *why), void *arg, struct note *why)
{
	return run_in_batch(d, run, arg, false, why);
}

struct rows_change {
	enum err (*run)(struct db *db, void *arg);
	void *arg;
};

static enum err run_rows(struct directory *d, void *arg, struct note *why)
{
	const struct rows_change *c = arg;

	(void)why;
	return c->run(d->db, c->arg);
}

enum err directory_write(struct directory *d, enum err (*run)(struct db *db, void *arg), void *arg, struct note *why)
{
	struct rows_change c = { run, arg };

	return run_in_batch(d, run_rows, &c, false, why);
}

/* One that is free, else one after the other is waited for. */
static struct directory_reader *take_reader(struct directory *d)
{
	struct directory_reader *r;

	for (size_t i = 0; i < DIRECTORY_READERS; i++) {
		if (pthread_mutex_trylock(&d->readers[i].lock) == 0)
			return &d->readers[i];
	}
	r = &d->readers[atomic_fetch_add_explicit(&d->next_reader, 1, memory_order_relaxed) % DIRECTORY_READERS];
	pthread_mutex_lock(&r->lock);
	return r;
}

enum err directory_read(struct directory *d, enum err (*run)(struct db *db, void *arg), void *arg)
{
	struct directory_reader *r;
	enum err e;

	if (directory_in_batch(d))
		return d->lost ? ERR_TEMP : run(d->db, arg);
	r = take_reader(d);
	e = r->db ? ERR_OK : db_open(d->path, &db_schema_control, DB_READ, &r->db, NULL);
	if (!e)
		e = db_begin(r->db);
	if (!e) {
		e = run(r->db, arg);
		db_rollback(r->db);
	}
	pthread_mutex_unlock(&r->lock);
	return e;
}

enum err directory_seal(struct directory *d, struct span context, struct span plain, struct buf *out)
{
	return seal_close(&d->data_key, context, plain, out);
}

enum err directory_unseal(struct directory *d, struct span context, struct span sealed, struct buf *out)
{
	return seal_open(&d->data_key, context, sealed, out);
}

void directory_derive_key(const struct directory *d, struct span purpose, uint8_t out[32])
{
	crypto_hmac_sha256(span_make((const char *)d->data_key.bytes, SEAL_KEY_BYTES), purpose, out);
}
