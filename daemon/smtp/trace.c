/* smtp/trace.c: see trace.h.
 *
 * The name of EHLO is the peer's word and goes into a field that others parse: what is not of a domain or address literal is
 * replaced. Submission leaves out where the author sits: neither address nor EHLO name of a mail program is the reader's business.
 */
#include "daemon/smtp/trace.h"

#include "daemon/mime/date.h"

void smtp_id_text(const struct queue_id *id, char *out, size_t room)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < sizeof(id->bytes) && at + 2 < room; i++) {
		out[at++] = digits[id->bytes[i] >> 4];
		out[at++] = digits[id->bytes[i] & 15];
	}
	out[at] = '\0';
}

/* The registry of "with" words: IANA, Mail Transmission Types. */
static void write_protocol(const struct smtp_session *s, struct buf *out)
{
	if (s->profile == SMTP_LMTP)
		buf_add_str(out, s->wish.utf8 ? "UTF8LMTP" : "LMTP");
	else if (s->wish.utf8)
		buf_add_str(out, "UTF8SMTP");
	else
		buf_add_str(out, s->extended || s->peer->tls || s->account_id != 0 ? "ESMTP" : "SMTP");
	if (s->peer->tls)
		buf_add_char(out, 'S');
	if (s->account_id != 0)
		buf_add_char(out, 'A');
}

static void write_helo(const struct smtp_session *s, struct buf *out)
{
	for (const char *p = s->helo; *p; p++)
		buf_add_char(out, ascii_is_alpha(*p) || ascii_is_digit(*p) || strchr(".-_:[]", *p) ? *p : '?');
}

void smtp_trace_write(const struct smtp_session *s, struct buf *out)
{
	char id[SMTP_ID_TEXT];

	smtp_id_text(&s->id, id, sizeof(id));
	buf_add_str(out, "Received: ");
	if (smtp_is_from_outside(s)) {
		buf_add_str(out, "from ");
		write_helo(s, out);
		buf_addf(out, " (%s)", net_literal_text(&s->peer->remote).text);
		if (s->peer->tls && s->peer->tls_version && s->peer->tls_cipher)
			buf_addf(out, "\r\n\t(using %s with cipher %s)", s->peer->tls_version, s->peer->tls_cipher);
		buf_add_str(out, "\r\n\t");
	}
	buf_addf(out, "by %s ", s->hostname);
	if (s->profile == SMTP_LOCAL) {
		buf_addf(out, "(local uid %u)", net_addr_uid(&s->peer->remote));
	} else {
		buf_add_str(out, "with ");
		write_protocol(s, out);
	}
	buf_addf(out, "\r\n\tid %s", id);
	/* One recipient may be named; of several, none: they need not know of each other (RFC 5321 7.2). */
	if (s->recipient_count == 1)
		buf_addf(out, "\r\n\tfor <%.*s>", (int)s->recipients[0].len, s->recipients[0].ptr);
	/* RFC 6710 section 5: what was asked for. */
	if (s->wish.has_priority)
		buf_addf(out, "\r\n\tpriority %d", s->wish.priority);
	buf_add_str(out, ";\r\n\t");
	date_write_header(s->services->real_ms(s->world), out);
	buf_add_str(out, "\r\n");
}
