/* events/trace_search.c: rows that fit a filter, newest first.
 *
 * One or several indexes give ids in falling order (sources), which are merged; each row is then looked at in full, so that an index
 * needs to know one field only. Work is counted in rows: past WORK_MAX a search ends with what it has, or with ERR_LIMIT when that is nothing.
 * The reading handle is held for a slice at a time: other searches go on, and checkpoints find the file free.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/events/trace_state.h"
#include "db/trace_search.h"

#define WORK_MAX 100000u
#define WORK_MS 3000
#define SLICE 200u
#define SOURCES_MAX 16u
#define DOMAINS_BY_INDEX 5u /* three sources each */
#define MESSAGES_MAX 100u   /* of one Message-ID */
#define FIELD_MAX 1000u
#define ID_TEXT 40u

struct source {
	struct trace_where where;
	int64_t below; /* what comes next is under it */
	int64_t ids[SLICE];
	size_t at, count;
	bool over;
};

struct search {
	struct trace *t;
	const struct trace_filter *f;
	struct arena *a;
	/* In lower case, in the arena of the search. */
	struct arena own;
	struct span sender, recipient, id, text, domain;
	const struct span *domains;
	size_t domain_count;

	struct source *sources;
	size_t source_count;
	struct trace_row *rows;
	size_t count, limit;
	size_t work;
	int64_t until_ms;
	bool more;
};

/* ---- does a row fit? ---- */

static struct span lower_copy(struct arena *a, struct span s)
{
	char *to = arena_alloc(a, s.len);

	for (size_t i = 0; to && i < s.len; i++)
		to[i] = ascii_lower(s.ptr[i]);
	return span_make(to, to ? s.len : 0);
}

static bool is_in_domain(struct span address, struct span domain)
{
	return address.len > domain.len && address.ptr[address.len - domain.len - 1] == '@' && span_ends(address, domain);
}

/* "a@b", "*@b", "a@*" */
static bool fits_pattern(struct span address, struct span pattern)
{
	if (!pattern.len)
		return true;
	if (span_starts(pattern, SPAN("*@")))
		return is_in_domain(address, span_skip(pattern, 2));
	if (span_ends(pattern, SPAN("@*")))
		return span_starts(address, span_take(pattern, pattern.len - 1));
	return span_equals(address, pattern);
}

static bool has_text(struct span s, struct span needle)
{
	if (s.len < needle.len)
		return false;
	for (size_t i = 0; i + needle.len <= s.len; i++)
		if (ascii_lower(s.ptr[i]) == needle.ptr[0] && span_iequals(span_make(s.ptr + i, needle.len), needle))
			return true;
	return false;
}

static bool is_of_domain(const struct trace_found *row, struct span domain)
{
	return is_in_domain(row->message.sender, domain) || is_in_domain(row->recipient.address, domain) || is_in_domain(row->recipient.original, domain);
}

/* What comes from outside only says who sent it: that makes nobody see whom strangers write to. */
static bool is_theirs(const struct trace_found *row, struct span domain)
{
	return (row->message.direction != TRACE_IN && is_in_domain(row->message.sender, domain)) || is_in_domain(row->recipient.address, domain) ||
	       is_in_domain(row->recipient.original, domain);
}

static bool fits_domains(const struct search *s, const struct trace_found *row)
{
	if (s->domain.len && !is_of_domain(row, s->domain))
		return false;
	if (!s->domains)
		return true;
	for (size_t i = 0; i < s->domain_count; i++)
		if (is_theirs(row, s->domains[i]))
			return true;
	return false;
}

static bool fits_text(struct span needle, const struct trace_found *row)
{
	return !needle.len || has_text(row->message.subject, needle) || has_text(row->message.sender, needle) || has_text(row->recipient.address, needle) ||
	       has_text(row->recipient.original, needle) || has_text(row->recipient.reply, needle) || has_text(row->message.reply, needle);
}

static bool is_finished(int state)
{
	return state == TRACE_DELIVERED || state == TRACE_RELAYED || state == TRACE_BOUNCED || state == TRACE_REMOVED;
}

static bool fits_numbers(const struct trace_filter *f, const struct trace_found *row)
{
	return (f->state < 0 || row->recipient.state == f->state) && (!f->finished || is_finished(row->recipient.state)) && (f->direction < 0 || row->message.direction == f->direction) &&
	       (!f->account_id || row->message.account_id == f->account_id) && (!f->since_ms || row->message.at_ms >= f->since_ms) && (!f->until_ms || row->message.at_ms <= f->until_ms);
}

static bool fits(const struct search *s, const struct trace_found *row)
{
	return fits_numbers(s->f, row) && fits_pattern(row->message.sender, s->sender) &&
	       (fits_pattern(row->recipient.address, s->recipient) || (row->recipient.original.len && fits_pattern(row->recipient.original, s->recipient))) &&
	       fits_domains(s, row) && fits_text(s->text, row);
}

static void take_row(void *arg, const struct trace_found *row)
{
	struct search *s = arg;
	const struct trace_message_row *m = &row->message;
	const struct trace_recipient_row *r = &row->recipient;
	struct trace_row *to = &s->rows[s->count];
	struct buf id;

	if (!fits(s, row))
		return;
	if (s->count == s->limit) {
		s->more = true;
		return;
	}
	*to = (struct trace_row){
		.id = (uint64_t)r->id,
		.at_ms = m->at_ms,
		.last_ms = r->last_ms,
		.next_ms = r->next_ms,
		.direction = (enum trace_direction)m->direction,
		.state = (enum trace_state)r->state,
		.sender = arena_copy(s->a, m->sender),
		.recipient = arena_copy(s->a, r->address),
		.original = arena_copy(s->a, r->original),
		.subject = arena_copy(s->a, m->subject),
		.message_id = arena_copy(s->a, m->message_id),
		.last_reply = arena_copy(s->a, r->reply.len ? r->reply : m->reply),
		.size = m->size,
		.attempts = r->attempts,
	};
	buf_init(&id, ID_TEXT);
	hex_encode(m->queue_id, &id);
	if (id.len < sizeof(to->queue_id))
		memcpy(to->queue_id, id.ptr ? id.ptr : "", id.len);
	buf_clear(&id);
	s->count++;
}

/* ---- where to look ---- */

static void add_source(struct search *s, enum trace_source which, struct span text, int state, int64_t above, int64_t below)
{
	struct source *to = &s->sources[s->source_count];

	if (s->source_count == SOURCES_MAX)
		return;
	s->source_count++;
	*to = (struct source){ .where = { .source = which, .text = text, .state = state, .above_id = above }, .below = below };
}

struct bounds {
	int64_t above, below;
};

static void add_address(struct search *s, struct span pattern, const enum trace_source exact[], const enum trace_source local[], const enum trace_source domain[], size_t count, const struct bounds *b)
{
	for (size_t i = 0; i < count; i++) {
		if (span_starts(pattern, SPAN("*@")))
			add_source(s, domain[i], span_skip(pattern, 2), 0, b->above, b->below);
		else if (span_ends(pattern, SPAN("@*")))
			add_source(s, local[i], span_take(pattern, pattern.len - 2), 0, b->above, b->below);
		else
			add_source(s, exact[i], pattern, 0, b->above, b->below);
	}
}

static void add_domain(struct search *s, struct span domain, const struct bounds *b)
{
	add_source(s, TRACE_BY_DOMAIN, domain, 0, b->above, b->below);
	add_source(s, TRACE_BY_ORIGINAL_DOMAIN, domain, 0, b->above, b->below);
	add_source(s, TRACE_BY_SENDER_DOMAIN, domain, 0, b->above, b->below);
}

static void add_message(struct search *s, int64_t message, const struct bounds *b)
{
	int64_t first = message << TRACE_RECIPIENT_BITS, end = (message + 1) << TRACE_RECIPIENT_BITS;

	if (first < b->above)
		first = b->above;
	add_source(s, TRACE_BY_TIME, SPAN(""), 0, first, end < b->below ? end : b->below);
}

static enum err add_id(struct search *s, const struct bounds *b)
{
	int64_t messages[MESSAGES_MAX], message;
	struct span id = s->id;
	size_t count = 0;
	struct buf bytes;
	enum err e = ERR_NOT_FOUND;

	buf_init(&bytes, TRACE_QUEUE_ID);
	if (id.len == 2 * TRACE_QUEUE_ID && hex_decode(id, &bytes) == ERR_OK)
		e = db_trace_find(s->t->reader, buf_span(&bytes), &message);
	buf_clear(&bytes);
	if (!e) {
		add_message(s, message, b);
		return ERR_OK;
	}
	if (e != ERR_NOT_FOUND)
		return e;
	/* The brackets are no part of what people copy. */
	if (id.len && id.ptr[0] != '<')
		id = s->id = arena_printf(&s->own, "<%.*s>", (int)id.len, id.ptr);
	e = db_trace_by_message_id(s->t->reader, id, MESSAGES_MAX, messages, &count);
	for (size_t i = 0; !e && i < count && i < SOURCES_MAX; i++)
		add_message(s, messages[i], b);
	return e;
}

static struct bounds bounds_of(const struct trace_filter *f, uint64_t before_id)
{
	const int shift = TRACE_MESSAGE_BITS + TRACE_RECIPIENT_BITS;
	struct bounds b = { 0, INT64_MAX };

	if (before_id && before_id < INT64_MAX)
		b.below = (int64_t)before_id;
	if (f->since_ms > 0 && f->since_ms < (1LL << 42))
		b.above = f->since_ms << shift;
	if (f->until_ms > 0 && f->until_ms < (1LL << 41) && ((f->until_ms + 1) << shift) < b.below)
		b.below = (f->until_ms + 1) << shift;
	return b;
}

static bool has_index(int state)
{
	return state == TRACE_DEFERRED || state == TRACE_BOUNCED || state == TRACE_REMOVED || state == TRACE_REJECTED;
}

static enum err choose_sources(struct search *s, uint64_t before_id)
{
	static const enum trace_source exact[] = { TRACE_BY_ADDRESS, TRACE_BY_ORIGINAL }, local[] = { TRACE_BY_LOCAL, TRACE_BY_ORIGINAL_LOCAL }, domain[] = { TRACE_BY_DOMAIN, TRACE_BY_ORIGINAL_DOMAIN };
	static const enum trace_source sender[] = { TRACE_BY_SENDER }, sender_local[] = { TRACE_BY_SENDER_LOCAL }, sender_domain[] = { TRACE_BY_SENDER_DOMAIN };
	const struct bounds b = bounds_of(s->f, before_id);

	if (s->id.len)
		return add_id(s, &b);
	if (s->recipient.len)
		add_address(s, s->recipient, exact, local, domain, 2, &b);
	else if (s->sender.len)
		add_address(s, s->sender, sender, sender_local, sender_domain, 1, &b);
	else if (s->domain.len)
		add_domain(s, s->domain, &b);
	else if (has_index(s->f->state))
		add_source(s, TRACE_BY_STATE, SPAN(""), s->f->state, b.above, b.below);
	else if (s->domains && s->domain_count <= DOMAINS_BY_INDEX)
		for (size_t i = 0; i < s->domain_count; i++)
			add_domain(s, s->domains[i], &b);
	else
		add_source(s, TRACE_BY_TIME, SPAN(""), 0, b.above, b.below);
	return ERR_OK;
}

/* ---- looking ---- */

static enum err refill(struct search *s, struct source *from)
{
	enum err e;

	if (from->over || from->at < from->count)
		return ERR_OK;
	e = db_trace_candidates(s->t->reader, &from->where, from->below, SLICE, from->ids, &from->count);
	from->at = 0;
	s->work += from->count;
	from->over = from->count < SLICE;
	if (!e && from->count)
		from->below = from->ids[from->count - 1];
	return e;
}

/* The highest id that the sources have, taken out of all of them; 0: none. */
static int64_t next_id(struct search *s)
{
	int64_t highest = 0;

	for (size_t i = 0; i < s->source_count; i++) {
		struct source *from = &s->sources[i];

		if (from->at < from->count && from->ids[from->at] > highest)
			highest = from->ids[from->at];
	}
	for (size_t i = 0; i < s->source_count; i++) {
		struct source *from = &s->sources[i];

		if (from->at < from->count && from->ids[from->at] == highest)
			from->at++;
	}
	return highest;
}

/* Up to SLICE rows under the reader's lock. *over_out: there is nothing more. */
static enum err look(struct search *s, bool *over_out)
{
	enum err e = db_begin(s->t->reader);

	for (size_t i = 0; !e && i < SLICE && !s->more; i++) {
		int64_t id;

		for (size_t k = 0; !e && k < s->source_count; k++)
			e = refill(s, &s->sources[k]);
		if (e)
			break;
		id = next_id(s);
		if (!id) {
			*over_out = true;
			break;
		}
		s->work++;
		e = db_trace_row(s->t->reader, id, take_row, s);
		if (e == ERR_NOT_FOUND)
			e = ERR_OK;
	}
	db_rollback(s->t->reader);
	return e;
}

static enum err run_search(struct search *s, uint64_t before_id)
{
	bool over = false;
	enum err e;

	pthread_mutex_lock(&s->t->reader_lock);
	e = choose_sources(s, before_id);
	pthread_mutex_unlock(&s->t->reader_lock);
	while (!e && !over && !s->more) {
		if (s->work >= WORK_MAX || clock_mono_ms() > s->until_ms) {
			/* Who goes on from the last row looks further. */
			s->more = true;
			return s->count ? ERR_OK : ERR_LIMIT;
		}
		pthread_mutex_lock(&s->t->reader_lock);
		e = look(s, &over);
		pthread_mutex_unlock(&s->t->reader_lock);
	}
	return e;
}

static enum err prepare(struct search *s, const struct trace_filter *f)
{
	struct span *domains = arena_array(&s->own, f->domain_count, sizeof(*domains));

	if (f->sender.len > FIELD_MAX || f->recipient.len > FIELD_MAX || f->id.len > FIELD_MAX || f->text.len > FIELD_MAX || f->domain.len > FIELD_MAX)
		return ERR_SYNTAX;
	s->sender = lower_copy(&s->own, f->sender);
	s->recipient = lower_copy(&s->own, f->recipient);
	s->id = lower_copy(&s->own, f->id);
	s->text = lower_copy(&s->own, f->text);
	s->domain = lower_copy(&s->own, f->domain);
	s->sources = arena_array(&s->own, SOURCES_MAX, sizeof(*s->sources));
	for (size_t i = 0; domains && i < f->domain_count; i++)
		domains[i] = lower_copy(&s->own, f->domains[i]);
	s->domains = f->domains ? domains : NULL;
	s->domain_count = f->domain_count;
	s->rows = arena_array(s->a, s->limit, sizeof(*s->rows));
	return s->own.failed || s->a->failed ? ERR_LIMIT : ERR_OK;
}

enum err trace_search(struct trace *t, const struct trace_filter *f, uint64_t before_id, size_t limit, struct arena *a, struct trace_row **out, size_t *count_out, bool *more_out)
{
	struct search s = { .t = t, .f = f, .a = a, .limit = limit, .until_ms = clock_mono_ms() + WORK_MS };
	enum err e;

	arena_init(&s.own, 4u << 20);
	trace_settle(t);
	e = prepare(&s, f);
	if (!e)
		e = run_search(&s, before_id);
	if (!e && a->failed)
		e = ERR_LIMIT;
	arena_clear(&s.own);
	*out = s.rows;
	*count_out = e ? 0 : s.count;
	*more_out = s.more;
	return e;
}
