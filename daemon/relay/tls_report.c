/* relay/tls_report.c: see tls_report.h.
 *
 * (1) Who notes never waits: counts are rows in memory, found by all their texts. What does not fit any more is dropped and counted.
 * (2) Rows are taken as a whole to be written; what could not be written is counted again on top of what came meanwhile.
 */
#include "daemon/relay/tls_report.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/relay/inside.h"
#include "db/relay_tls.h"

#define BUCKETS 1024u
#define ROWS_MAX 8192u
#define BYTES_MAX (4u * 1024u * 1024u)
#define POLICY_MAX 8192u /* of a text; the rest is cut off */
#define TEXT_MAX 300u
#define DAY_MS 86400000LL
#define TRIM_SLICE 500
#define TRIM_SLICES 100
#define TEXTS 7

/* Of a summary: domain, policy type, policy. Of a failure: domain, policy type, result type, sending address, host, its address, reason. */
struct row {
	struct row *next;
	int64_t day;
	bool failure;
	struct span texts[TEXTS];
	struct span mx; /* of a summary, as it was first seen */
	int64_t successes, count;
	size_t bytes;
	char storage[];
};

struct rows {
	struct row *buckets[BUCKETS];
	size_t count, bytes;
};

struct tls_report {
	struct ledger *ledger;
	pthread_mutex_t lock; /* guards rows, dropped */
	struct rows rows;
	uint64_t dropped;
	int64_t trimmed_day; /* of who turns */
};

/* ---- rows in memory ---- */

static struct row **bucket(struct rows *rows, const struct row *r)
{
	uint64_t h = (14695981039346656037u ^ (uint64_t)r->day ^ (r->failure ? 1u << 20 : 0)) * 1099511628211u;

	for (size_t t = 0; t < TEXTS; t++) {
		for (size_t i = 0; i < r->texts[t].len; i++)
			h = (h ^ (uint8_t)r->texts[t].ptr[i]) * 1099511628211u;
		h = (h ^ 0x100) * 1099511628211u;
	}
	return &rows->buckets[(h ^ (h >> 32)) % BUCKETS];
}

static bool is_same(const struct row *a, const struct row *b)
{
	if (a->day != b->day || a->failure != b->failure)
		return false;
	for (size_t t = 0; t < TEXTS; t++)
		if (!span_equals(a->texts[t], b->texts[t]))
			return false;
	return true;
}

static struct span store(char **to, struct span text)
{
	struct span kept = span_make(*to, text.len);

	if (text.len > 0)
		memcpy(*to, text.ptr, text.len);
	*to += text.len;
	return kept;
}

static struct row *copy_row(const struct row *from)
{
	size_t bytes = sizeof(*from) + from->mx.len;
	struct row *r;
	char *to;

	for (size_t t = 0; t < TEXTS; t++)
		bytes += from->texts[t].len;
	r = malloc(bytes);
	if (!r)
		return NULL;
	*r = *from;
	r->bytes = bytes;
	to = r->storage;
	for (size_t t = 0; t < TEXTS; t++)
		r->texts[t] = store(&to, from->texts[t]);
	r->mx = store(&to, from->mx);
	return r;
}

/* False: there was no room. */
static bool add_row(struct rows *rows, const struct row *what)
{
	struct row **link = bucket(rows, what), *r = *link;

	while (r && !is_same(r, what))
		r = r->next;
	if (!r) {
		if (rows->count >= ROWS_MAX || rows->bytes >= BYTES_MAX)
			return false;
		r = copy_row(what);
		if (!r)
			return false;
		r->next = *link;
		*link = r;
		rows->count++;
		rows->bytes += r->bytes;
		return true;
	}
	r->successes += what->successes;
	r->count += what->count;
	return true;
}

static void clear_rows(struct rows *rows)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (rows->buckets[i]) {
			struct row *r = rows->buckets[i];

			rows->buckets[i] = r->next;
			free(r);
		}
	}
	rows->count = rows->bytes = 0;
}

/* ---- noting ---- */

static struct span address_text(const struct net_addr *a, struct net_addr_text *text)
{
	if (a->family == NET_NONE)
		return SPAN("");
	*text = net_ip_text(a);
	return span_str(text->text);
}

/* At the end of a line, where there is one. */
static struct span cut_policy(struct span text)
{
	if (text.len <= POLICY_MAX)
		return text;
	text.len = POLICY_MAX;
	while (text.len > 0 && text.ptr[text.len - 1] != '\n')
		text.len--;
	return span_take(text, text.len > 0 ? text.len - 1 : 0);
}

static struct span short_text(struct span s)
{
	return span_take(s, TEXT_MAX);
}

void tls_report_note(struct relay *r, const struct tls_note *note)
{
	struct tls_report *t = r->report;
	struct net_addr_text sending, mx;
	struct row summary = {
		.day = clock_real_ms() / DAY_MS,
		.texts = { short_text(note->domain), span_str(note->policy_type), cut_policy(note->policy) },
		.mx = cut_policy(note->mx),
		.successes = note->success ? 1 : 0,
		.count = note->success ? 0 : 1,
	};
	struct row failure = {
		.day = summary.day,
		.failure = true,
		.texts = { summary.texts[0], summary.texts[1], span_str(note->result_type), address_text(&note->sending, &sending), short_text(span_str(note->mx_host)), address_text(&note->mx_addr, &mx), short_text(note->reason) },
		.count = 1,
	};
	bool kept;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	kept = add_row(&t->rows, &summary) && (note->success || add_row(&t->rows, &failure));
	t->dropped += !kept;
	pthread_mutex_unlock(&t->lock);
	ledger_nudge(t->ledger);
}

/* ---- writing ---- */

static enum err write_row(struct db *db, const struct row *r)
{
	const struct span *x = r->texts;

	if (r->failure)
		return db_tls_add_failure(db, &(struct db_tls_failure){ .day = r->day, .domain = x[0], .policy_type = x[1], .result_type = x[2], .sending_ip = x[3], .mx_host = x[4], .mx_ip = x[5], .reason = x[6], .count = r->count });
	return db_tls_add_summary(db, &(struct db_tls_summary){ .day = r->day, .domain = x[0], .policy_type = x[1], .policy = x[2], .mx = r->mx, .successes = r->successes, .failures = r->count });
}

static enum err write_rows(struct db *db, void *arg)
{
	const struct rows *rows = arg;
	enum err e = ERR_OK;

	for (size_t i = 0; i < BUCKETS && e == ERR_OK; i++)
		for (const struct row *r = rows->buckets[i]; r && e == ERR_OK; r = r->next)
			e = write_row(db, r);
	return e;
}

static void put_back(struct tls_report *t, const struct rows *rows)
{
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct row *r = rows->buckets[i]; r; r = r->next)
			t->dropped += !add_row(&t->rows, r);
	pthread_mutex_unlock(&t->lock);
}

static void write_counts(struct tls_report *t)
{
	struct rows *taken = calloc(1, sizeof(*taken));
	uint64_t dropped;
	enum err e = ERR_OK;

	if (!taken)
		return;
	pthread_mutex_lock(&t->lock);
	*taken = t->rows;
	memset(&t->rows, 0, sizeof(t->rows));
	dropped = t->dropped;
	t->dropped = 0;
	pthread_mutex_unlock(&t->lock);
	if (taken->count > 0)
		e = ledger_run(t->ledger, write_rows, taken, taken->bytes);
	if (e != ERR_OK && e != ERR_STATE) {
		log_event(LOG_WARN, "relay", "tls_results_not_written", "rows=%zu error=%s", taken->count, err_name(e));
		put_back(t, taken);
	}
	if (dropped > 0)
		log_event(LOG_WARN, "relay", "tls_results_dropped", "notes=%llu", (unsigned long long)dropped);
	clear_rows(taken);
	free(taken);
}

struct trim {
	int64_t before_day, removed;
};

static enum err run_trim(struct db *db, void *arg)
{
	struct trim *trim = arg;

	return db_tls_trim(db, trim->before_day, TRIM_SLICE, &trim->removed);
}

static void trim_old(struct tls_report *t)
{
	struct trim trim = { .before_day = clock_real_ms() / DAY_MS - TLS_REPORT_DAYS };

	if (trim.before_day == t->trimmed_day)
		return;
	for (int i = 0; i < TRIM_SLICES; i++) {
		if (ledger_run(t->ledger, run_trim, &trim, TRIM_SLICE) != ERR_OK)
			return;
		if (trim.removed == 0) {
			t->trimmed_day = trim.before_day;
			return;
		}
	}
}

void tls_report_turn(struct tls_report *t)
{
	write_counts(t);
	trim_old(t);
}

enum err tls_report_new(struct ledger *ledger, struct tls_report **out)
{
	struct tls_report *t = calloc(1, sizeof(*t));

	if (!t)
		return ERR_TEMP;
	pthread_mutex_init(&t->lock, NULL);
	t->ledger = ledger;
	*out = t;
	return ERR_OK;
}

void tls_report_free(struct tls_report **report)
{
	struct tls_report *t = *report;

	*report = NULL;
	if (!t)
		return;
	clear_rows(&t->rows);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- lists ---- */

struct listing {
	struct span domain, after;
	int64_t day;
	size_t limit;
	struct arena *arena;
	struct tls_summary *summaries;
	struct tls_failure *failures;
	size_t count, room;
	bool full;
};

/* A larger array for the same rows; the arena forgets the smaller one at its end. */
static void *grow(struct listing *l, const void *rows, size_t size)
{
	size_t room = l->room ? l->room * 2 : 64;
	void *more = arena_array(l->arena, room, size);

	if (more && l->count > 0)
		memcpy(more, rows, l->count * size);
	if (more)
		l->room = room;
	return more;
}

static bool take_summary(void *arg, const struct db_tls_summary *row)
{
	struct listing *l = arg;
	struct tls_summary *s;

	if (l->count >= l->limit && !(l->summaries[l->count - 1].day == row->day && span_equals(l->summaries[l->count - 1].domain, row->domain))) {
		l->full = true;
		return false;
	}
	if (l->count == l->room)
		l->summaries = grow(l, l->summaries, sizeof(*s));
	if (l->arena->failed)
		return false;
	s = &l->summaries[l->count++];
	*s = (struct tls_summary){
		.day = row->day,
		.domain = arena_copy(l->arena, row->domain),
		.policy_type = arena_copy(l->arena, row->policy_type),
		.policy = arena_copy(l->arena, row->policy),
		.mx = arena_copy(l->arena, row->mx),
		.successes = (uint64_t)row->successes,
		.failures = (uint64_t)row->failures,
	};
	return !l->arena->failed;
}

static enum err list_summaries(struct db *db, void *arg)
{
	struct listing *l = arg;
	int64_t day = l->day;
	enum err e;

	for (;;) {
		e = db_tls_day(db, day, &day);
		if (e != ERR_OK)
			return e == ERR_NOT_FOUND ? ERR_OK : e;
		/* One domain has at most one place in a day: behind it there is none. */
		if (l->domain.len == 0 || l->after.len == 0 || day != l->day)
			e = db_tls_each_summary(db, day, l->domain, day == l->day ? l->after : SPAN(""), take_summary, l);
		if (e != ERR_OK || l->full || l->arena->failed)
			return l->arena->failed ? ERR_LIMIT : e;
		day--;
	}
}

enum err tls_summaries(struct relay *r, struct span domain, int64_t after_day, struct span after_domain, size_t limit, struct arena *a, struct tls_summary **out, size_t *count_out)
{
	struct listing l = { .domain = domain, .after = after_domain, .day = after_day > 0 ? after_day : INT64_MAX, .limit = limit, .arena = a };
	enum err e;

	*out = NULL;
	*count_out = 0;
	if (limit == 0)
		return ERR_OK;
	write_counts(r->report);
	e = ledger_run(r->ledger, list_summaries, &l, 0);
	if (e != ERR_OK)
		return e == ERR_STATE ? ERR_OK : e;
	*out = l.summaries;
	*count_out = l.count;
	return ERR_OK;
}

static bool take_failure(void *arg, const struct db_tls_failure *row)
{
	struct listing *l = arg;
	struct tls_failure *f;

	if (l->count >= TLS_FAILURES_MAX)
		return false;
	if (l->count == l->room)
		l->failures = grow(l, l->failures, sizeof(*f));
	if (l->arena->failed)
		return false;
	f = &l->failures[l->count++];
	*f = (struct tls_failure){
		.policy_type = arena_copy(l->arena, row->policy_type),
		.result_type = arena_copy(l->arena, row->result_type),
		.sending_ip = arena_copy(l->arena, row->sending_ip),
		.mx_host = arena_copy(l->arena, row->mx_host),
		.mx_ip = arena_copy(l->arena, row->mx_ip),
		.reason = arena_copy(l->arena, row->reason),
		.count = (uint64_t)row->count,
	};
	return !l->arena->failed;
}

static enum err list_failures(struct db *db, void *arg)
{
	struct listing *l = arg;
	enum err e = db_tls_each_failure(db, l->day, l->domain, take_failure, l);

	return l->arena->failed ? ERR_LIMIT : e;
}

enum err tls_failures(struct relay *r, int64_t day, struct span domain, struct arena *a, struct tls_failure **out, size_t *count_out)
{
	struct listing l = { .domain = domain, .day = day, .arena = a };
	enum err e;

	*out = NULL;
	*count_out = 0;
	write_counts(r->report);
	e = ledger_run(r->ledger, list_failures, &l, 0);
	if (e != ERR_OK)
		return e == ERR_STATE ? ERR_OK : e;
	*out = l.failures;
	*count_out = l.count;
	return ERR_OK;
}
