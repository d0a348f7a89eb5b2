/* events/trace_note.c: a fixed head, then texts with their lengths; the mail path pays for one copy. */
#include "daemon/events/trace_note.h"

static size_t text_size(struct span s)
{
	return sizeof(uint16_t) + (s.len < TRACE_TEXT_MAX ? s.len : TRACE_TEXT_MAX);
}

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static size_t recipients_of(const struct trace_arrival *a)
{
	return a->recipient_count < TRACE_RECIPIENTS_MAX ? a->recipient_count : TRACE_RECIPIENTS_MAX;
}

static size_t given_of(const struct trace_arrival *a)
{
	return a->given_count < TRACE_RECIPIENTS_MAX ? a->given_count : TRACE_RECIPIENTS_MAX;
}

size_t note_arrival_size(const struct trace_arrival *a)
{
	size_t size = sizeof(struct trace_note);

	size += text_size(a->peer) + text_size(a->helo) + text_size(a->tls) + text_size(a->sender) + text_size(a->message_id) + text_size(a->subject) + text_size(a->reply);
	for (size_t i = 0; i < recipients_of(a); i++)
		size += text_size(a->recipients[i].address) + text_size(a->recipients[i].original);
	for (size_t i = 0; i < given_of(a); i++)
		size += text_size(a->given[i]);
	return padded(size);
}

size_t note_turn_size(const struct trace_turn *turn)
{
	return padded(sizeof(struct trace_note) + text_size(turn->recipient) + text_size(turn->original) + text_size(turn->host) + text_size(turn->tls) + text_size(turn->reply));
}

static char *put_text(char *to, struct span s)
{
	uint16_t len = (uint16_t)(s.len < TRACE_TEXT_MAX ? s.len : TRACE_TEXT_MAX);

	memcpy(to, &len, sizeof(len));
	if (len)
		memcpy(to + sizeof(len), s.ptr, len);
	return to + sizeof(len) + len;
}

void note_add_arrival(struct buf *out, const struct trace_arrival *a, size_t size)
{
	struct trace_note head = {
		.size = (uint32_t)size,
		.kind = NOTE_ARRIVAL,
		.refused = !a->queue_id,
		.direction = (uint8_t)a->direction,
		.at_ms = a->at_ms,
		.other_ms = a->connected_ms,
		.account_id = a->account_id,
		.sid = a->sid,
		.bytes = a->size,
		.recipients = (uint32_t)recipients_of(a),
		.given = (uint32_t)given_of(a),
	};
	char *to = buf_reserve(out, size);

	if (!to)
		return;
	if (a->queue_id)
		memcpy(head.queue_id, a->queue_id, sizeof(head.queue_id));
	memcpy(to, &head, sizeof(head));
	to += sizeof(head);
	to = put_text(to, a->peer);
	to = put_text(to, a->helo);
	to = put_text(to, a->tls);
	to = put_text(to, a->sender);
	to = put_text(to, a->message_id);
	to = put_text(to, a->subject);
	to = put_text(to, a->reply);
	for (size_t i = 0; i < head.recipients; i++)
		to = put_text(put_text(to, a->recipients[i].address), a->recipients[i].original);
	for (size_t i = 0; i < head.given; i++)
		to = put_text(to, a->given[i]);
	buf_grew(out, size);
}

void note_add_turn(struct buf *out, const struct trace_turn *turn, size_t size)
{
	struct trace_note head = {
		.size = (uint32_t)size,
		.kind = NOTE_TURN,
		.state = (uint8_t)turn->state,
		.at_ms = turn->at_ms,
		.other_ms = turn->next_ms,
		.n = turn->n,
		.attempt = turn->attempt,
	};
	char *to = buf_reserve(out, size);

	if (!to)
		return;
	memcpy(head.queue_id, turn->queue_id, sizeof(head.queue_id));
	memcpy(to, &head, sizeof(head));
	to += sizeof(head);
	to = put_text(to, turn->recipient);
	to = put_text(to, turn->original);
	to = put_text(to, turn->host);
	to = put_text(to, turn->tls);
	(void)put_text(to, turn->reply);
	buf_grew(out, size);
}

const struct trace_note *note_next(struct span all, size_t *at, struct span *texts_out)
{
	/* Each begins at a multiple of 8 in memory that malloc gave. */
	const struct trace_note *n = (const void *)(all.ptr + *at);

	if (*at >= all.len)
		return NULL;
	*texts_out = span_make(all.ptr + *at + sizeof(*n), n->size - sizeof(*n));
	*at += n->size;
	return n;
}

struct span note_text(struct span *texts)
{
	uint16_t len;
	struct span s;

	memcpy(&len, texts->ptr, sizeof(len));
	s = span_take(span_skip(*texts, sizeof(len)), len);
	*texts = span_make(texts->ptr + sizeof(len) + len, texts->len - sizeof(len) - len);
	return s;
}
