/* smtp/tell.c: one note and one event a refusal; both rooms say how many of them strangers may cause. */
#include "daemon/smtp/tell.h"

#include "daemon/base/clock.h"
#include "daemon/events/events.h"
#include "daemon/events/trace.h"

#define NOTED_RECIPIENTS_MAX 100u

static struct span domain_of(struct span address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	return at ? span_skip(address, at) : SPAN("");
}

void smtp_tell_refused(const struct smtp_config *config, const struct smtp_refusal *r)
{
	struct trace_recipient recipients[NOTED_RECIPIENTS_MAX];
	size_t count = r->recipient_count < NOTED_RECIPIENTS_MAX ? r->recipient_count : NOTED_RECIPIENTS_MAX;
	bool inwards = config->profile == SMTP_MX || config->profile == SMTP_LMTP;
	struct event event = { .type = EVENT_MESSAGE_REJECTED, .fields = { { "sender", r->sender }, { "peer", r->origin.peer }, { "helo", r->origin.helo }, { "reply", r->reply } }, .field_count = 4 };

	for (size_t i = 0; i < count; i++)
		recipients[i] = (struct trace_recipient){ .address = r->recipients[i] };
	/* A refused sender has no recipients yet: a row all the same. */
	if (count == 0)
		recipients[count++] = (struct trace_recipient){ .address = SPAN("") };
	trace_arrived(config->trace, &(struct trace_arrival){
					     .direction = inwards ? TRACE_IN : TRACE_OUT,
					     .connected_ms = r->origin.connected_ms,
					     .at_ms = clock_real_ms(),
					     .peer = r->origin.peer,
					     .helo = r->origin.helo,
					     .tls = r->origin.tls,
					     .account_id = r->account_id,
					     .sid = r->origin.sid,
					     .sender = r->sender,
					     .size = r->size,
					     .recipients = recipients,
					     .recipient_count = count,
					     .reply = r->reply,
				     });
	event.subject = recipients[0].address;
	event.domain = domain_of(inwards ? recipients[0].address : r->sender);
	events_raise(config->events, &event);
}
