/* queue/rules.c: hold rules.
 *
 * (1) queue.db is the truth; the rules stand in memory as keys that are compared byte by byte, and without any the question costs one load.
 * (2) What a rule has held is counted in memory, and written once a minute along with other work, and at the end: a crash loses a minute of counts.
 */
#include "daemon/queue/rules.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/name.h"
#include "daemon/queue/steering.h"
#include "db/queue_rule.h"

#define NOTE_MAX 500u
#define RULE_ARENA_MAX 16384u
#define WRITE_EVERY_MS 60000
#define ROW_BYTES 1024u

struct rule {
	int64_t id, created_ms, expires_ms;
	uint64_t matched, written;
	struct span sender, recipient, note; /* in `text`; patterns as keys */
	char text[];
};

struct rules {
	pthread_mutex_t change; /* one writer; held through the disk */
	pthread_mutex_t lock;   /* guards all below; a leaf */
	struct rule *items[HOLD_RULES_MAX];
	size_t count;
	atomic_size_t present; /* count, for who looks without the lock */
	int64_t write_due_ms;  /* monotonic */
	bool writing;
};

static struct rule *rule_new(const struct db_hold_rule *row)
{
	struct rule *r = calloc(1, sizeof(*r) + row->sender.len + row->recipient.len + row->note.len);
	struct span from[] = { row->sender, row->recipient, row->note }, *to[3];
	char *at;

	if (!r)
		return NULL;
	r->id = row->id;
	r->created_ms = row->created_ms;
	r->expires_ms = row->expires_ms;
	r->matched = r->written = (uint64_t)row->matched;
	to[0] = &r->sender;
	to[1] = &r->recipient;
	to[2] = &r->note;
	at = r->text;
	for (size_t i = 0; i < 3; i++) {
		if (from[i].len)
			memcpy(at, from[i].ptr, from[i].len);
		*to[i] = span_make(at, from[i].len);
		at += from[i].len;
	}
	return r;
}

static enum err load_rule(void *arg, const struct db_hold_rule *row)
{
	struct rules *rules = arg;
	struct rule *r;

	if (rules->count >= HOLD_RULES_MAX)
		return ERR_OK;
	r = rule_new(row);
	if (!r)
		return ERR_TEMP;
	rules->items[rules->count++] = r;
	return ERR_OK;
}

static void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->items[i]);
	pthread_mutex_destroy(&rules->lock);
	pthread_mutex_destroy(&rules->change);
	free(rules);
}

enum err rules_open(struct queue *q, struct note *why)
{
	struct rules *rules = calloc(1, sizeof(*rules));
	enum err e;

	if (!rules)
		return ERR_TEMP;
	if (pthread_mutex_init(&rules->lock, NULL) != 0 || pthread_mutex_init(&rules->change, NULL) != 0) {
		free(rules);
		return ERR_TEMP;
	}
	pthread_mutex_lock(&q->reader_lock);
	e = db_hold_rule_each(q->reader, load_rule, rules);
	pthread_mutex_unlock(&q->reader_lock);
	if (e) {
		note_set(why, "cannot read the hold rules: %s", err_name(e));
		rules_free(rules);
		return e;
	}
	atomic_store(&rules->present, rules->count);
	rules->write_due_ms = clock_mono_ms() + WRITE_EVERY_MS;
	q->rules = rules;
	return ERR_OK;
}

/* ---- counts ---- */

struct counts {
	struct db_member member;
	struct rules *rules;
	size_t count;
	struct {
		int64_t id, matched;
	} rows[];
};

static enum err store_counts(struct db *db, void *arg)
{
	const struct counts *c = arg;
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < c->count; i++)
		e = db_hold_rule_matched(db, c->rows[i].id, c->rows[i].matched);
	return e;
}

static void counts_stored(void *arg, enum err result)
{
	struct counts *c = arg;

	pthread_mutex_lock(&c->rules->lock);
	for (size_t i = 0; !result && i < c->count; i++)
		for (size_t k = 0; k < c->rules->count; k++)
			if (c->rules->items[k]->id == c->rows[i].id)
				c->rules->items[k]->written = (uint64_t)c->rows[i].matched;
	c->rules->writing = false;
	pthread_mutex_unlock(&c->rules->lock);
	free(c);
}

/* What is not on disk yet; null: nothing, or no memory. With rules.lock held. */
static struct counts *take_counts(struct rules *rules)
{
	struct counts *c;
	size_t count = 0;

	for (size_t i = 0; i < rules->count; i++)
		count += rules->items[i]->matched != rules->items[i]->written;
	c = count ? calloc(1, sizeof(*c) + count * sizeof(c->rows[0])) : NULL;
	if (!c)
		return NULL;
	c->rules = rules;
	for (size_t i = 0; i < rules->count; i++) {
		if (rules->items[i]->matched == rules->items[i]->written)
			continue;
		c->rows[c->count].id = rules->items[i]->id;
		c->rows[c->count++].matched = (int64_t)rules->items[i]->matched;
	}
	c->member = (struct db_member){ .run = store_counts, .done = counts_stored, .arg = c, .weight_bytes = ROW_BYTES };
	return c;
}

static enum err store_last(struct db *db, void *arg)
{
	return arg ? store_counts(db, arg) : ERR_OK;
}

void rules_close(struct queue *q)
{
	struct rules *rules = q->rules;
	struct counts *c;

	if (!rules)
		return;
	pthread_mutex_lock(&rules->change);
	pthread_mutex_lock(&rules->lock);
	c = take_counts(rules);
	pthread_mutex_unlock(&rules->lock);
	pthread_mutex_unlock(&rules->change);
	/* What was submitted before is done before this one. */
	if (q->group && db_group_run(q->group, store_last, c, ROW_BYTES))
		log_event(LOG_WARN, "queue", "rule_counts_lost", "count=%zu", c ? c->count : 0);
	free(c);
	rules_free(rules);
	q->rules = NULL;
}

/* ---- matching ---- */

static struct span key_span(const struct name_key *key)
{
	return span_make(key->bytes, key->len);
}

static bool pattern_fits(struct span pattern, const struct name_key *key)
{
	if (!pattern.len)
		return true;
	if (pattern.ptr[0] == '@')
		return span_equals(pattern, span_skip(key_span(key), key->local_len));
	return span_equals(pattern, key_span(key));
}

static bool rule_fits(const struct rule *r, int64_t now_ms, const struct name_key *sender, const struct name_key *address, const struct name_key *original)
{
	if (r->expires_ms && r->expires_ms <= now_ms)
		return false;
	return pattern_fits(r->sender, sender) && (pattern_fits(r->recipient, address) || pattern_fits(r->recipient, original));
}

bool rules_hold(struct queue *q, struct span sender, struct span address, struct span original)
{
	struct rules *rules = q->rules;
	struct name_key keys[3];
	struct counts *c = NULL;
	int64_t now_ms;
	bool held = false;

	if (atomic_load_explicit(&rules->present, memory_order_acquire) == 0)
		return false;
	now_ms = clock_real_ms();
	name_key_of_login(sender, &keys[0]);
	name_key_of_login(address, &keys[1]);
	name_key_of_login(original, &keys[2]);
	pthread_mutex_lock(&rules->lock);
	for (size_t i = 0; !held && i < rules->count; i++) {
		held = rule_fits(rules->items[i], now_ms, &keys[0], &keys[1], &keys[2]);
		rules->items[i]->matched += held;
	}
	if (held && !rules->writing && clock_mono_ms() >= rules->write_due_ms) {
		c = take_counts(rules);
		rules->writing = c != NULL;
		rules->write_due_ms = clock_mono_ms() + WRITE_EVERY_MS;
	}
	pthread_mutex_unlock(&rules->lock);
	if (c)
		db_group_submit(q->group, &c->member);
	return held;
}

/* ---- operators ---- */

static enum err read_pattern(struct span text, const char *what, struct arena *a, struct span *out, struct note *why)
{
	struct name name;
	enum err e;

	*out = SPAN("");
	if (!text.len)
		return ERR_OK;
	e = name_parse(text, true, a, &name, why);
	if (e) {
		note_set(why, "%s is neither an address nor \"@domain\"", what);
		return ERR_SYNTAX;
	}
	*out = name.key;
	return ERR_OK;
}

static bool is_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return false;
	return span_is_utf8(text);
}

static enum err read_rule(const struct hold_rule *rule, struct arena *a, struct db_hold_rule *row, struct note *why)
{
	enum err e = read_pattern(rule->sender, "sender", a, &row->sender, why);

	if (!e)
		e = read_pattern(rule->recipient, "recipient", a, &row->recipient, why);
	if (e)
		return e;
	if (!row->sender.len && !row->recipient.len) {
		note_set(why, "a rule needs a sender or a recipient");
		return ERR_SYNTAX;
	}
	if (rule->note.len > NOTE_MAX || !is_text(rule->note)) {
		note_set(why, "the note is one line of at most %u bytes", NOTE_MAX);
		return ERR_SYNTAX;
	}
	row->created_ms = clock_real_ms();
	if (rule->expires_ms < 0 || (rule->expires_ms && rule->expires_ms <= row->created_ms)) {
		note_set(why, "the time of its end is over");
		return ERR_SYNTAX;
	}
	row->note = rule->note;
	row->expires_ms = rule->expires_ms;
	return ERR_OK;
}

static enum err store_rule(struct db *db, void *arg)
{
	struct db_hold_rule *row = arg;

	return db_hold_rule_add(db, row, &row->id);
}

/* With rules.change held. */
static enum err may_add(struct rules *rules, const struct db_hold_rule *row, struct note *why)
{
	for (size_t i = 0; i < rules->count; i++)
		if (span_equals(rules->items[i]->sender, row->sender) && span_equals(rules->items[i]->recipient, row->recipient)) {
			note_set(why, "there is such a rule already: %lld", (long long)rules->items[i]->id);
			return ERR_EXISTS;
		}
	if (rules->count < HOLD_RULES_MAX)
		return ERR_OK;
	note_set(why, "there are %d rules already", HOLD_RULES_MAX);
	return ERR_LIMIT;
}

static enum err remove_row(struct db *db, void *arg)
{
	const int64_t *id = arg;

	return db_hold_rule_remove(db, *id);
}

/* With rules.change held. Null: no such rule. */
static struct rule *take_rule(struct rules *rules, int64_t id)
{
	struct rule *found = NULL;

	pthread_mutex_lock(&rules->lock);
	for (size_t i = 0; i < rules->count; i++) {
		if (found)
			rules->items[i - 1] = rules->items[i];
		else if (rules->items[i]->id == id)
			found = rules->items[i];
	}
	rules->count -= found != NULL;
	atomic_store_explicit(&rules->present, rules->count, memory_order_release);
	pthread_mutex_unlock(&rules->lock);
	return found;
}

/* Those whose time is over make room. With rules.change held. */
static void drop_ended(struct queue *q)
{
	int64_t now_ms = clock_real_ms();

	for (size_t i = q->rules->count; i-- > 0;) {
		int64_t id = q->rules->items[i]->id, ends_ms = q->rules->items[i]->expires_ms;

		if (ends_ms && ends_ms <= now_ms && !db_group_run(q->group, remove_row, &id, ROW_BYTES))
			free(take_rule(q->rules, id));
	}
}

enum err hold_rule_check(const struct hold_rule *rule, struct note *why)
{
	struct db_hold_rule row = { 0 };
	struct arena a;
	enum err e;

	arena_init(&a, RULE_ARENA_MAX);
	e = read_rule(rule, &a, &row, why);
	arena_clear(&a);
	return e;
}

enum err hold_rule_add(struct queue *q, const struct hold_rule *rule, uint64_t *id_out, struct note *why)
{
	struct rules *rules = q->rules;
	struct db_hold_rule row = { 0 };
	struct rule *made = NULL;
	struct arena a;
	enum err e;

	arena_init(&a, RULE_ARENA_MAX);
	e = read_rule(rule, &a, &row, why);
	pthread_mutex_lock(&rules->change);
	if (!e) {
		drop_ended(q);
		e = may_add(rules, &row, why);
	}
	if (!e)
		e = db_group_run(q->group, store_rule, &row, ROW_BYTES);
	if (!e) {
		made = rule_new(&row);
		e = made ? ERR_OK : ERR_TEMP;
		if (!made && db_group_run(q->group, remove_row, &row.id, ROW_BYTES))
			note_set(why, "no memory for it now; it will hold after the next start");
	}
	if (made) {
		*id_out = (uint64_t)row.id;
		pthread_mutex_lock(&rules->lock);
		rules->items[rules->count++] = made;
		atomic_store_explicit(&rules->present, rules->count, memory_order_release);
		pthread_mutex_unlock(&rules->lock);
	}
	pthread_mutex_unlock(&rules->change);
	arena_clear(&a);
	return e;
}

enum err hold_rule_remove(struct queue *q, uint64_t id)
{
	int64_t row_id = (int64_t)id;
	enum err e;

	if (id > INT64_MAX)
		return ERR_NOT_FOUND;
	pthread_mutex_lock(&q->rules->change);
	e = db_group_run(q->group, remove_row, &row_id, ROW_BYTES);
	if (!e || e == ERR_NOT_FOUND)
		free(take_rule(q->rules, row_id));
	pthread_mutex_unlock(&q->rules->change);
	return e;
}

enum err hold_rules(struct queue *q, struct arena *a, struct hold_rule **out, size_t *count_out)
{
	struct rules *rules = q->rules;
	int64_t now_ms = clock_real_ms();
	enum err e = ERR_OK;
	size_t count = 0;

	pthread_mutex_lock(&rules->lock);
	*out = arena_array(a, rules->count, sizeof(**out));
	if (!*out)
		e = ERR_LIMIT;
	for (size_t i = 0; !e && i < rules->count; i++) {
		const struct rule *r = rules->items[i];

		if (r->expires_ms && r->expires_ms <= now_ms)
			continue;
		(*out)[count++] = (struct hold_rule){ .id = (uint64_t)r->id, .sender = arena_copy(a, r->sender), .recipient = arena_copy(a, r->recipient), .note = arena_copy(a, r->note), .created_ms = r->created_ms, .expires_ms = r->expires_ms, .matched = r->matched };
	}
	pthread_mutex_unlock(&rules->lock);
	*count_out = count;
	return e ? e : a->failed ? ERR_LIMIT
				 : ERR_OK;
}
