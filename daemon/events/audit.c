/* events/audit.c: the audit log: adding, looking, and proving that nothing in it was changed.
 *
 *   chain(n) = SHA-256( "postroom audit 1" | chain(n - 1) | id | at_ms | length, actor | actor_account | length, via | ... | length, after )
 *
 * Numbers and lengths are 8 bytes, the highest first; before the first entry stands a chain of 32 zero bytes. Ids go up by one. So an entry that was
 * changed, taken out or put in between does not fit any more, nor does any other way to cut its texts apart.
 */
#include "daemon/events/audit.h"

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "daemon/crypto/digest.h"
#include "daemon/directory/directory.h"
#include "daemon/mime/text.h"
#include "db/control_audit.h"

#define VALUE_MAX ((size_t)1 << 20) /* of before and after */
#define WORD_MAX 2048               /* of all else */
#define ROW_MAX (2 * VALUE_MAX + (size_t)16 * WORD_MAX)
#define ROWS_A_TURN 4000 /* looked at before the reading handle is given back */
#define FOLD_MAX (8 * VALUE_MAX)

static void add_number(struct buf *b, uint64_t value)
{
	char bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (char)(value >> (56 - 8 * i));
	buf_add(b, span_make(bytes, sizeof(bytes)));
}

static void add_text(struct buf *b, struct span text)
{
	add_number(b, text.len);
	buf_add(b, text);
}

/* False: out of memory. */
static bool chain_of(const struct db_audit *row, const uint8_t before[SHA256_BYTES], uint8_t out[SHA256_BYTES])
{
	struct buf b;
	bool fits;

	buf_init(&b, ROW_MAX);
	buf_add(&b, SPAN("postroom audit 1"));
	buf_add(&b, span_make((const char *)before, SHA256_BYTES));
	add_number(&b, row->id);
	add_number(&b, (uint64_t)row->at_ms);
	add_text(&b, row->actor);
	add_number(&b, row->actor_account);
	add_text(&b, row->via);
	add_text(&b, row->peer);
	add_text(&b, row->request_id);
	add_text(&b, row->operation);
	add_text(&b, row->subject);
	add_text(&b, row->domain);
	add_text(&b, row->before);
	add_text(&b, row->after);
	fits = !b.failed;
	if (fits)
		crypto_sha256(buf_span(&b), out);
	buf_clear(&b);
	return fits;
}

/* ---- adding ---- */

struct last {
	uint64_t id;
	uint8_t chain[SHA256_BYTES];
};

static void take_last(void *arg, const struct db_audit *row)
{
	struct last *last = arg;

	last->id = row->id;
	if (row->chain.len == SHA256_BYTES)
		memcpy(last->chain, row->chain.ptr, SHA256_BYTES);
}

static enum err run_add(struct db *db, void *arg)
{
	const struct audit_entry *entry = arg;
	struct last last = { 0 };
	struct db_audit row = {
		.at_ms = clock_real_ms(),
		.actor = entry->actor,
		.actor_account = entry->actor_account,
		.via = entry->via,
		.peer = entry->peer,
		.request_id = entry->request_id,
		.operation = entry->operation,
		.subject = entry->subject,
		.domain = entry->domain,
		.before = entry->before,
		.after = entry->after,
	};
	uint8_t chain[SHA256_BYTES];
	enum err e = db_audit_last(db, take_last, &last);

	if (e && e != ERR_NOT_FOUND)
		return e;
	row.id = last.id + 1;
	row.chain = span_make((const char *)chain, sizeof(chain));
	/* A chain that is broken already goes on from what is there; audit_verify() says where. */
	return chain_of(&row, last.chain, chain) ? db_audit_add(db, &row) : ERR_TEMP;
}

enum err audit_add(struct directory *d, const struct audit_entry *entry)
{
	const struct span words[] = { entry->actor, entry->via, entry->peer, entry->request_id, entry->operation, entry->subject, entry->domain };
	struct audit_entry own = *entry;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].len > WORD_MAX)
			return ERR_LIMIT;
	}
	if (entry->before.len > VALUE_MAX || entry->after.len > VALUE_MAX)
		return ERR_LIMIT;
	return directory_write(d, run_add, &own, NULL);
}

/* ---- looking ---- */

struct search {
	const struct audit_filter *f;
	struct db_audit_lead lead;
	struct buf folded; /* the text that is looked for, without case */
	uint64_t below_id, floor_id;
	size_t limit, looked;
	struct arena *a;
	struct audit_entry *found;
	size_t count;
	bool more, is_over;
};

static bool has_text(const struct search *s, struct span value)
{
	struct buf folded;
	size_t at;
	bool has;

	if (value.len == 0)
		return false;
	buf_init(&folded, FOLD_MAX);
	text_casemap(value, &folded);
	has = span_find(buf_span(&folded), buf_span(&s->folded), &at);
	buf_clear(&folded);
	return has;
}

static bool has_text_anywhere(const struct search *s, const struct db_audit *row)
{
	const struct span values[] = { row->subject, row->actor, row->operation, row->via, row->peer, row->before, row->after, row->request_id };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (has_text(s, values[i]))
			return true;
	}
	return false;
}

static bool is_of_domains(const struct audit_filter *f, struct span domain)
{
	if (!f->domains)
		return true;
	for (size_t i = 0; i < f->domain_count; i++) {
		if (span_equals(f->domains[i], domain))
			return true;
	}
	return false;
}

static bool is_or_any(struct span wanted, struct span value)
{
	return wanted.len == 0 || span_equals(wanted, value);
}

static bool fits(const struct search *s, const struct db_audit *row)
{
	const struct audit_filter *f = s->f;

	return is_or_any(f->subject, row->subject) && is_or_any(f->operation, row->operation) && is_or_any(f->domain, row->domain) &&
	       (f->actor_account == 0 || f->actor_account == row->actor_account) && row->at_ms >= f->since_ms &&
	       (f->until_ms == 0 || row->at_ms < f->until_ms) && is_of_domains(f, row->domain) && (f->text.len == 0 || has_text_anywhere(s, row));
}

static void keep(struct search *s, const struct db_audit *row)
{
	s->found[s->count++] = (struct audit_entry){
		.id = row->id,
		.at_ms = row->at_ms,
		.actor = arena_copy(s->a, row->actor),
		.actor_account = row->actor_account,
		.via = arena_copy(s->a, row->via),
		.peer = arena_copy(s->a, row->peer),
		.request_id = arena_copy(s->a, row->request_id),
		.operation = arena_copy(s->a, row->operation),
		.subject = arena_copy(s->a, row->subject),
		.domain = arena_copy(s->a, row->domain),
		.before = arena_copy(s->a, row->before),
		.after = arena_copy(s->a, row->after),
	};
}

static bool look_at(void *arg, const struct db_audit *row)
{
	struct search *s = arg;

	if (row->id < s->floor_id) {
		s->is_over = true;
		return false;
	}
	s->below_id = row->id;
	if (fits(s, row)) {
		if (s->count == s->limit) {
			s->more = s->is_over = true;
			return false;
		}
		keep(s, row);
	}
	return ++s->looked < ROWS_A_TURN;
}

static enum err run_turn(struct db *db, void *arg)
{
	struct search *s = arg;
	enum err e;

	s->looked = 0;
	e = db_audit_each_down(db, &s->lead, s->below_id, look_at, s);
	if (s->looked < ROWS_A_TURN)
		s->is_over = true;
	return e;
}

/* Ids grow with time, but a clock may have been set back: these are bounds, not the answer. */
static enum err run_bounds(struct db *db, void *arg)
{
	struct search *s = arg;
	uint64_t last = 0;
	enum err e = ERR_OK;

	if (s->f->since_ms > 0) {
		e = db_audit_first_since(db, s->f->since_ms, &s->floor_id);
		s->is_over = !e && s->floor_id == 0;
	}
	if (!e && s->f->until_ms > 0) {
		e = db_audit_last_until(db, s->f->until_ms, &last);
		if (!e && last + 1 < s->below_id)
			s->below_id = last + 1;
	}
	return e;
}

static struct db_audit_lead lead_of(const struct audit_filter *f)
{
	struct db_audit_lead lead = { .by = DB_AUDIT_ALL };

	if (f->subject.len > 0) {
		lead.by = DB_AUDIT_SUBJECT;
		lead.text = f->subject;
	} else if (f->actor_account > 0) {
		lead.by = DB_AUDIT_ACTOR;
		lead.number = f->actor_account;
	} else if (f->domain.len > 0 || (f->domains && f->domain_count == 1)) {
		lead.by = DB_AUDIT_DOMAIN;
		lead.text = f->domain.len > 0 ? f->domain : f->domains[0];
	}
	return lead;
}

enum err audit_list(struct directory *d, const struct audit_filter *f, uint64_t before_id, size_t limit, struct arena *a, struct audit_entry **out, size_t *count_out, bool *more_out)
{
	struct search s = { .f = f, .lead = lead_of(f), .below_id = before_id ? before_id : UINT64_MAX, .limit = limit, .a = a };
	enum err e = f->text.len > WORD_MAX ? ERR_LIMIT : ERR_OK;

	*out = NULL;
	*count_out = 0;
	*more_out = false;
	buf_init(&s.folded, FOLD_MAX);
	text_casemap(f->text, &s.folded);
	s.found = arena_array(a, limit, sizeof(*s.found));
	if (!e && (!s.found || s.folded.failed))
		e = ERR_LIMIT;
	if (!e && f->domains && f->domain_count == 0)
		s.is_over = true;
	else if (!e)
		e = directory_read(d, run_bounds, &s);
	while (!e && !s.is_over)
		e = directory_read(d, run_turn, &s);
	buf_clear(&s.folded);
	if (!e && a->failed)
		e = ERR_LIMIT;
	if (e)
		return e;
	*out = s.found;
	*count_out = s.count;
	*more_out = s.more;
	return ERR_OK;
}

/* ---- proving ---- */

/* More than audit_add() ever writes. */
static bool is_oversized(const struct db_audit *row)
{
	return row->before.len > VALUE_MAX || row->after.len > VALUE_MAX || row->actor.len > WORD_MAX || row->via.len > WORD_MAX || row->peer.len > WORD_MAX ||
	       row->request_id.len > WORD_MAX || row->operation.len > WORD_MAX || row->subject.len > WORD_MAX || row->domain.len > WORD_MAX;
}

struct walk {
	uint64_t next_id, bad_id;
	uint8_t chain[SHA256_BYTES];
	size_t looked;
	enum err result;
};

static bool step(void *arg, const struct db_audit *row)
{
	struct walk *w = arg;
	uint8_t chain[SHA256_BYTES] = { 0 };
	const bool is_whole = !is_oversized(row);

	if (is_whole && !chain_of(row, w->chain, chain)) {
		w->result = ERR_TEMP;
		return false;
	}
	if (!is_whole || row->id != w->next_id || row->chain.len != SHA256_BYTES || !crypto_equals(row->chain.ptr, chain, SHA256_BYTES)) {
		w->bad_id = row->id;
		w->result = ERR_CORRUPT;
		return false;
	}
	memcpy(w->chain, chain, SHA256_BYTES);
	w->next_id++;
	return ++w->looked < ROWS_A_TURN;
}

static enum err run_walk(struct db *db, void *arg)
{
	struct walk *w = arg;
	enum err e;

	w->looked = 0;
	e = db_audit_each_up(db, w->next_id, step, w);
	return e ? e : w->result;
}

enum err audit_verify(struct directory *d, uint64_t *count_out, uint64_t *bad_id_out)
{
	struct walk w = { .next_id = 1 };
	enum err e;

	do {
		e = directory_read(d, run_walk, &w);
	} while (!e && w.looked == ROWS_A_TURN);
	*count_out = w.next_id - 1;
	*bad_id_out = w.bad_id;
	return e;
}
