/* pop3/reply.c: the only writer of protocol text: replies of RFC 1939, response codes of RFC 2449, 3206 and 6856.
 *
 * A line that begins with the termination octet is byte-stuffed (RFC 1939 3). Messages go out as they are stored, so that they are as long as LIST says;
 * a bare LF, which only APPEND brings, is no end of a line in the protocol, but some clients read by LF: a "." behind one is stuffed as well, or they would take
 * it for the end of the reply, and what follows in the message for replies. What does not end in CRLF gets one, which LIST does not count.
 */
#include "daemon/pop3/reply.h"

void pop3_reply_line(struct out *out, const char *text)
{
	out_add(out, span_str(text));
	out_add(out, SPAN("\r\n"));
}

void pop3_reply_ok(struct out *out, const char *text)
{
	out_add(out, SPAN("+OK "));
	pop3_reply_line(out, text);
}

void pop3_reply_err(struct out *out, const char *text)
{
	out_add(out, SPAN("-ERR "));
	pop3_reply_line(out, text);
}

/* Without "<...>": that would offer APOP. */
void pop3_reply_greeting(struct out *out)
{
	pop3_reply_ok(out, "Postroom POP3 ready");
}

void pop3_reply_wait(struct out *out, int64_t ms)
{
	int64_t minutes = (ms + 59999) / 60000;

	out_addf(out, "-ERR [SYS/TEMP] Too many failed logins, try again in %lld minute%s\r\n", (long long)(minutes > 1 ? minutes : 1), minutes > 1 ? "s" : "");
}

void pop3_reply_continue(struct out *out, struct span base64)
{
	out_add(out, SPAN("+ "));
	out_add(out, base64);
	out_add(out, SPAN("\r\n"));
}

void pop3_reply_count(struct out *out, uint32_t count, uint64_t bytes)
{
	out_addf(out, "+OK %u %llu\r\n", count, (unsigned long long)bytes);
}

void pop3_reply_maildrop(struct out *out, uint32_t count, uint64_t bytes)
{
	out_addf(out, "+OK %u message%s (%llu octets)\r\n", count, count == 1 ? "" : "s", (unsigned long long)bytes);
}

void pop3_reply_octets(struct out *out, uint64_t size)
{
	out_addf(out, "+OK %llu octets\r\n", (unsigned long long)size);
}

void pop3_reply_message(struct out *out, bool is_reply, uint32_t number, uint64_t size)
{
	out_addf(out, "%s%u %llu\r\n", is_reply ? "+OK " : "", number, (unsigned long long)size);
}

void pop3_reply_id(struct out *out, bool is_reply, uint32_t number, const char *id)
{
	out_addf(out, "%s%u %s\r\n", is_reply ? "+OK " : "", number, id);
}

void pop3_reply_end(struct out *out)
{
	out_add(out, SPAN(".\r\n"));
}

void pop3_reply_mechanisms(const struct pop3_session *s, struct out *out)
{
	pop3_reply_line(out, "PLAIN");
	pop3_reply_line(out, "SCRAM-SHA-256");
	if (s->service->may_bind(s->ctx))
		pop3_reply_line(out, "SCRAM-SHA-256-PLUS");
}

/* RFC 2449 6. What can be done on this connection: without privacy no way to log in. Which release it is, nobody is told: IMPLEMENTATION is the same before and after login (6.9). */
void pop3_reply_capabilities(const struct pop3_session *s, struct out *out)
{
	out_add(out, SPAN("CAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nLOGIN-DELAY 0\r\nUTF8 USER\r\nLANG\r\n"));
	if (pop3_may_login(s))
		out_addf(out, "USER\r\nSASL PLAIN SCRAM-SHA-256%s\r\n", s->service->may_bind(s->ctx) ? " SCRAM-SHA-256-PLUS" : "");
	if (s->state == POP3_START && !s->peer->tls && s->may_starttls)
		pop3_reply_line(out, "STLS");
	pop3_reply_line(out, "IMPLEMENTATION Postroom");
}

void pop3_reply_text_begin(struct pop3_text *t)
{
	t->before = '\r';
	t->last = '\n';
}

/* Points are rarer than line ends, in what is encoded there are none: only the first octet of a line matters. */
void pop3_reply_text(struct out *out, struct pop3_text *t, struct span bytes)
{
	const char *from = bytes.ptr, *at = bytes.ptr, *end;

	if (!bytes.len)
		return;
	end = at + bytes.len;
	while ((at = memchr(at, '.', (size_t)(end - at))) != NULL) {
		if ((at > bytes.ptr ? at[-1] : t->last) == '\n') {
			out_add(out, span_make(from, (size_t)(at - from)));
			out_add(out, SPAN("."));
			from = at;
		}
		at++;
	}
	out_add(out, span_make(from, (size_t)(end - from)));
	t->before = bytes.len > 1 ? end[-2] : t->last;
	t->last = end[-1];
}

void pop3_reply_text_end(struct out *out, const struct pop3_text *t)
{
	if (t->before != '\r' || t->last != '\n')
		out_add(out, SPAN("\r\n"));
	pop3_reply_end(out);
}
