/* store/store.c: which accounts are open.
 *
 *   CLOSED --store_open--> OPENING --> OPEN --last store_close, past max_open--> CLOSING --> CLOSED
 *                             |                                                               ^
 *                             +------------------------ failed -------------------------------+
 *
 * (1) Opening and closing happen without the lock; who wants the account meanwhile waits for `changed`.
 * (2) An account in use (references > 0) is never closed; idle ones are closed from the one longest idle.
 */
#include "daemon/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "daemon/store/files.h"
#include "daemon/store/mailstore.h"
#include "daemon/store/search_indexer.h"
#include "db/mail_mailbox.h"

#define BUCKETS 256
#define TEND_QUIET_MS (20 * 1000)
#define ERASED "erased-"

enum slot_state { SLOT_CLOSED,
		  SLOT_BUSY, /* opening, closing or being erased */
		  SLOT_OPEN };

struct slot {
	uint64_t account_id;
	enum slot_state state;
	bool is_swept;    /* since this process began */
	bool is_reviewed; /* its ledger, likewise */
	struct mailstore *open;
	struct slot *next;
};

struct store {
	char *accounts_dir;
	struct checkpointer *checkpointer;
	unsigned max_open;
	struct search_indexer *indexer; /* may be null */
	pthread_mutex_t lock;           /* guards all below */
	pthread_cond_t changed;
	struct slot *slots[BUCKETS];
	struct mailstore *newest, *oldest; /* idle ones */
	unsigned idle_count;
};

/* Folders that an erasure left half done. */
static enum err finish_erasure(void *arg, const char *name)
{
	const struct store *s = arg;
	char path[PATH_MAX];
	int n;

	if (!span_starts(span_str(name), SPAN(ERASED)))
		return ERR_OK;
	n = snprintf(path, sizeof(path), "%s/%s", s->accounts_dir, name);
	return n > 0 && n < (int)sizeof(path) ? files_erase_tree(path, NULL) : ERR_LIMIT;
}

enum err store_new(const struct store_config *config, struct store **out, struct note *why)
{
	struct store *s = calloc(1, sizeof(*s));
	enum err e;

	*out = NULL;
	if (!s)
		return ERR_TEMP;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->checkpointer = config->checkpointer;
	s->max_open = config->max_open;
	s->accounts_dir = strdup(config->accounts_dir);
	e = s->accounts_dir ? files_make_dir(s->accounts_dir, why) : ERR_TEMP;
	if (!e) {
		e = files_each(s->accounts_dir, finish_erasure, s);
		if (e)
			note_set(why, "%s: %s", s->accounts_dir, err_name(e));
	}
	if (!e && config->search_index)
		e = search_indexer_new(s, &s->indexer);
	if (e)
		store_free(&s);
	*out = s;
	return e;
}

void store_free(struct store **store)
{
	struct store *s = *store;

	if (!s)
		return;
	search_indexer_free(&s->indexer);
	for (size_t i = 0; i < BUCKETS; i++) {
		while (s->slots[i]) {
			struct slot *slot = s->slots[i];

			s->slots[i] = slot->next;
			mailstore_free(&slot->open);
			free(slot);
		}
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->accounts_dir);
	free(s);
	*store = NULL;
}

static void idle_add(struct store *s, struct mailstore *m)
{
	m->is_idle = true;
	m->older = s->newest;
	m->newer = NULL;
	if (s->newest)
		s->newest->newer = m;
	else
		s->oldest = m;
	s->newest = m;
	s->idle_count++;
}

static void idle_remove(struct store *s, struct mailstore *m)
{
	if (!m->is_idle)
		return;
	if (m->newer)
		m->newer->older = m->older;
	else
		s->newest = m->older;
	if (m->older)
		m->older->newer = m->newer;
	else
		s->oldest = m->newer;
	m->is_idle = false;
	s->idle_count--;
}

static struct slot *slot_get(struct store *s, uint64_t account_id)
{
	struct slot **at = &s->slots[account_id % BUCKETS], *slot;

	for (slot = *at; slot; slot = slot->next) {
		if (slot->account_id == account_id)
			return slot;
	}
	slot = calloc(1, sizeof(*slot));
	if (slot) {
		slot->account_id = account_id;
		slot->next = *at;
		*at = slot;
	}
	return slot;
}

static void slot_settle(struct store *s, struct slot *slot, struct mailstore *open)
{
	slot->open = open;
	slot->state = open ? SLOT_OPEN : SLOT_CLOSED;
	pthread_cond_broadcast(&s->changed);
}

/* Called with the lock, which it lets go meanwhile. */
static void close_slot(struct store *s, struct slot *slot)
{
	struct mailstore *m = slot->open;

	if (!m)
		return;
	idle_remove(s, m);
	slot->state = SLOT_BUSY;
	slot->open = NULL;
	if (m->has_strays)
		slot->is_swept = false;
	slot->is_reviewed = m->ledger_reviewed && m->ledger_count == 0;
	pthread_mutex_unlock(&s->lock);
	mailstore_free(&m);
	pthread_mutex_lock(&s->lock);
	slot_settle(s, slot, NULL);
}

static void close_surplus(struct store *s)
{
	while (s->idle_count > s->max_open)
		close_slot(s, slot_get(s, s->oldest->account_id));
}

/* Called with the lock, which it lets go meanwhile. */
static enum err open_slot(struct store *s, struct slot *slot, struct note *why)
{
	struct mailstore *m;
	enum err e;

	slot->state = SLOT_BUSY;
	pthread_mutex_unlock(&s->lock);
	e = mailstore_new(s, s->checkpointer, s->accounts_dir, slot->account_id, !slot->is_swept, &m, why);
	pthread_mutex_lock(&s->lock);
	if (!e) {
		slot->is_swept = true;
		m->ledger_reviewed = slot->is_reviewed;
		m->indexer = s->indexer;
	}
	slot_settle(s, slot, m);
	return e;
}

static bool has_mailbox(const struct store *s, uint64_t account_id)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%" PRIu64 "/mail.db", s->accounts_dir, account_id);

	return n > 0 && n < (int)sizeof(path) && access(path, F_OK) == 0;
}

/* ERR_NOT_FOUND: there is none, and it is not to be made. */
static enum err open_account(struct store *s, uint64_t account_id, bool make, struct mailstore **out, struct note *why)
{
	struct slot *slot;
	enum err e = ERR_OK;

	*out = NULL;
	pthread_mutex_lock(&s->lock);
	slot = slot_get(s, account_id);
	while (slot && slot->state == SLOT_BUSY)
		pthread_cond_wait(&s->changed, &s->lock);
	if (!slot)
		e = ERR_TEMP;
	else if (slot->state == SLOT_CLOSED)
		e = make || has_mailbox(s, account_id) ? open_slot(s, slot, why) : ERR_NOT_FOUND;
	if (!e && slot->open) {
		idle_remove(s, slot->open);
		slot->open->references++;
		*out = slot->open;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

enum err store_open(struct store *s, uint64_t account_id, struct mailstore **out, struct note *why)
{
	return open_account(s, account_id, true, out, why);
}

enum err store_open_known(struct store *s, uint64_t account_id, struct mailstore **out, struct note *why)
{
	return open_account(s, account_id, false, out, why);
}

enum err store_usage(struct store *s, uint64_t account_id, uint64_t *bytes_out, uint64_t *messages_out)
{
	struct mailstore *m;
	struct db *db;
	enum err e = store_open_known(s, account_id, &m, NULL);

	*bytes_out = 0;
	*messages_out = 0;
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	e = mailstore_reader_take(m, &db);
	if (!e)
		e = db_mailbox_sum(db, bytes_out, messages_out);
	mailstore_reader_give(m, &db);
	store_close(&m);
	return e;
}

void store_close(struct mailstore **mailstore)
{
	struct mailstore *m = *mailstore;
	struct store *s;

	if (!m)
		return;
	s = m->store;
	pthread_mutex_lock(&s->lock);
	if (--m->references == 0) {
		idle_add(s, m);
		close_surplus(s);
	}
	pthread_mutex_unlock(&s->lock);
	*mailstore = NULL;
}

/* Renamed first: an account is there whole or not at all. */
static enum err erase_folder(const struct store *s, uint64_t account_id, struct note *why)
{
	char from[PATH_MAX], to[PATH_MAX];
	int n = snprintf(from, sizeof(from), "%s/%" PRIu64, s->accounts_dir, account_id);
	int k = snprintf(to, sizeof(to), "%s/" ERASED "%" PRIu64 "-%016" PRIx64, s->accounts_dir, account_id, rng_u64());
	enum err e;

	if (n <= 0 || n >= (int)sizeof(from) || k <= 0 || k >= (int)sizeof(to))
		return ERR_LIMIT;
	if (rename(from, to) != 0) {
		if (errno == ENOENT)
			return ERR_OK;
		note_set_errno(why, errno, "%s", from);
		return ERR_TEMP;
	}
	e = files_sync(s->accounts_dir);
	return e ? e : files_erase_tree(to, why);
}

enum err store_erase(struct store *s, uint64_t account_id, struct note *why)
{
	struct slot *slot;
	enum err e = ERR_OK;

	search_indexer_leave(s->indexer, account_id);
	pthread_mutex_lock(&s->lock);
	slot = slot_get(s, account_id);
	while (slot && slot->state == SLOT_BUSY)
		pthread_cond_wait(&s->changed, &s->lock);
	if (!slot) {
		e = ERR_TEMP;
	} else if (slot->open && slot->open->references) {
		atomic_store_explicit(&slot->open->is_unwanted, true, memory_order_relaxed);
		e = ERR_STATE;
	}
	if (!e && slot->open)
		close_slot(s, slot);
	/* Closing let go of the lock: someone may have opened it again. */
	if (!e && slot->state != SLOT_CLOSED)
		e = ERR_STATE;
	if (!e) {
		slot->state = SLOT_BUSY;
		pthread_mutex_unlock(&s->lock);
		e = erase_folder(s, account_id, why);
		pthread_mutex_lock(&s->lock);
		slot_settle(s, slot, NULL);
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

static enum err look_at_number(void *arg, const char *name)
{
	uint64_t *last = arg, number;

	if (!span_to_u64(span_str(name), INT64_MAX, &number) && number > *last)
		*last = number;
	return ERR_OK;
}

enum err store_last_account(const char *accounts_dir, uint64_t *out)
{
	enum err e;

	*out = 0;
	e = files_each(accounts_dir, look_at_number, out);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* One account that has been quiet and holds memory; it comes back with a reference. */
static struct mailstore *take_quiet(struct store *s, size_t bucket, uint64_t after, int64_t now_ms)
{
	struct slot *found = NULL;

	pthread_mutex_lock(&s->lock);
	for (struct slot *slot = s->slots[bucket]; slot; slot = slot->next) {
		if (slot->state != SLOT_OPEN || slot->account_id <= after || (found && slot->account_id > found->account_id))
			continue;
		if (now_ms - atomic_load_explicit(&slot->open->used_ms, memory_order_relaxed) >= TEND_QUIET_MS)
			found = slot;
	}
	if (found) {
		idle_remove(s, found->open);
		found->open->references++;
	}
	pthread_mutex_unlock(&s->lock);
	return found ? found->open : NULL;
}

unsigned store_tend(struct store *s)
{
	const int64_t now_ms = clock_mono_ms();
	unsigned tended = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		struct mailstore *m;
		uint64_t after = 0;

		while ((m = take_quiet(s, i, after, now_ms))) {
			after = m->account_id;
			/* Once for each time it falls quiet. */
			atomic_store_explicit(&m->used_ms, INT64_MAX, memory_order_relaxed);
			mailstore_shrink(m);
			store_close(&m);
			tended++;
		}
	}
	return tended;
}

void store_search_stats(struct store *s, struct store_search_stats *out)
{
	search_indexer_stats(s->indexer, out);
}

void store_watch_add(struct mailstore *m, struct store_watch *w)
{
	pthread_mutex_lock(&m->watch_lock);
	w->next = m->watches;
	w->link = &m->watches;
	if (w->next)
		w->next->link = &w->next;
	m->watches = w;
	pthread_mutex_unlock(&m->watch_lock);
}

void store_watch_remove(struct mailstore *m, struct store_watch *w)
{
	pthread_mutex_lock(&m->watch_lock);
	if (w->link) {
		*w->link = w->next;
		if (w->next)
			w->next->link = w->link;
		w->next = NULL;
		w->link = NULL;
	}
	pthread_mutex_unlock(&m->watch_lock);
}
