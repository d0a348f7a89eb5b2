/* store/mailstore.c: opening an account, making a new one, and its handles.
 *
 * A new account: folder, files/, mail.db with its schema, then one transaction with the account row and the mailboxes. Whatever of this
 * a crash leaves is completed by the next opening. Nobody else holds the account while it opens, so every name in files/ that
 * no row knows is a stray.
 */
#include "daemon/store/mailstore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/store/annotation.h"
#include "daemon/store/files.h"
#include "daemon/store/mailbox.h"
#include "daemon/store/search_file.h"
#include "daemon/store/state.h"
#include "daemon/store/text.h"
#include "db/checkpointer.h"
#include "db/mail_account.h"
#include "db/mail_mailbox.h"
#include "db/mail_message.h"

static char *path_of(const char *accounts_dir, uint64_t account_id, const char *inside)
{
	char *path = NULL;

	return asprintf(&path, "%s/%" PRIu64 "%s", accounts_dir, account_id, inside) < 0 ? NULL : path;
}

static enum err make_mailboxes(struct db *db)
{
	static const struct {
		struct span name;
		enum special_use use;
	} first[] = {
		{ { "INBOX", 5 }, USE_NONE },
		{ { "Drafts", 6 }, USE_DRAFTS },
		{ { "Sent", 4 }, USE_SENT },
		{ { "Junk", 4 }, USE_JUNK },
		{ { "Trash", 5 }, USE_TRASH },
		{ { "Archive", 7 }, USE_ARCHIVE },
	};
	enum err e = db_mail_account_create(db);

	for (size_t i = 0; !e && i < sizeof(first) / sizeof(*first); i++) {
		uint32_t uid_validity;
		uint64_t id;

		e = db_mail_allot_uid_validity(db, (uint32_t)(clock_real_ms() / 1000), &uid_validity);
		if (!e)
			e = db_mailbox_add(db, first[i].name, (int)first[i].use, uid_validity, 1, &id);
		if (!e)
			e = db_mail_subscribe(db, first[i].name, MAILBOX_COUNT_MAX);
	}
	return e;
}

/* In one transaction: an account row is there only with its mailboxes. */
static enum err prepare(struct mailstore *m, struct db *db)
{
	enum err e = db_mail_account_modseq(db, &m->open_modseq);

	if (e != ERR_NOT_FOUND)
		return e;
	e = db_begin(db);
	if (e)
		return e;
	e = make_mailboxes(db);
	if (e) {
		db_rollback(db);
		return e;
	}
	m->open_modseq = 1;
	return db_commit(db);
}

static bool load_keyword(void *arg, unsigned bit, struct span name)
{
	struct mailstore *m = arg;

	if (bit >= FLAG_KEYWORDS_MAX)
		return true;
	m->keywords[bit] = calloc(1, name.len + 1);
	if (m->keywords[bit])
		memcpy(m->keywords[bit], name.ptr, name.len);
	if (bit >= m->keyword_count)
		m->keyword_count = bit + 1;
	return m->keywords[bit];
}

struct sweeping {
	struct mailstore *m;
	struct db *db;
	size_t removed;
};

static enum err sweep_one(void *arg, const char *name)
{
	struct sweeping *sweeping = arg;
	bool known = false;
	enum err e = db_content_has_file(sweeping->db, span_str(name), &known);

	if (!e && !known) {
		files_remove(sweeping->m->files_dir, name);
		sweeping->removed++;
	}
	return e;
}

static enum err sweep_strays(struct mailstore *m, struct db *db)
{
	struct sweeping sweeping = { m, db, 0 };
	enum err e = db_begin(db);

	if (e)
		return e;
	e = files_each(m->files_dir, sweep_one, &sweeping);
	db_rollback(db);
	m->open_strays = sweeping.removed;
	if (sweeping.removed)
		log_event(LOG_INFO, "store", "strays_removed", "account=%" PRIu64 " files=%zu", m->account_id, sweeping.removed);
	return e;
}

/* mail.db is made after both folders are durable: where it is, nothing needs to be synced again. */
static enum err make_folders(const struct mailstore *m, struct note *why)
{
	enum err e;

	if (access(m->db_path, F_OK) == 0 && access(m->files_dir, F_OK) == 0)
		return ERR_OK;
	e = files_make_dir(m->dir, why);
	return e ? e : files_make_dir(m->files_dir, why);
}

static enum err open_parts(struct mailstore *m, bool sweep, struct note *why)
{
	struct db_mailbox inbox = { .id = 0 };
	struct db *db = NULL;
	enum err e = make_folders(m, why);

	if (!e)
		e = db_open(m->db_path, &db_schema_mail, DB_WRITE, &db, why);
	if (e)
		return e;
	e = prepare(m, db);
	if (!e)
		e = db_mailbox_by_name(db, MAILSTORE_INBOX, &inbox);
	if (!e)
		e = db_mail_account_content(db, &m->open_content);
	if (!e)
		e = db_mail_keyword_each(db, load_keyword, m);
	if (!e && sweep)
		e = sweep_strays(m, db);
	if (!e) {
		m->inbox_id = inbox.id;
		m->search_origin = (uint64_t)MESSAGE_TEXT_VERSION << 32 | inbox.uid_validity;
		e = db_group_new(&db, false, &m->group);
	}
	if (e && db)
		db_explain(db, why);
	db_close(&db);
	return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

enum err mailstore_new(struct store *s, struct checkpointer *checkpointer, const char *accounts_dir, uint64_t account_id, bool sweep,
		       struct mailstore **out, struct note *why)
{
	struct mailstore *m = calloc(1, sizeof(*m));
	enum err e;

	*out = NULL;
	if (!m)
		return ERR_TEMP;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->watch_lock, NULL);
	m->store = s;
	m->checkpointer = checkpointer;
	m->account_id = account_id;
	m->open_ms = clock_real_ms();
	m->open_mono_ms = clock_mono_ms();
	m->dir = path_of(accounts_dir, account_id, "");
	m->files_dir = path_of(accounts_dir, account_id, "/files");
	m->db_path = path_of(accounts_dir, account_id, "/mail.db");
	m->search_path = path_of(accounts_dir, account_id, "/search.db");
	atomic_init(&m->used_ms, clock_mono_ms());
	e = m->dir && m->files_dir && m->db_path && m->search_path ? open_parts(m, sweep, why) : ERR_TEMP;
	if (e)
		mailstore_free(&m);
	*out = m;
	return e;
}

void mailstore_free(struct mailstore **mailstore)
{
	struct mailstore *m = *mailstore;

	if (!m)
		return;
	for (unsigned i = 0; i < m->reader_count; i++)
		db_close(&m->readers[i]);
	db_close(&m->search_reader);
	if (m->group)
		db_group_free(&m->group);
	state_free_all(m);
	for (unsigned i = 0; i < FLAG_KEYWORDS_MAX; i++)
		free(m->keywords[i]);
	free(m->ledger_done);
	free(m->dir);
	free(m->files_dir);
	free(m->db_path);
	free(m->search_path);
	pthread_mutex_destroy(&m->lock);
	annotation_ring_free(&m->annotated);
	pthread_mutex_destroy(&m->watch_lock);
	free(m);
	*mailstore = NULL;
}

enum err mailstore_reader_take(struct mailstore *m, struct db **out)
{
	*out = NULL;
	pthread_mutex_lock(&m->lock);
	if (m->reader_count)
		*out = m->readers[--m->reader_count];
	pthread_mutex_unlock(&m->lock);
	if (*out)
		return ERR_OK;
	return db_open(m->db_path, &db_schema_mail, DB_READ, out, NULL);
}

void mailstore_reader_give(struct mailstore *m, struct db **db)
{
	if (!*db)
		return;
	db_rollback(*db);
	atomic_store_explicit(&m->used_ms, clock_mono_ms(), memory_order_relaxed);
	pthread_mutex_lock(&m->lock);
	if (m->reader_count < MAILSTORE_IDLE_READERS) {
		m->readers[m->reader_count++] = *db;
		*db = NULL;
	}
	pthread_mutex_unlock(&m->lock);
	db_close(db);
}

enum err mailstore_write(struct mailstore *m, enum err (*run)(struct db *db, void *arg), void *arg, size_t weight_bytes)
{
	enum err e = db_group_run(m->group, run, arg, weight_bytes);

	atomic_store_explicit(&m->used_ms, clock_mono_ms(), memory_order_relaxed);
	if (!e)
		checkpointer_touch(m->checkpointer, m->db_path, &db_schema_mail, weight_bytes);
	return e;
}

static enum err shrink_writer(struct db *db, void *arg)
{
	(void)arg;
	db_mail_shrink(db);
	return ERR_OK;
}

void mailstore_shrink(struct mailstore *m)
{
	struct db *readers[MAILSTORE_IDLE_READERS];
	unsigned count;

	pthread_mutex_lock(&m->lock);
	count = m->reader_count;
	memcpy(readers, m->readers, sizeof(readers));
	m->reader_count = 0;
	pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < count; i++)
		db_close(&readers[i]);
	search_file_shrink(m);
	/* Pages that stay in memory are a pity, not an error. */
	if (db_group_run(m->group, shrink_writer, NULL, 0))
		return;
}
