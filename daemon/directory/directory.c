/* directory/directory.c: opening control.db, its data key, and replacing the snapshot.
 *
 * The data key is made at the first opening and kept in the setting "data_key", sealed by secret.key. It seals all else,
 * so that secret.key can be changed by sealing one value anew.
 */
#include "daemon/directory/directory.h"

#include <stdlib.h>

#include "daemon/directory/change.h"
#include "daemon/directory/grants_table.h"
#include "daemon/directory/snapshot.h"
#include "db/control_setting.h"
#include "db/db.h"

static enum err make_data_key(struct directory *d, const struct seal_key *key)
{
	struct buf sealed;
	enum err e;

	buf_init(&sealed, 256);
	seal_key_random(&d->data_key);
	e = seal_close(key, SPAN("data_key"), span_make((const char *)d->data_key.bytes, SEAL_KEY_BYTES), &sealed);
	if (!e)
		e = db_setting_set(d->db, SPAN("data_key"), buf_span(&sealed));
	buf_clear(&sealed);
	return e;
}

static enum err load_data_key(struct directory *d, const struct seal_key *key, struct note *why)
{
	struct buf sealed, plain;
	enum err e;

	buf_init(&sealed, 256);
	buf_init(&plain, SEAL_KEY_BYTES);
	e = db_setting_get(d->db, SPAN("data_key"), &sealed);
	if (e == ERR_NOT_FOUND) {
		e = make_data_key(d, key);
	} else if (!e) {
		e = seal_open(key, SPAN("data_key"), buf_span(&sealed), &plain);
		if (!e && plain.len == SEAL_KEY_BYTES)
			memcpy(d->data_key.bytes, plain.ptr, SEAL_KEY_BYTES);
		else
			note_set(why, "secret.key is not the key of this control.db");
	}
	buf_clear(&sealed);
	buf_wipe(&plain);
	return e;
}

/* One transaction for all, so that rows of another process' changes come together or not at all. */
static enum err read_again(struct directory *d, struct note *why)
{
	struct snapshot *fresh = NULL;
	const struct grants *grants = NULL;
	int64_t version = 0;
	enum err e = db_begin(d->db);

	if (e)
		return e;
	e = db_data_version(d->db, &version);
	if (!e)
		e = grants_build(d->db, &grants);
	if (!e)
		e = snapshot_build(d->db, &d->data_key, &fresh, why);
	db_rollback(d->db);
	d->stale = e != ERR_OK;
	if (e) {
		grants_release(&grants);
		return e;
	}
	directory_publish_grants(d, grants);
	directory_publish(d, fresh, version);
	return ERR_OK;
}

static enum err open_all(struct directory *d, const struct directory_config *config, struct note *why)
{
	enum err e = db_open(config->path, &db_schema_control, DB_WRITE, &d->db, why);

	if (!e)
		e = db_begin(d->db);
	if (e)
		return e;
	e = load_data_key(d, config->key, why);
	if (e)
		db_rollback(d->db);
	else
		e = db_commit(d->db);
	return e ? e : read_again(d, why);
}

enum err directory_open(const struct directory_config *config, struct directory **out, struct note *why)
{
	struct directory *d = calloc(1, sizeof(*d));
	enum err e;

	*out = NULL;
	if (!d)
		return ERR_TEMP;
	(void)pthread_mutex_init(&d->change, NULL);
	(void)pthread_mutex_init(&d->lock, NULL);
	for (size_t i = 0; i < DIRECTORY_READERS; i++)
		(void)pthread_mutex_init(&d->readers[i].lock, NULL);
	d->checkpointer = config->checkpointer;
	d->path = strdup(config->path);
	e = d->path ? open_all(d, config, why) : ERR_TEMP;
	if (e)
		directory_close(&d);
	*out = d;
	return e;
}

void directory_close(struct directory **directory)
{
	struct directory *d = *directory;
	const struct snapshot *current;
	const struct grants *grants;

	if (!d)
		return;
	current = d->current;
	snapshot_release(&current);
	grants = d->grants;
	grants_release(&grants);
	for (size_t i = 0; i < DIRECTORY_READERS; i++) {
		db_close(&d->readers[i].db);
		(void)pthread_mutex_destroy(&d->readers[i].lock);
	}
	db_close(&d->db);
	free(d->path);
	seal_key_wipe(&d->data_key);
	(void)pthread_mutex_destroy(&d->change);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
	*directory = NULL;
}

/* A version that a batch without a change of the directory has met stays to be found here. */
enum err directory_refresh(struct directory *d, struct note *why)
{
	int64_t version = 0;
	enum err e;

	pthread_mutex_lock(&d->change);
	e = db_data_version(d->db, &version);
	if (!e && (d->stale || version != d->data_version)) {
		e = read_again(d, why);
		atomic_fetch_add_explicit(&d->commits, 1, memory_order_release);
	}
	pthread_mutex_unlock(&d->change);
	return e;
}

const struct snapshot *directory_hold(struct directory *d)
{
	const struct snapshot *s;

	pthread_mutex_lock(&d->lock);
	s = d->current;
	atomic_fetch_add_explicit(&d->current->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&d->lock);
	return s;
}
