/* auth/refusals.c: the throttle's table, and the rows of it in control.db, for people. */
#include "daemon/auth/refusals.h"

#include <stdlib.h>

#include "daemon/auth/inside.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "db/control_device.h"
#include "db/control_lockout.h"

#define LOADED_MAX 4096
#define DEVICES_SHOWN_MAX 512
#define MINUTE_MS ((int64_t)60 * 1000)

/* ---- over a restart ---- */

struct loading {
	struct auth *auth;
	int64_t longest_ms; /* a wall clock that was stepped back must not make them longer */
};

static enum err load_row(void *arg, const struct db_lockout *row)
{
	const struct loading *l = arg;
	const int64_t now_ms = clock_mono_ms();
	int64_t left_ms = row->until_ms - clock_real_ms();
	struct throttle_subject subject;

	if (left_ms > l->longest_ms)
		left_ms = l->longest_ms;
	if (throttle_subject_parse(row->subject, &subject) == ERR_OK)
		throttle_restore(&l->auth->throttle, &subject, row->failures, now_ms + left_ms, now_ms);
	return ERR_OK;
}

static enum err load_rows(struct db *db, void *arg)
{
	return db_lockout_each(db, clock_real_ms(), LOADED_MAX, load_row, arg);
}

void refusals_load(struct auth *a)
{
	const struct snapshot *s = directory_hold(a->directory);
	struct loading l = { a, snapshot_number(s, SETTING_LOGIN_REFUSAL_MINUTES) * MINUTE_MS };
	enum err e;

	snapshot_release(&s);
	/* Nobody else knows of *a yet. */
	e = directory_read(a->directory, load_rows, &l);
	if (e)
		log_event(LOG_WARN, "auth", "refusals_not_read", "error=%s", err_name(e));
}

/* ---- seen ---- */

static size_t copy_rows(struct auth *a, struct throttle_row *out, int64_t now_ms)
{
	size_t count = 0;

	pthread_mutex_lock(&a->throttle_lock);
	for (size_t kind = 0; kind < THROTTLE_KINDS; kind++) {
		for (size_t i = 0; i < (size_t)THROTTLE_ROWS * THROTTLE_WAYS; i++) {
			const struct throttle_row *r = &a->throttle.rows[kind][i / THROTTLE_WAYS][i % THROTTLE_WAYS];

			if (r->subject.kind == THROTTLE_NOBODY || r->subject.named)
				continue;
			out[count] = *r;
			out[count].failures = throttle_failures(&a->throttle, &r->subject, now_ms);
			out[count].until_ms = r->until_ms > now_ms ? r->until_ms : 0;
			count += out[count].failures > 0 || out[count].until_ms > 0;
		}
	}
	pthread_mutex_unlock(&a->throttle_lock);
	return count;
}

static int longest_first(const void *a, const void *b)
{
	const struct throttle_row *x = a, *y = b;

	if (x->until_ms != y->until_ms)
		return x->until_ms < y->until_ms ? 1 : -1;
	return x->failures < y->failures ? 1 : x->failures > y->failures ? -1
									 : 0;
}

enum err refusals_list(struct auth *a, size_t max, struct arena *arena, struct refusal **out, size_t *count_out)
{
	const int64_t now_ms = clock_mono_ms(), real_ms = clock_real_ms();
	struct throttle_row *rows = malloc(sizeof(*rows) * THROTTLE_KINDS * THROTTLE_ROWS * THROTTLE_WAYS);
	char text[THROTTLE_SUBJECT_TEXT];
	size_t count;

	*out = NULL;
	*count_out = 0;
	if (!rows)
		return ERR_TEMP;
	count = copy_rows(a, rows, now_ms);
	qsort(rows, count, sizeof(*rows), longest_first);
	count = count < max ? count : max;
	*out = arena_array(arena, count, sizeof(**out));
	for (size_t i = 0; *out && i < count; i++) {
		throttle_subject_text(&rows[i].subject, text);
		(*out)[i] = (struct refusal){
			.subject = arena_copy(arena, span_str(text)),
			.account_id = rows[i].subject.who,
			.failures = rows[i].failures,
			.until_ms = rows[i].until_ms ? real_ms + rows[i].until_ms - now_ms : 0,
		};
	}
	free(rows);
	*count_out = arena->failed ? 0 : count;
	return arena->failed ? ERR_TEMP : ERR_OK;
}

/* ---- cleared ---- */

static enum err remove_row(struct db *db, void *arg)
{
	return db_lockout_remove(db, *(const struct span *)arg);
}

/* The lock is held. */
static bool clear_pairs(struct auth *a, uint64_t account_id)
{
	bool was = false;

	for (size_t i = 0; i < (size_t)THROTTLE_ROWS * THROTTLE_WAYS; i++) {
		const struct throttle_subject s = a->throttle.rows[THROTTLE_PAIR][i / THROTTLE_WAYS][i % THROTTLE_WAYS].subject;

		if (s.kind == THROTTLE_PAIR && !s.named && s.who == account_id)
			was |= throttle_clear(&a->throttle, &s);
	}
	return was;
}

enum err refusals_clear(struct auth *a, struct span subject)
{
	struct throttle_subject s;
	bool was;
	enum err e;

	if (throttle_subject_parse(subject, &s) != ERR_OK)
		return ERR_NOT_FOUND;
	pthread_mutex_lock(&a->throttle_lock);
	was = throttle_clear(&a->throttle, &s);
	if (s.kind == THROTTLE_ACCOUNT)
		was |= clear_pairs(a, s.who);
	pthread_mutex_unlock(&a->throttle_lock);
	if (!was)
		return ERR_NOT_FOUND;
	e = directory_write(a->directory, remove_row, &subject, NULL);
	return e;
}

/* ---- known devices ---- */

struct devices {
	uint64_t account_id;
	struct arena *arena;
	struct known_device *list;
	size_t count;
};

static enum err add_device(void *arg, const struct db_device *row)
{
	struct devices *d = arg;

	if (d->count == DEVICES_SHOWN_MAX)
		return ERR_OK;
	d->list[d->count++] = (struct known_device){
		.network = arena_copy(d->arena, row->network),
		.first_ms = row->first_ms,
		.seen_ms = row->seen_ms,
		.protocols = row->protocols,
	};
	return ERR_OK;
}

static enum err read_devices(struct db *db, void *arg)
{
	struct devices *d = arg;

	return db_device_each(db, d->account_id, add_device, d);
}

/* What control.db does not know yet. */
static void add_recent(struct devices *d, const struct recent_row *row)
{
	const struct throttle_subject network = { .kind = THROTTLE_WIDER, .family = row->key.family, .network = row->key.network };
	char text[NET_ADDR_TEXT];
	size_t i = 0;

	throttle_network_text(&network, text);
	while (i < d->count && !span_equals(d->list[i].network, span_str(text)))
		i++;
	if (i == DEVICES_SHOWN_MAX)
		return;
	if (i == d->count)
		d->list[d->count++] = (struct known_device){ arena_copy(d->arena, span_str(text)), row->first_ms, 0, 0 };
	d->list[i].seen_ms = row->at_ms;
	d->list[i].protocols |= row->protocols;
}

static int newest_first(const void *a, const void *b)
{
	const struct known_device *x = a, *y = b;

	return x->seen_ms < y->seen_ms ? 1 : x->seen_ms > y->seen_ms ? -1
								     : span_compare(x->network, y->network);
}

enum err known_devices_list(struct auth *a, uint64_t account_id, struct arena *arena, struct known_device **out, size_t *count_out)
{
	struct devices d = { .account_id = account_id, .arena = arena, .list = arena_array(arena, DEVICES_SHOWN_MAX, sizeof(*d.list)) };
	enum err e = d.list ? directory_read(a->directory, read_devices, &d) : ERR_TEMP;

	*out = NULL;
	*count_out = 0;
	if (e)
		return e;
	pthread_mutex_lock(&a->recent.lock);
	for (size_t i = 0; i < (size_t)RECENT_ROWS * RECENT_WAYS; i++) {
		const struct recent_row *row = &a->recent.rows[i / RECENT_WAYS][i % RECENT_WAYS];

		if (row->key.kind == RECENT_DEVICE && row->key.id == account_id)
			add_recent(&d, row);
	}
	pthread_mutex_unlock(&a->recent.lock);
	if (arena->failed)
		return ERR_TEMP;
	qsort(d.list, d.count, sizeof(*d.list), newest_first);
	*out = d.list;
	*count_out = d.count;
	return ERR_OK;
}
