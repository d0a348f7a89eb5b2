/* api/queue_order.c: what can be done to messages of the queue, by name. */
#include "api/queue_order.h"

#include "daemon/base/clock.h"
#include "daemon/queue/filter.h"

static const struct {
	const char *verb, *refusal;
} actions[] = {
	[QUEUE_RETRY] = { "retry", "nothing in it waits: it is held, an attempt is under way, or it is to be sent later" },
	[QUEUE_HOLD] = { "hold", "nothing in it waits: it is held already" },
	[QUEUE_RELEASE] = { "release", "nothing in it is held" },
	[QUEUE_BOUNCE] = { "bounce", "an attempt is under way: try again when it has ended" },
	[QUEUE_DELETE] = { "delete", "an attempt is under way: try again when it has ended" },
	[QUEUE_ROUTE] = { "route", "nothing in it goes to another server" },
	[QUEUE_EXPIRE] = { "expire", "nothing in it is open" },
};
#define ACTIONS (sizeof actions / sizeof actions[0])

const char *queue_order_verb(enum queue_action action)
{
	return actions[action].verb;
}

const char *queue_order_refusal(enum queue_action action)
{
	return actions[action].refusal;
}

bool queue_order_action(struct span verb, enum queue_action *out)
{
	for (size_t i = 0; i < ACTIONS; i++) {
		if (span_equals(verb, span_str(actions[i].verb))) {
			*out = (enum queue_action)i;
			return true;
		}
	}
	return false;
}

static bool is_open(const struct queue_recipient *r)
{
	return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_ACTIVE || r->state == RECIPIENT_HELD;
}

static bool can_be_done(enum queue_action action, const struct queue_recipient *r)
{
	switch (action) {
	case QUEUE_RETRY: return r->state == RECIPIENT_WAITING;
	case QUEUE_HOLD: return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_ACTIVE;
	case QUEUE_RELEASE: return r->state == RECIPIENT_HELD;
	case QUEUE_BOUNCE:
	case QUEUE_DELETE: return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_HELD;
	case QUEUE_ROUTE: return is_open(r) && r->remote;
	case QUEUE_EXPIRE: return is_open(r);
	}
	return false;
}

enum err queue_order_fits(const struct queue_order *order, const struct queue_entry *e)
{
	bool some = false, busy = false, fits = filter_fits_message(order->filter, e), ends = order->action == QUEUE_BOUNCE || order->action == QUEUE_DELETE;

	/* What its sender wants sent later is not retried before. */
	if (order->action == QUEUE_RETRY && e->release_ms > clock_real_ms())
		return ERR_STATE;
	for (size_t i = 0; fits && i < e->recipient_count; i++) {
		const struct queue_recipient *r = &e->recipients[i];

		if (!filter_fits_recipient(order->filter, e, r))
			continue;
		some = some || can_be_done(order->action, r);
		busy = busy || r->state == RECIPIENT_ACTIVE;
	}
	return some && !(ends && busy) ? ERR_OK : ERR_STATE;
}
