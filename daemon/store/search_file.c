/* store/search_file.c: who may open search.db, and when it makes room for a new one.
 *
 *   good --a reader or the writer finds damage--> damaged --no reader is left, the writer comes--> put aside, made anew --> good
 *
 * (1) In a damaged file nobody begins to read. It is put aside by the writer alone, when no handle of ours is left but the checkpointer's, which does
 *     not outlive the next look at the path.
 * (2) The file belongs to the mail.db whose INBOX has the UIDVALIDITY it names. The same for the version of text.c.
 * (3) A mail.db that is older than the index (an old copy was put back) gives content ids again that the index knows. So nobody believes what knows a later
 *     id than mail.db did when it was opened, until the writer has looked: from then on nobody but this process adds to either.
 */
#include "daemon/store/search_file.h"

#include <inttypes.h>

#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "db/aside.h"

static enum err take_reader(struct mailstore *m, struct db **out)
{
	enum err e = ERR_OK;

	*out = NULL;
	pthread_mutex_lock(&m->lock);
	if (m->search_damaged) {
		e = ERR_NOT_FOUND;
	} else {
		m->search_readers++;
		*out = m->search_reader;
		m->search_reader = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	if (e || *out)
		return e;
	e = db_open(m->search_path, &db_schema_search, DB_READ, out, NULL);
	if (e) {
		pthread_mutex_lock(&m->lock);
		m->search_readers--;
		m->search_damaged = m->search_damaged || e == ERR_CORRUPT;
		pthread_mutex_unlock(&m->lock);
	}
	return e;
}

static bool is_of(const struct mailstore *m, const struct db_search_state *state, bool is_believed)
{
	return state->origin == m->search_origin && (is_believed || state->indexed <= m->open_content);
}

enum err search_file_read(struct mailstore *m, struct db **out, struct db_search_state *state)
{
	const bool is_believed = atomic_load(&m->search_believed); /* before the snapshot: what the writer then emptied is not in it */
	enum err e = take_reader(m, out);

	if (e)
		return ERR_NOT_FOUND;
	e = db_begin(*out);
	if (!e)
		e = db_search_state(*out, state);
	if (!e && !is_of(m, state, is_believed))
		e = ERR_NOT_FOUND;
	if (e)
		search_file_read_end(m, out, e);
	return e ? ERR_NOT_FOUND : ERR_OK;
}

void search_file_read_end(struct mailstore *m, struct db **db, enum err e)
{
	if (!*db)
		return;
	db_rollback(*db);
	pthread_mutex_lock(&m->lock);
	m->search_readers--;
	m->search_damaged = m->search_damaged || e == ERR_CORRUPT;
	if (!e && !m->search_damaged && !m->search_reader) {
		m->search_reader = *db;
		*db = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	db_close(db);
}

void search_file_shrink(struct mailstore *m)
{
	struct db *reader;

	pthread_mutex_lock(&m->lock);
	reader = m->search_reader;
	m->search_reader = NULL;
	pthread_mutex_unlock(&m->lock);
	db_close(&reader);
}

/* ERR_STATE: somebody is reading in it. */
static enum err put_aside(struct mailstore *m, struct note *why)
{
	bool is_damaged, is_read;
	enum err e;

	pthread_mutex_lock(&m->lock);
	is_damaged = m->search_damaged;
	is_read = m->search_readers > 0;
	pthread_mutex_unlock(&m->lock);
	if (!is_damaged)
		return ERR_OK;
	if (is_read)
		return ERR_STATE;
	search_file_shrink(m);
	log_event(LOG_ERROR, "store", "search_put_aside", "account=%" PRIu64, m->account_id);
	e = db_put_aside(m->search_path, why);
	if (e)
		return e;
	pthread_mutex_lock(&m->lock);
	m->search_damaged = false;
	pthread_mutex_unlock(&m->lock);
	return ERR_OK;
}

enum err search_file_empty(struct mailstore *m, struct db *db, struct db_search_state *state)
{
	*state = (struct db_search_state){ .origin = m->search_origin, .epoch = rng_u64() >> 1 };
	return db_search_empty(db, state);
}

static enum err begin_empty(struct mailstore *m, struct db *db, struct db_search_state *state)
{
	enum err e = db_begin(db);

	if (e)
		return e;
	e = search_file_empty(m, db, state);
	if (!e)
		return db_commit(db);
	db_rollback(db);
	return e;
}

static enum err prepare(struct mailstore *m, struct db *db, struct db_search_state *state)
{
	enum err e = db_search_state(db, state);

	if (e == ERR_NOT_FOUND || (!e && !is_of(m, state, atomic_load(&m->search_believed))))
		e = begin_empty(m, db, state);
	if (!e)
		atomic_store(&m->search_believed, true);
	return e;
}

enum err search_file_write(struct mailstore *m, struct db **out, struct db_search_state *state, struct note *why)
{
	enum err e = put_aside(m, why);

	*out = NULL;
	if (!e)
		e = db_open(m->search_path, &db_schema_search, DB_WRITE, out, why);
	if (!e) {
		e = prepare(m, *out, state);
		if (e)
			db_explain(*out, why);
	}
	if (e)
		search_file_write_end(m, out, e);
	return e;
}

void search_file_write_end(struct mailstore *m, struct db **db, enum err e)
{
	db_close(db);
	if (e != ERR_CORRUPT)
		return;
	pthread_mutex_lock(&m->lock);
	m->search_damaged = true;
	pthread_mutex_unlock(&m->lock);
}
