/* smtp/refusal.c: what is known at the moment of a refusal, before the transaction is forgotten. */
#include "daemon/smtp/refusal.h"

#include <stdio.h>

#define REPLY_TEXT_MAX 512u

void smtp_origin(const struct smtp_session *s, struct smtp_origin_text *room, struct accept_origin *out)
{
	*out = (struct accept_origin){ .connected_ms = s->connected_ms, .helo = span_str(s->helo), .sid = s->peer->sid };
	(void)snprintf(room->peer, sizeof(room->peer), "%s", net_addr_text(&s->peer->remote).text);
	out->peer = span_str(room->peer);
	room->tls[0] = '\0';
	if (s->peer->tls)
		(void)snprintf(room->tls, sizeof(room->tls), "%s %s", s->peer->tls_version ? s->peer->tls_version : "", s->peer->tls_cipher ? s->peer->tls_cipher : "");
	out->tls = span_str(room->tls);
}

void smtp_refused(struct smtp_session *s, const struct smtp_reply *reply, const struct address *sender, const struct address *recipient)
{
	struct smtp_refusal refusal = { .sender = s->reverse_path, .recipients = s->recipients, .recipient_count = s->recipient_count, .account_id = s->account_id, .size = s->content_bytes };
	struct buf from, to, text;
	struct smtp_origin_text room = { "", "" };
	struct span one;

	if (!s->services->refused)
		return;
	buf_init(&from, 2 * ADDRESS_MAX + 2);
	buf_init(&to, 2 * ADDRESS_MAX + 2);
	buf_init(&text, REPLY_TEXT_MAX);
	if (sender) {
		address_write(sender, &from);
		refusal.sender = buf_span(&from);
		refusal.size = 0;
	}
	if (recipient) {
		address_write(recipient, &to);
		one = buf_span(&to);
		refusal.recipients = &one;
		refusal.recipient_count = 1;
		refusal.size = 0;
	}
	smtp_reply_text(reply, &text);
	refusal.reply = buf_span(&text);
	smtp_origin(s, &room, &refusal.origin);
	s->services->refused(s->world, &refusal);
	buf_clear(&from);
	buf_clear(&to);
	buf_clear(&text);
}
