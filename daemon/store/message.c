/* store/message.c: local delivery and its ledger; keywords.
 *
 * Ledger row and message are one transaction.
 */
#include "daemon/store/message.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/store/filing.h"
#include "db/mail_account.h"

#define KEYWORD_MAX 128

/* ---- delivery ---- */

struct delivery {
	struct mailstore *m;
	const struct new_delivery *items;
	struct filing *filings;
	size_t count, filed;
	uint8_t (*done)[16]; /* ledger rows to delete */
	size_t done_count;
	uint64_t modseq, first_uid;
	bool did_run;
};

static enum err deliver_items(struct db *db, struct delivery *d, const struct db_mailbox *inbox, struct db_mailbox_delta *delta)
{
	const int64_t now_ms = clock_real_ms();
	struct db_message row = { .mailbox = inbox->id };
	enum err e = db_mail_allot(db, d->count, &row.modseq, &row.content);

	for (size_t i = 0; !e && i < d->count; i++) {
		struct filing *f = &d->filings[i];
		bool is_new;

		if (f->result)
			continue;
		e = db_mail_ledger_add(db, d->items[i].queue_id, now_ms, &is_new);
		if (e)
			break;
		if (!is_new) {
			f->result = ERR_EXISTS;
			continue;
		}
		if (inbox->uid_next + d->filed > UINT32_MAX)
			return ERR_LIMIT;
		row.uid = (uint32_t)(inbox->uid_next + d->filed);
		row.flags = f->message->flags;
		e = filing_add(db, &row, f, delta);
		row.content++;
		d->filed++;
	}
	d->modseq = row.modseq;
	d->first_uid = inbox->uid_next;
	return e;
}

static enum err run_deliver(struct db *db, void *arg)
{
	struct delivery *d = arg;
	struct db_mailbox_delta delta = { .messages = 0 };
	struct db_mailbox inbox;
	enum err e = db_mailbox_by_id(db, d->m->inbox_id, &inbox);

	d->filed = 0;
	for (size_t i = 0; !e && i < d->done_count; i++)
		e = db_mail_ledger_remove(db, d->done[i]);
	if (!e)
		e = deliver_items(db, d, &inbox, &delta);
	if (!e && d->filed)
		e = db_mailbox_adjust(db, inbox.id, &delta, d->modseq);
	d->did_run = !e;
	return e;
}

static void take_done(struct delivery *d)
{
	struct mailstore *m = d->m;

	pthread_mutex_lock(&m->lock);
	d->done = m->ledger_done;
	d->done_count = m->ledger_count;
	m->ledger_done = NULL;
	m->ledger_count = m->ledger_cap = 0;
	pthread_mutex_unlock(&m->lock);
}

enum err message_deliver(struct mailstore *m, const struct new_delivery *items, size_t count, enum err *results)
{
	struct delivery d = { .m = m, .items = items, .count = count };
	size_t weight = FILING_ROW_WEIGHT;
	enum err e = ERR_TEMP;

	d.filings = calloc(count ? count : 1, sizeof(*d.filings));
	if (d.filings) {
		for (size_t i = 0; i < count; i++) {
			d.filings[i].message = &items[i].message;
			weight += filing_weight(&items[i].message);
		}
		filing_take_files(m, d.filings, count);
		take_done(&d);
		e = mailstore_write(m, run_deliver, &d, weight);
		filing_drop_files(m, d.filings, count, !e, d.did_run);
	}
	for (size_t i = 0; i < count; i++)
		results[i] = e ? ERR_TEMP : d.filings[i].result;
	if (!e && d.filed)
		filing_arrived(m, m->inbox_id, d.first_uid, d.modseq);
	if (e)
		message_ledger_done(m, (const uint8_t(*)[16])d.done, d.done_count);
	free(d.done);
	free(d.filings);
	return e ? ERR_TEMP : ERR_OK;
}

static bool ledger_push(struct mailstore *m, const uint8_t queue_id[16])
{
	if (m->ledger_count == m->ledger_cap) {
		size_t cap = m->ledger_cap ? m->ledger_cap * 2 : 32;
		uint8_t(*ids)[16] = realloc(m->ledger_done, cap * sizeof(*ids));

		if (!ids)
			return false;
		m->ledger_done = ids;
		m->ledger_cap = cap;
	}
	memcpy(m->ledger_done[m->ledger_count++], queue_id, 16);
	return true;
}

void message_ledger_done(struct mailstore *m, const uint8_t (*queue_ids)[16], size_t count)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < count; i++) {
		/* A row that stays only takes room; the next review finds it. */
		if (!ledger_push(m, queue_ids[i])) {
			m->ledger_reviewed = false;
			break;
		}
	}
	pthread_mutex_unlock(&m->lock);
}

struct review {
	struct mailstore *m;
	bool (*is_live)(void *arg, const uint8_t queue_id[16]);
	void *arg;
	uint8_t (*dead)[16];
	size_t count, cap;
};

static bool review_one(void *arg, const uint8_t queue_id[16])
{
	struct review *r = arg;

	if (r->is_live(r->arg, queue_id))
		return true;
	if (r->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 32;
		uint8_t(*dead)[16] = realloc(r->dead, cap * sizeof(*dead));

		if (!dead)
			return false;
		r->dead = dead;
		r->cap = cap;
	}
	memcpy(r->dead[r->count++], queue_id, 16);
	return true;
}

enum err message_ledger_review(struct mailstore *m, bool (*is_live)(void *arg, const uint8_t queue_id[16]), void *arg)
{
	struct review r = { .m = m, .is_live = is_live, .arg = arg };
	bool is_reviewed;
	struct db *db;
	enum err e;

	pthread_mutex_lock(&m->lock);
	is_reviewed = m->ledger_reviewed;
	m->ledger_reviewed = true;
	pthread_mutex_unlock(&m->lock);
	if (is_reviewed)
		return ERR_OK;
	e = mailstore_reader_take(m, &db);
	if (!e) {
		e = db_mail_ledger_each(db, review_one, &r);
		mailstore_reader_give(m, &db);
	}
	if (!e) {
		message_ledger_done(m, (const uint8_t(*)[16])r.dead, r.count);
	} else {
		pthread_mutex_lock(&m->lock);
		m->ledger_reviewed = false;
		pthread_mutex_unlock(&m->lock);
	}
	free(r.dead);
	return e;
}

/* ---- keywords ---- */

struct naming_keyword {
	struct mailstore *m;
	struct span name;
	unsigned bit;
};

static bool keyword_known(struct mailstore *m, struct span name, uint64_t *bit_out)
{
	bool known = false;

	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; !known && i < m->keyword_count; i++) {
		known = m->keywords[i] && span_iequals(span_str(m->keywords[i]), name);
		if (known)
			*bit_out = UINT64_C(1) << (FLAG_KEYWORD_SHIFT + i);
	}
	pthread_mutex_unlock(&m->lock);
	return known;
}

static enum err run_keyword(struct db *db, void *arg)
{
	struct naming_keyword *k = arg;
	enum err e = db_mail_keyword_find(db, k->name, &k->bit);

	return e == ERR_NOT_FOUND ? db_mail_keyword_add(db, k->name, FLAG_KEYWORDS_MAX, &k->bit) : e;
}

enum err message_keyword_bit(struct mailstore *m, struct span name, bool create, uint64_t *bit_out)
{
	struct naming_keyword k = { m, name, 0 };
	char *copy;
	enum err e;

	if (keyword_known(m, name, bit_out))
		return ERR_OK;
	if (!create)
		return ERR_NOT_FOUND;
	if (name.len == 0 || name.len > KEYWORD_MAX)
		return ERR_LIMIT;
	copy = calloc(1, name.len + 1);
	if (!copy)
		return ERR_TEMP;
	memcpy(copy, name.ptr, name.len);
	e = mailstore_write(m, run_keyword, &k, FILING_ROW_WEIGHT);
	if (!e) {
		pthread_mutex_lock(&m->lock);
		if (!m->keywords[k.bit]) {
			m->keywords[k.bit] = copy;
			copy = NULL;
		}
		if (k.bit >= m->keyword_count)
			m->keyword_count = k.bit + 1;
		pthread_mutex_unlock(&m->lock);
		*bit_out = UINT64_C(1) << (FLAG_KEYWORD_SHIFT + k.bit);
	}
	free(copy);
	return e;
}

enum err message_keywords(struct mailstore *m, struct arena *a, struct span **out, size_t *count_out)
{
	struct span *names = arena_array(a, FLAG_KEYWORDS_MAX, sizeof(*names));

	if (!names)
		return ERR_LIMIT;
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->keyword_count; i++) {
		if (m->keywords[i])
			names[i] = arena_copy(a, span_str(m->keywords[i]));
	}
	*count_out = m->keyword_count;
	pthread_mutex_unlock(&m->lock);
	*out = names;
	return a->failed ? ERR_LIMIT : ERR_OK;
}
