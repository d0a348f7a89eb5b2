/* queue/inform.c: outcomes become notices.
 *
 * (1) A recipient fails only together with a notice that is sealed and stored in the same transaction, or when the sender does not want it or
 *     there is none, with a line in the log. When the notice cannot be made now, the recipient waits and fails later.
 * (2) So does one that was filed here: filing it again is nothing (the ledger). One that another server took is not sent again: when its notice
 *     cannot be made, there is none.
 * (3) Who gave a time by which (BY) hears when a server took the message that knows of none, or of each (T), unless he wants to hear of nothing
 *     (RFC 2852 section 4.1).
 * (4) Of a delay a sender is told once for each recipient, and once more when a time of BY is over (RFC 2852 4.1.4.2).
 */
#include "daemon/queue/inform.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/queue/accept.h"
#include "daemon/queue/notice.h"

#define NOTICE_RECIPIENTS_MAX 500 /* a notice has a ceiling: what could never be told could never end */

struct collector {
	const struct part *p;
	struct outcome *outcomes;
	int64_t notice_ms, mono_ms, real_ms;
	bool attempted;
	struct notice_recipient *found; /* one array for all kinds, one after the other */
	size_t count;
};

static bool is_delayed(const struct collector *c, const struct rcpt *r)
{
	const struct entry *e = c->p->entry;
	const struct detail *d = e->detail;

	if ((d->deliver_by & BY_NOTIFY) && e->deliver_by_mono_ms && c->mono_ms >= e->deliver_by_mono_ms && r->told_ms < d->deliver_by_ms)
		return true;
	return !r->told_ms && c->notice_ms && c->mono_ms >= e->begun_mono_ms + c->notice_ms;
}

static bool is_by_told(const struct collector *c, const struct rcpt *r, const struct outcome *o)
{
	const struct detail *d = c->p->entry->detail;

	return r->kind == RCPT_REMOTE && c->p->entry->deliver_by_mono_ms && d->reverse_path.len && !(r->notify & NOTIFY_NEVER) && (o->by_lost || (d->deliver_by & BY_TRACE));
}

/* False: nothing is to be told. */
static bool notice_of(const struct collector *c, const struct rcpt *r, const struct outcome *o, enum notice_kind *out)
{
	if (!o->open)
		return false;
	switch (o->kind) {
	case OUTCOME_DELIVERED:
		*out = r->kind == RCPT_EXPANDED ? NOTICE_EXPANDED : r->kind == RCPT_REMOTE ? NOTICE_RELAYED
											   : NOTICE_DELIVERED;
		return !o->passed_on || is_by_told(c, r, o);
	case OUTCOME_FAILED: *out = NOTICE_FAILED; return true;
	case OUTCOME_REMOVED: return false;
	case OUTCOME_UNTRIED:
		if (c->attempted)
			return false;
		break;
	case OUTCOME_RETRY: break;
	}
	*out = NOTICE_DELAYED;
	return !o->held && is_delayed(c, r);
}

static void log_silence(const struct entry *e, const struct rcpt *r)
{
	char id[QUEUE_ID_TEXT];

	queue_id_text(&e->id, id);
	log_event(LOG_WARN, "queue", "dropped", "qid=%s to=%s reason=%s", id, log_quote(r->address).text, e->detail->reverse_path.len ? "not_wanted" : "null_reverse_path");
}

/* Those of one kind, as many as one notice takes; failures that are too many fail at once after them, with the next. */
static void collect(struct collector *c, enum notice_kind kind)
{
	const struct entry *e = c->p->entry;

	c->count = 0;
	for (uint32_t i = 0; i < c->p->count; i++) {
		const struct rcpt *r = &e->detail->rcpts[c->p->first + i];
		struct outcome *o = &c->outcomes[i];
		enum notice_kind its;

		if (!notice_of(c, r, o, &its) || its != kind)
			continue;
		if (!notice_is_wanted(e, c->p->first + i, kind) && !(kind == NOTICE_RELAYED && is_by_told(c, r, o))) {
			if (kind == NOTICE_FAILED)
				log_silence(e, r);
			continue;
		}
		if (c->count == NOTICE_RECIPIENTS_MAX) {
			if (kind == NOTICE_FAILED)
				o->kind = OUTCOME_UNTRIED;
			continue;
		}
		c->found[c->count++] = (struct notice_recipient){
			.n = c->p->first + i,
			.status = span_str(o->status[0] ? o->status : r->status),
			.reply = o->reply.len ? o->reply : r->reply,
			.host = o->host,
			.remote = o->remote,
			.last_ms = c->attempted ? c->real_ms : r->last_ms,
			.until_ms = c->real_ms + (e->expires_mono_ms - c->mono_ms),
		};
	}
}

static enum err make(struct queue *q, struct collector *c, enum notice_kind kind, struct informed *out)
{
	struct accept *notice = NULL;
	struct note why = { "" };
	char id[QUEUE_ID_TEXT];
	enum err e;

	collect(c, kind);
	if (c->count == 0)
		return ERR_OK;
	e = notice_make(q, c->p->entry, kind, c->found, c->count, &notice, &why);
	if (!e) {
		if (notice)
			accept_push(&out->notices, notice);
		return ERR_OK;
	}
	queue_id_text(&c->p->entry->id, id);
	log_event(LOG_ERROR, "queue", "dsn_not_made", "qid=%s error=%s why=%s", id, err_name(e), log_quote(span_str(why.text)).text);
	return e;
}

/* What was to be told with those becomes something else. */
static void undo(struct collector *c, enum outcome_kind to)
{
	for (size_t i = 0; i < c->count; i++)
		c->outcomes[c->found[i].n - c->p->first].kind = to;
}

static void mark_told(struct collector *c)
{
	for (size_t i = 0; i < c->count; i++)
		c->outcomes[c->found[i].n - c->p->first].told = true;
}

static bool has_untold(const struct collector *c)
{
	for (uint32_t i = 0; i < c->p->count; i++)
		if (c->outcomes[i].open && !c->outcomes[i].told && !c->p->entry->detail->rcpts[c->p->first + i].told_ms && notice_is_wanted(c->p->entry, c->p->first + i, NOTICE_DELAYED))
			return true;
	return false;
}

void inform(struct queue *q, const struct part *p, struct outcome *outcomes, int64_t notice_ms, bool attempted, struct informed *out)
{
	struct collector c = { .p = p, .outcomes = outcomes, .notice_ms = notice_ms, .mono_ms = clock_mono_ms(), .real_ms = clock_real_ms(), .attempted = attempted };
	enum outcome_kind instead = attempted ? OUTCOME_RETRY : OUTCOME_UNTRIED;

	*out = (struct informed){ 0 };
	c.found = calloc(p->count < NOTICE_RECIPIENTS_MAX ? p->count : NOTICE_RECIPIENTS_MAX, sizeof(*c.found));
	if (!c.found) {
		for (uint32_t i = 0; i < p->count; i++)
			if (outcomes[i].kind == OUTCOME_FAILED)
				outcomes[i].kind = instead;
		out->put_off = out->untold = true;
		return;
	}
	if (make(q, &c, NOTICE_FAILED, out)) {
		undo(&c, instead);
		out->put_off = true;
	}
	if (make(q, &c, NOTICE_DELIVERED, out)) {
		undo(&c, OUTCOME_RETRY);
		out->put_off = true;
	}
	if (make(q, &c, NOTICE_EXPANDED, out)) {
		undo(&c, OUTCOME_RETRY);
		out->put_off = true;
	}
	/* It cannot be taken back: the log has it. */
	if (make(q, &c, NOTICE_RELAYED, out))
		c.count = 0;
	if (make(q, &c, NOTICE_DELAYED, out))
		out->late = true;
	else
		mark_told(&c);
	out->untold = has_untold(&c);
	free(c.found);
}
