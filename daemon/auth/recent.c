/* auth/recent.c: the table of what happened lately, and its way to control.db. */
#include "daemon/auth/recent.h"

#include <stdlib.h>

#include "daemon/auth/inside.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "db/control_app_password.h"
#include "db/control_device.h"
#include "db/control_session.h"
#include "db/control_token.h"

#define DEVICES_MAX 100 /* of one account, in control.db */
#define DAY_MS ((int64_t)24 * 3600 * 1000)

void recent_init(struct auth *a)
{
	a->recent.seed = rng_u64();
	(void)pthread_mutex_init(&a->recent.lock, NULL);
}

static bool same(const struct recent_key *a, const struct recent_key *b)
{
	return a->kind == b->kind && a->id == b->id && a->family == b->family && a->network == b->network;
}

static struct recent_row *rows_of(struct recent *r, const struct recent_key *key)
{
	uint64_t parts[4] = { (uint64_t)key->kind, key->id, (uint64_t)key->family, key->network }, n = r->seed;

	for (size_t i = 0; i < 4; i++) {
		n = (n ^ parts[i]) * 0x94d049bb133111ebu;
		n ^= n >> 31;
	}
	return r->rows[n % RECENT_ROWS];
}

/* The lock is held. */
static struct recent_row *find(struct recent *r, const struct recent_key *key)
{
	struct recent_row *row = rows_of(r, key);

	for (size_t i = 0; i < RECENT_WAYS; i++) {
		if (same(&row[i].key, key))
			return &row[i];
	}
	return NULL;
}

/* The lock is held. What is written already goes before what is not, old before new. */
static struct recent_row *find_or_make(struct recent *r, const struct recent_key *key, struct recent_row *pushed_out)
{
	struct recent_row *found = find(r, key), *row = rows_of(r, key);

	*pushed_out = (struct recent_row){ .dirty = false };
	if (found)
		return found;
	found = row;
	for (size_t i = 1; i < RECENT_WAYS; i++) {
		if (row[i].dirty != found->dirty ? !row[i].dirty : row[i].at_ms < found->at_ms)
			found = &row[i];
	}
	*pushed_out = *found;
	*found = (struct recent_row){ .key = *key };
	return found;
}

/* ---- writing ---- */

struct batch {
	const struct recent_row *rows;
	size_t count;
};

static struct throttle_subject network_of(const struct recent_key *key)
{
	return (struct throttle_subject){ .kind = THROTTLE_WIDER, .family = key->family, .network = key->network };
}

static enum err write_device(struct db *db, const struct recent_row *row)
{
	const struct throttle_subject network = network_of(&row->key);
	char text[NET_ADDR_TEXT];

	throttle_network_text(&network, text);
	return db_device_put(db, &(struct db_device){ row->key.id, span_str(text), row->first_ms, row->at_ms, row->protocols }, DEVICES_MAX);
}

static enum err write_row(struct db *db, const struct recent_row *row)
{
	const struct net_addr_text from = net_ip_text(&row->from);
	const struct span text = span_str(from.text);

	switch (row->key.kind) {
	case RECENT_NOTHING: break;
	case RECENT_APP_PASSWORD: return db_app_password_set_used(db, row->key.id, row->at_ms, text);
	case RECENT_TOKEN: return db_token_set_used(db, row->key.id, row->at_ms, text);
	case RECENT_SESSION: return db_session_set_seen(db, row->key.id, row->at_ms, text);
	case RECENT_DEVICE: return write_device(db, row);
	}
	return ERR_OK;
}

static enum err write_rows(struct db *db, void *arg)
{
	const struct batch *b = arg;
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->count && !e; i++)
		e = write_row(db, &b->rows[i]);
	return e;
}

static enum err write_batch(struct auth *a, const struct recent_row *rows, size_t count)
{
	struct batch b = { rows, count };
	struct note why = { "" };
	enum err e = directory_write(a->directory, write_rows, &b, &why);

	if (e)
		log_event(LOG_WARN, "auth", "uses_not_written", "count=%zu error=%s why=%s", count, err_name(e), log_quote(span_str(why.text)).text);
	return e;
}

static size_t take_dirty(struct recent *r, struct recent_row *out)
{
	size_t count = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < RECENT_ROWS * RECENT_WAYS; i++) {
		struct recent_row *row = &r->rows[i / RECENT_WAYS][i % RECENT_WAYS];

		if (row->dirty)
			out[count++] = *row;
		row->dirty = false;
	}
	pthread_mutex_unlock(&r->lock);
	return count;
}

static void give_back(struct recent *r, const struct recent_row *rows, size_t count)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < count; i++) {
		struct recent_row *row = find(r, &rows[i].key);

		if (row)
			row->dirty = true;
	}
	pthread_mutex_unlock(&r->lock);
}

enum err recent_flush(struct auth *a)
{
	struct recent_row *rows = malloc(sizeof(*rows) * RECENT_ROWS * RECENT_WAYS);
	enum err e = ERR_OK;
	size_t count;

	if (!rows)
		return ERR_TEMP;
	count = take_dirty(&a->recent, rows);
	if (count > 0)
		e = write_batch(a, rows, count);
	if (e)
		give_back(&a->recent, rows, count);
	free(rows);
	return e;
}

/* ---- uses ---- */

void recent_use(struct auth *a, enum recent_kind kind, uint64_t id, const struct net_addr *from)
{
	const struct recent_key key = { .kind = kind, .id = id };
	struct recent_row *row, pushed_out;

	pthread_mutex_lock(&a->recent.lock);
	row = find_or_make(&a->recent, &key, &pushed_out);
	row->at_ms = clock_real_ms();
	if (from)
		row->from = *from;
	row->dirty = true;
	pthread_mutex_unlock(&a->recent.lock);
	if (pushed_out.dirty)
		(void)write_batch(a, &pushed_out, 1);
}

bool recent_find(struct auth *a, enum recent_kind kind, uint64_t id, struct recent_row *out)
{
	const struct recent_key key = { .kind = kind, .id = id };
	const struct recent_row *row;

	pthread_mutex_lock(&a->recent.lock);
	row = find(&a->recent, &key);
	if (row)
		*out = *row;
	pthread_mutex_unlock(&a->recent.lock);
	return row != NULL;
}

void recent_drop(struct auth *a, enum recent_kind kind, uint64_t id)
{
	const struct recent_key key = { .kind = kind, .id = id };
	struct recent_row *row;

	pthread_mutex_lock(&a->recent.lock);
	row = find(&a->recent, &key);
	if (row)
		*row = (struct recent_row){ .dirty = false };
	pthread_mutex_unlock(&a->recent.lock);
}

/* ---- devices ---- */

static struct recent_key device_key(uint64_t account_id, const struct net_addr *peer)
{
	const struct throttle_subject wide = throttle_wide(peer);

	return (struct recent_key){ .kind = RECENT_DEVICE, .id = account_id, .family = wide.family, .network = wide.network };
}

struct device_question {
	const struct recent_key *key;
	struct db_device device;
};

static enum err read_device(struct db *db, void *arg)
{
	struct device_question *q = arg;
	const struct throttle_subject network = network_of(q->key);
	char text[NET_ADDR_TEXT];

	throttle_network_text(&network, text);
	return db_device_get(db, q->key->id, span_str(text), &q->device);
}

static int64_t known_since(struct auth *a)
{
	const struct snapshot *s = directory_hold(a->directory);
	int64_t days = snapshot_number(s, SETTING_KNOWN_DEVICE_DAYS);

	snapshot_release(&s);
	return clock_real_ms() - days * DAY_MS;
}

/* From memory, else from control.db into memory. */
static bool find_device(struct auth *a, const struct recent_key *key, int64_t *seen_ms_out)
{
	struct device_question q = { .key = key };
	struct recent_row *row, pushed_out = { .dirty = false };

	pthread_mutex_lock(&a->recent.lock);
	row = find(&a->recent, key);
	if (row)
		*seen_ms_out = row->at_ms;
	pthread_mutex_unlock(&a->recent.lock);
	if (row)
		return true;
	if (directory_read(a->directory, read_device, &q) != ERR_OK)
		return false;
	pthread_mutex_lock(&a->recent.lock);
	row = find_or_make(&a->recent, key, &pushed_out);
	if (row->at_ms < q.device.seen_ms) {
		row->first_ms = q.device.first_ms;
		row->at_ms = q.device.seen_ms;
		row->protocols = q.device.protocols;
	}
	*seen_ms_out = row->at_ms;
	pthread_mutex_unlock(&a->recent.lock);
	if (pushed_out.dirty)
		(void)write_batch(a, &pushed_out, 1);
	return true;
}

bool recent_knows_device(struct auth *a, uint64_t account_id, const struct net_addr *peer)
{
	const struct recent_key key = device_key(account_id, peer);
	int64_t seen_ms;

	return account_id && find_device(a, &key, &seen_ms) && seen_ms >= known_since(a);
}

bool recent_note_device(struct auth *a, uint64_t account_id, const struct net_addr *peer, unsigned protocol)
{
	const struct recent_key key = device_key(account_id, peer);
	const int64_t since_ms = known_since(a);
	struct recent_row *row, pushed_out;
	int64_t seen_ms = 0;
	bool known;

	/* So that it is in memory when it was in control.db. */
	(void)find_device(a, &key, &seen_ms);
	pthread_mutex_lock(&a->recent.lock);
	row = find_or_make(&a->recent, &key, &pushed_out);
	known = row->at_ms && row->at_ms >= since_ms;
	row->at_ms = clock_real_ms();
	if (!row->first_ms)
		row->first_ms = row->at_ms;
	row->protocols |= protocol;
	row->dirty = true;
	pthread_mutex_unlock(&a->recent.lock);
	if (pushed_out.dirty)
		(void)write_batch(a, &pushed_out, 1);
	return !known;
}
