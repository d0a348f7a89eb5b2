/* queue/tell.c: notes for the trace, events for watchers. An event's domain is the recipient's where it is ours, else the sender's. */
#include "daemon/queue/tell.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/timing.h"
#include "daemon/events/events.h"

#define DOMAIN_MAX 256u

struct domain_text {
	char text[DOMAIN_MAX];
};

/* What stands behind the last '@', in lower case. */
static struct span domain_of(struct span address, struct domain_text *room)
{
	size_t at = address.len;
	struct span domain;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	if (at == 0)
		return SPAN("");
	domain = span_take(span_skip(address, at), sizeof(room->text));
	for (size_t i = 0; i < domain.len; i++)
		room->text[i] = ascii_lower(domain.ptr[i]);
	return span_make(room->text, domain.len);
}

static void add_field(struct event *event, const char *name, struct span value)
{
	if (value.len && event->field_count < EVENT_FIELDS_MAX)
		event->fields[event->field_count++] = (struct event_field){ name, value };
}

void tell_accepted(struct queue *q, struct tell_accepted *what)
{
	struct trace_arrival *a = &what->arrival;
	char id[QUEUE_ID_TEXT], size[24], count[24];
	struct domain_text domain;
	struct event event = { .type = what->source == FROM_MX ? EVENT_MESSAGE_RECEIVED : EVENT_MESSAGE_SUBMITTED };

	a->queue_id = what->id.bytes;
	a->direction = what->source == FROM_MX ? TRACE_IN : what->source == FROM_US ? TRACE_OURS
										    : TRACE_OUT;
	trace_arrived(q->config.trace, a);
	/* A DSN is told of as the bounce. */
	if (!q->config.events || what->source == FROM_US || a->recipient_count == 0)
		return;
	queue_id_text(&what->id, id);
	event.subject = span_str(id);
	event.domain = domain_of(what->first_is_local ? a->recipients[0].original.len ? a->recipients[0].original : a->recipients[0].address
						      : a->sender,
				 &domain);
	(void)snprintf(size, sizeof(size), "%llu", (unsigned long long)a->size);
	(void)snprintf(count, sizeof(count), "%zu", a->recipient_count);
	add_field(&event, "sender", a->sender);
	add_field(&event, "recipient", a->recipients[0].address);
	add_field(&event, "recipients", span_str(count));
	add_field(&event, "size", span_str(size));
	add_field(&event, "message_id", a->message_id);
	events_raise(q->config.events, &event);
}

static void note_turn(struct queue *q, const struct entry *e, uint32_t n, enum trace_state state, struct trace_turn *turn)
{
	const struct rcpt *r = &e->detail->rcpts[n];

	turn->queue_id = e->id.bytes;
	turn->n = n;
	turn->recipient = r->address;
	if (!span_equals(r->address, r->original))
		turn->original = r->original;
	turn->state = state;
	turn->at_ms = clock_real_ms();
	trace_turned(q->config.trace, turn);
}

static void raise_turn(struct queue *q, const struct entry *e, uint32_t n, enum event_type type, const struct trace_turn *turn, struct span status)
{
	const struct rcpt *r = &e->detail->rcpts[n];
	struct event event = { .type = type };
	char id[QUEUE_ID_TEXT], attempt[24];
	struct domain_text domain;

	if (!q->config.events)
		return;
	queue_id_text(&e->id, id);
	(void)snprintf(attempt, sizeof(attempt), "%u", turn->attempt);
	event.subject = span_str(id);
	event.domain = domain_of(r->kind == RCPT_REMOTE ? e->detail->reverse_path : r->original.len ? r->original
												    : r->address,
				 &domain);
	add_field(&event, "sender", e->detail->reverse_path);
	add_field(&event, "recipient", r->address);
	add_field(&event, "host", turn->host);
	add_field(&event, "status", status);
	add_field(&event, "reply", turn->reply);
	add_field(&event, "attempt", span_str(attempt));
	events_raise(q->config.events, &event);
}

void tell_outcome(struct queue *q, const struct entry *e, uint32_t n, const struct outcome *o, unsigned attempt, int64_t next_ms)
{
	struct trace_turn turn = { .host = o->host, .tls = o->tls, .reply = o->reply, .attempt = attempt, .next_ms = next_ms };
	enum trace_state state = TRACE_RELAYED;
	enum event_type type = EVENT_MESSAGE_DELIVERED;

	switch (o->kind) {
	case OUTCOME_UNTRIED:
	case OUTCOME_REMOVED: return;
	case OUTCOME_DELIVERED: timing_delivered(true, clock_real_ms() - e->accepted_ms); break;
	case OUTCOME_RETRY:
		state = TRACE_DEFERRED;
		type = EVENT_MESSAGE_DEFERRED;
		break;
	case OUTCOME_FAILED:
		state = TRACE_BOUNCED;
		type = EVENT_MESSAGE_BOUNCED;
		break;
	}
	note_turn(q, e, n, state, &turn);
	raise_turn(q, e, n, type, &turn, span_str(o->status));
}

void tell_filed(struct queue *q, const struct part *p, struct span account)
{
	for (uint32_t n = p->first; n < p->first + p->count; n++) {
		struct trace_turn turn = { .host = account, .attempt = p->entry->detail->rcpts[n].attempts + 1 };

		timing_delivered(false, clock_real_ms() - p->entry->accepted_ms);
		note_turn(q, p->entry, n, TRACE_DELIVERED, &turn);
		raise_turn(q, p->entry, n, EVENT_MESSAGE_DELIVERED, &turn, SPAN(""));
	}
}

void tell_not_filed(struct queue *q, const struct part *p, enum err why)
{
	char words[80];

	(void)snprintf(words, sizeof(words), "the mailbox could not be written: %s", err_name(why));
	for (uint32_t n = p->first; n < p->first + p->count; n++) {
		struct trace_turn turn = { .reply = span_str(words), .attempt = p->entry->detail->rcpts[n].attempts + 1 };

		if (turn.attempt & (turn.attempt - 1))
			continue;
		note_turn(q, p->entry, n, TRACE_DEFERRED, &turn);
		raise_turn(q, p->entry, n, EVENT_MESSAGE_DEFERRED, &turn, SPAN(""));
	}
}

void tell_held(struct queue *q, const struct entry *e, uint32_t n, enum queue_hold hold)
{
	const struct rcpt *r = &e->detail->rcpts[n];
	struct event event = { .type = EVENT_MESSAGE_HELD };
	char id[QUEUE_ID_TEXT], words[40];
	struct domain_text domain;
	struct trace_turn turn = { .attempt = r->attempts };

	(void)snprintf(words, sizeof(words), "held: %s", queue_hold_name(hold));
	turn.reply = span_str(words);
	note_turn(q, e, n, TRACE_DEFERRED, &turn);
	if (!q->config.events)
		return;
	queue_id_text(&e->id, id);
	event.subject = span_str(id);
	event.domain = domain_of(r->kind == RCPT_REMOTE ? e->detail->reverse_path : r->original, &domain);
	add_field(&event, "sender", e->detail->reverse_path);
	add_field(&event, "recipient", r->address);
	add_field(&event, "reason", span_str(queue_hold_name(hold)));
	events_raise(q->config.events, &event);
}

void tell_released(struct queue *q, const struct entry *e, uint32_t n)
{
	struct trace_turn turn = { .reply = SPAN("released"), .attempt = e->detail->rcpts[n].attempts, .next_ms = clock_real_ms() };

	note_turn(q, e, n, TRACE_DEFERRED, &turn);
}

void tell_removed(struct queue *q, const struct entry *e, uint32_t n)
{
	struct trace_turn turn = { .reply = SPAN("removed by hand"), .attempt = e->detail->rcpts[n].attempts };

	note_turn(q, e, n, TRACE_REMOVED, &turn);
}
