/* queue/suppression.c: addresses that are not written to for a time.
 *
 * (1) queue.db is the truth. In memory is a hash of each address: who is not in it costs no disk, who is gets looked up.
 * (2) An address is learnt only from words about itself: a refusal of the content, of us, of the sender, or by a rule says nothing of it.
 * (3) What is learnt is written along with other commits; a crash may forget a failure, which the next one teaches again.
 * (4) The list is bounded; those whose time is over go as others come.
 */
#include "daemon/queue/suppression.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/name.h"
#include "daemon/directory/setting.h"
#include "daemon/queue/steering.h"
#include "daemon/queue/suppression_meant.h"
#include "db/queue_suppression.h"

#define ROW_BYTES 1024u
#define REPLY_MAX 500u
#define STATUS_MAX 11u
#define TRIM_EVERY_MS 600000
#define TRIM_ROWS 1000
#define TABLE_FIRST 64u
#define PART_MAX 320u

struct suppression_list {
	pthread_mutex_t lock; /* guards all below; a leaf */
	uint64_t *table;      /* open addressing, a power of two; 0: free */
	size_t size, count;
	uint64_t seed;
	int64_t trim_due_ms; /* monotonic */
	bool full;           /* said in the log */
};

static uint64_t hash_of(const struct suppression_list *list, struct span key)
{
	uint64_t h = list->seed;

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (uint8_t)key.ptr[i]) * 1099511628211ull;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	return h ? h : 1;
}

/* Where it is, or the free place where it would be. */
static size_t place_of(const uint64_t *table, size_t size, uint64_t h)
{
	size_t at = h & (size - 1);

	while (table[at] && table[at] != h)
		at = (at + 1) & (size - 1);
	return at;
}

static bool has_hash(const struct suppression_list *list, uint64_t h)
{
	return list->size && list->table[place_of(list->table, list->size, h)] == h;
}

static bool grow(struct suppression_list *list)
{
	size_t size = list->size ? list->size * 2 : TABLE_FIRST;
	uint64_t *table = calloc(size, sizeof(*table));

	if (!table)
		return false;
	for (size_t i = 0; i < list->size; i++)
		if (list->table[i])
			table[place_of(table, size, list->table[i])] = list->table[i];
	free(list->table);
	list->table = table;
	list->size = size;
	return true;
}

/* False: no memory. */
static bool add_hash(struct suppression_list *list, uint64_t h)
{
	if (has_hash(list, h))
		return true;
	if ((list->count + 1) * 2 > list->size && !grow(list))
		return false;
	list->table[place_of(list->table, list->size, h)] = h;
	list->count++;
	return true;
}

/* What stood behind it because of it moves up. */
static void remove_hash(struct suppression_list *list, uint64_t h)
{
	size_t hole, mask = list->size - 1;

	if (!has_hash(list, h))
		return;
	hole = place_of(list->table, list->size, h);
	list->table[hole] = 0;
	list->count--;
	for (size_t at = (hole + 1) & mask; list->table[at]; at = (at + 1) & mask) {
		size_t home = list->table[at] & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		list->table[hole] = list->table[at];
		list->table[at] = 0;
		hole = at;
	}
}

static enum err load_address(void *arg, struct span address)
{
	struct suppression_list *list = arg;

	return add_hash(list, hash_of(list, address)) ? ERR_OK : ERR_TEMP;
}

enum err suppression_open(struct queue *q, struct note *why)
{
	struct suppression_list *list = calloc(1, sizeof(*list));
	enum err e;

	if (!list)
		return ERR_TEMP;
	if (pthread_mutex_init(&list->lock, NULL) != 0) {
		free(list);
		return ERR_TEMP;
	}
	list->seed = rng_u64();
	list->trim_due_ms = clock_mono_ms();
	q->suppressions = list;
	pthread_mutex_lock(&q->reader_lock);
	e = db_suppression_addresses(q->reader, load_address, list);
	pthread_mutex_unlock(&q->reader_lock);
	if (e) {
		note_set(why, "cannot read the suppression list: %s", err_name(e));
		suppression_close(q);
	}
	return e;
}

void suppression_close(struct queue *q)
{
	struct suppression_list *list = q->suppressions;

	if (!list)
		return;
	pthread_mutex_destroy(&list->lock);
	free(list->table);
	free(list);
	q->suppressions = NULL;
}

static int64_t days_kept(struct queue *q)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	int64_t days = snapshot_number(s, SETTING_SUPPRESSION_DAYS);

	snapshot_release(&s);
	return days;
}

/* ---- learning ---- */

struct lesson {
	struct db_member member;
	struct queue *q;
	bool trims;
	struct db_suppression row; /* spans in `text` */
	char text[];
};

static void forget(void *arg, struct span address)
{
	struct suppression_list *list = arg;

	pthread_mutex_lock(&list->lock);
	remove_hash(list, hash_of(list, address));
	pthread_mutex_unlock(&list->lock);
}

static enum err store_lesson(struct db *db, void *arg)
{
	struct lesson *l = arg;
	enum err e = ERR_OK;

	/* Should this be rolled back, nothing is lost but what has ended. */
	if (l->trims)
		e = db_suppression_trim(db, l->row.created_ms, TRIM_ROWS, forget, l->q->suppressions);
	return e ? e : db_suppression_learn(db, &l->row);
}

static void lesson_stored(void *arg, enum err result)
{
	struct lesson *l = arg;
	struct suppression_list *list = l->q->suppressions;

	if (!result) {
		pthread_mutex_lock(&list->lock);
		(void)add_hash(list, hash_of(list, l->row.address));
		pthread_mutex_unlock(&list->lock);
	}
	free(l);
}

/* Null: without memory. */
static struct lesson *lesson_new(struct queue *q, struct span key, struct span status, struct span reply, int64_t days)
{
	struct lesson *l = calloc(1, sizeof(*l) + key.len + STATUS_MAX + REPLY_MAX);
	char *at;

	if (!l)
		return NULL;
	status = span_take(status, STATUS_MAX);
	reply = span_take(reply, REPLY_MAX);
	at = l->text;
	memcpy(at, key.ptr, key.len);
	l->row.address = span_make(at, key.len);
	at += key.len;
	memcpy(at, status.ptr, status.len);
	l->row.status = span_make(at, status.len);
	at += status.len;
	for (size_t i = 0; i < reply.len; i++)
		at[i] = (unsigned char)reply.ptr[i] < 0x20 || (unsigned char)reply.ptr[i] >= 0x7f ? '?' : reply.ptr[i];
	l->row.reply = span_make(at, reply.len);
	l->row.source = SUPPRESSION_OF_FAILURE;
	l->row.failures = 1;
	l->row.created_ms = clock_real_ms();
	l->row.expires_ms = l->row.created_ms + days * DAY_MS;
	l->q = q;
	l->member = (struct db_member){ .run = store_lesson, .done = lesson_stored, .arg = l, .weight_bytes = ROW_BYTES };
	return l;
}

/* Is there room for it? Says so once when there is none. */
static bool has_room(struct suppression_list *list, struct span key, bool *trims_out)
{
	bool room, say;

	pthread_mutex_lock(&list->lock);
	*trims_out = clock_mono_ms() >= list->trim_due_ms;
	if (*trims_out)
		list->trim_due_ms = clock_mono_ms() + TRIM_EVERY_MS;
	room = list->count < SUPPRESSIONS_MAX || *trims_out || has_hash(list, hash_of(list, key));
	say = !room && !list->full;
	list->full = !room;
	pthread_mutex_unlock(&list->lock);
	if (say)
		log_event(LOG_WARN, "queue", "suppressions_full", "max=%d", SUPPRESSIONS_MAX);
	return room;
}

void suppression_learn(struct queue *q, struct span address, struct span status, struct span reply, bool remote, bool at_rcpt)
{
	struct name_key key;
	struct lesson *l;
	int64_t days;
	bool trims;

	if (!suppression_is_meant(status, reply, remote, at_rcpt))
		return;
	days = days_kept(q);
	name_key_of_login(address, &key);
	if (days <= 0 || key.local_len == 0 || key.len == 0 || !has_room(q->suppressions, span_make(key.bytes, key.len), &trims))
		return;
	l = lesson_new(q, span_make(key.bytes, key.len), status, reply, days);
	if (!l)
		return;
	l->trims = trims;
	db_group_submit(q->group, &l->member);
}

/* ---- asking ---- */

struct reading {
	struct arena *a;
	struct suppression *rows;
	size_t count, max;
	int64_t now_ms;
	bool learnt_count; /* the setting keeps a list */
};

static enum err read_row(void *arg, const struct db_suppression *row)
{
	struct reading *r = arg;

	if (r->count >= r->max || (row->expires_ms && row->expires_ms <= r->now_ms) || (row->source == SUPPRESSION_OF_FAILURE && !r->learnt_count))
		return ERR_OK;
	r->rows[r->count++] = (struct suppression){ .address = arena_copy(r->a, row->address), .by_operator = row->source == SUPPRESSION_OF_OPERATOR, .status = arena_copy(r->a, row->status), .reply = arena_copy(r->a, row->reply), .failures = (uint64_t)row->failures, .created_ms = row->created_ms, .expires_ms = row->expires_ms };
	return r->a->failed ? ERR_LIMIT : ERR_OK;
}

enum err suppression_find(struct queue *q, const struct address *address, struct arena *a, struct suppression *out)
{
	struct suppression_list *list = q->suppressions;
	struct reading r = { .a = a, .rows = out, .max = 1, .now_ms = clock_real_ms() };
	struct name_key key;
	bool known = false;
	enum err e;

	name_key(address, &key);
	if (key.len) {
		pthread_mutex_lock(&list->lock);
		known = list->count && has_hash(list, hash_of(list, span_make(key.bytes, key.len)));
		pthread_mutex_unlock(&list->lock);
	}
	if (!known)
		return ERR_NOT_FOUND;
	r.learnt_count = days_kept(q) > 0;
	pthread_mutex_lock(&q->reader_lock);
	e = db_suppression_find(q->reader, span_make(key.bytes, key.len), read_row, &r);
	pthread_mutex_unlock(&q->reader_lock);
	return e ? e : r.count ? ERR_OK
			       : ERR_NOT_FOUND;
}

enum err suppressions(struct queue *q, struct span part, struct span after, size_t limit, struct arena *a, struct suppression **out, size_t *count_out)
{
	struct reading r = { .a = a, .max = limit, .now_ms = clock_real_ms(), .learnt_count = true };
	struct span folded = span_take(part, PART_MAX);
	char *copy = arena_alloc(a, folded.len);
	enum err e;

	r.rows = arena_array(a, limit, sizeof(*r.rows));
	if (!r.rows || !copy)
		return ERR_LIMIT;
	for (size_t i = 0; i < folded.len; i++)
		copy[i] = ascii_lower(folded.ptr[i]);
	pthread_mutex_lock(&q->reader_lock);
	e = db_suppression_page(q->reader, span_make(copy, folded.len), after, (int64_t)limit, read_row, &r);
	pthread_mutex_unlock(&q->reader_lock);
	*out = r.rows;
	*count_out = r.count;
	return e;
}

/* ---- operators ---- */

static bool is_line(struct span text, size_t max)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return false;
	return text.len <= max && span_is_utf8(text);
}

/* RFC 3463: "5.subject.detail". */
static bool is_permanent(struct span status)
{
	struct span rest = span_skip(status, 2);
	size_t dot = 0;
	uint64_t number;

	return span_starts(status, SPAN("5.")) && span_find_char(rest, '.', &dot) && span_to_u64(span_take(rest, dot), 999, &number) == ERR_OK &&
	       span_to_u64(span_skip(rest, dot + 1), 999, &number) == ERR_OK;
}

/* In its own form; ERR_SYNTAX: it is none. */
static enum err read_key(struct span text, struct name_key *out)
{
	struct address address;
	struct arena a;
	enum err e;

	arena_init(&a, 16384);
	e = text.len <= 2 * ADDRESS_MAX ? address_parse(text, &a, &address) : ERR_SYNTAX;
	if (!e)
		name_key(&address, out);
	arena_clear(&a);
	return e || out->len == 0 ? ERR_SYNTAX : ERR_OK;
}

enum err suppression_check(const struct suppression *s, struct note *why)
{
	struct name_key key = { 0 };

	if (read_key(s->address, &key))
		note_set(why, "not an address");
	else if (!is_line(s->reply, REPLY_MAX))
		note_set(why, "the reply is one line of at most %u bytes", REPLY_MAX);
	else if (s->status.len && !is_permanent(s->status))
		note_set(why, "the status is that of a permanent failure, like 5.1.1");
	else if (s->expires_ms && s->expires_ms <= clock_real_ms())
		note_set(why, "that time is over");
	else
		return ERR_OK;
	return ERR_SYNTAX;
}

static enum err put_row(struct db *db, void *arg)
{
	return db_suppression_put(db, arg);
}

enum err suppression_set(struct queue *q, const struct suppression *s, struct note *why)
{
	struct suppression_list *list = q->suppressions;
	struct db_suppression row = { .source = s->by_operator ? SUPPRESSION_OF_OPERATOR : SUPPRESSION_OF_FAILURE, .status = s->status, .reply = s->reply, .failures = (int64_t)(s->failures & INT64_MAX), .created_ms = clock_real_ms(), .expires_ms = s->expires_ms };
	struct name_key key = { 0 };
	enum err e = suppression_check(s, why);
	bool trims;

	if (!e)
		e = read_key(s->address, &key);
	if (e)
		return e;
	row.address = span_make(key.bytes, key.len);
	if (!has_room(list, row.address, &trims)) {
		note_set(why, "the list has %d addresses already", SUPPRESSIONS_MAX);
		return ERR_LIMIT;
	}
	/* In memory first: without a row it is looked up in vain, the other way round it would not be found. */
	pthread_mutex_lock(&list->lock);
	e = add_hash(list, hash_of(list, row.address)) ? ERR_OK : ERR_TEMP;
	pthread_mutex_unlock(&list->lock);
	return e ? e : db_group_run(q->group, put_row, &row, ROW_BYTES);
}

static enum err remove_row(struct db *db, void *arg)
{
	const struct span *address = arg;

	return db_suppression_remove(db, *address);
}

enum err suppression_remove(struct queue *q, struct span address)
{
	struct name_key key;
	struct span text;
	enum err e;

	name_key_of_login(span_take(address, 2 * ADDRESS_MAX), &key);
	text = span_make(key.bytes, key.len);
	e = db_group_run(q->group, remove_row, &text, ROW_BYTES);
	if (!e)
		forget(q->suppressions, text);
	return e;
}
