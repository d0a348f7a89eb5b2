/* smtp/reply.c: the table of all replies.
 *
 * A row is the line as it is sent; '*' is replaced by the reply's text. The greeting, HELO, EHLO, 334 and 354 carry no enhanced
 * code (RFC 2034 section 4). The cost is taken from the peer's patience.
 */
#include "daemon/smtp/reply.h"

#include "daemon/mime/date.h"
#include "daemon/smtp/limits.h"

#define FAULT SMTP_FAULT
#define REFUSAL (SMTP_FAULT / 10)
#define IDLE (SMTP_FAULT / 100)

static const struct {
	struct span line;
	unsigned cost;
} replies[REPLY_COUNT] = {
#define LINE(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}
	[REPLY_GREETING] = { LINE("220 * ESMTP Postroom"), 0 },
	[REPLY_GREETING_LMTP] = { LINE("220 * LMTP Postroom"), 0 },
	[REPLY_HELO] = { LINE("250 *"), IDLE },
	[REPLY_EHLO] = { LINE(""), IDLE },
	[REPLY_BYE] = { LINE("221 2.0.0 Bye"), 0 },
	[REPLY_OK] = { LINE("250 2.0.0 Ok"), 0 },
	[REPLY_NOOP] = { LINE("250 2.0.0 Ok"), IDLE },
	[REPLY_RESET] = { LINE("250 2.0.0 Ok"), IDLE },
	[REPLY_HELP] = { LINE("214 2.0.0 See RFC 5321"), IDLE },
	[REPLY_VRFY] = { LINE("252 2.5.0 Send some mail, it will be tried"), IDLE },
	[REPLY_START_TLS] = { LINE("220 2.0.0 Ready to start TLS"), 0 },
	[REPLY_SENDER_OK] = { LINE("250 2.1.0 Ok"), 0 },
	[REPLY_RECIPIENT_OK] = { LINE("250 2.1.5 Ok"), 0 },
	[REPLY_SEND_DATA] = { LINE("354 End data with <CR><LF>.<CR><LF>"), 0 },
	[REPLY_CHUNK_OK] = { LINE("250 2.0.0 * octets received"), 0 },
	[REPLY_QUEUED] = { LINE("250 2.0.0 Ok: queued as *"), 0 },
	[REPLY_AUTH_CONTINUE] = { LINE("334 *"), 0 },
	[REPLY_AUTH_OK] = { LINE("235 2.7.0 Authentication successful"), 0 },

	[REPLY_STOPPING] = { LINE("421 4.3.2 * Service shutting down, closing connection"), 0 },
	[REPLY_TIMEOUT] = { LINE("421 4.4.2 * Timeout, closing connection"), 0 },
	[REPLY_TOO_SLOW] = { LINE("421 4.4.2 * Message arrives too slowly, closing connection"), 0 },
	[REPLY_BROKEN] = { LINE("421 4.3.0 * Internal error, closing connection"), 0 },
	[REPLY_TOO_MANY_ERRORS] = { LINE("421 4.7.0 * Too many errors, closing connection"), 0 },
	[REPLY_TOO_MANY_COMMANDS] = { LINE("421 4.7.0 * Too many commands, closing connection"), 0 },
	[REPLY_SESSION_FULL] = { LINE("421 4.7.0 * Enough messages for one connection, closing it"), 0 },
	[REPLY_TOO_MANY_FAILURES] = { LINE("421 4.7.0 * Too many failed authentications, closing connection"), 0 },
	[REPLY_FLOOD] = { LINE("421 4.7.0 * Line too long, closing connection"), 0 },
	[REPLY_LOGIN_OVER] = { LINE("421 4.7.0 * This login is over, closing connection"), 0 },
	[REPLY_AUTH_BUSY] = { LINE("454 4.7.0 Temporary authentication failure, try again later"), IDLE },
	[REPLY_AUTH_REFUSED] = { LINE("454 4.7.0 Too many failed logins, try again in *"), REFUSAL },
	[REPLY_TRY_LATER] = { LINE("451 4.3.0 Local error, try again later"), REFUSAL },
	[REPLY_TOO_MANY_MESSAGES] = { LINE("450 4.7.1 Too many messages in a short time, try again later"), REFUSAL },
	[REPLY_SENDING_LIMIT] = { LINE("450 4.7.28 *"), REFUSAL },
	[REPLY_SENDING_STOPPED] = { LINE("450 4.7.1 Sending from this account is stopped, an administrator has to release it"), REFUSAL },
	[REPLY_OVER_QUOTA] = { LINE("452 4.2.2 Mailbox full"), REFUSAL },
	[REPLY_NO_ROOM] = { LINE("452 4.3.1 Insufficient system storage, try again later"), REFUSAL },
	[REPLY_TOO_MANY_RECIPIENTS] = { LINE("452 4.5.3 Too many recipients"), 1 },

	[REPLY_UNKNOWN_COMMAND] = { LINE("500 5.5.2 Command not recognized"), FAULT },
	[REPLY_LINE_TOO_LONG] = { LINE("500 5.5.2 Line too long"), FAULT },
	[REPLY_BARE_LINE_END] = { LINE("500 5.5.2 Commands end with CR LF"), FAULT },
	[REPLY_AUTH_LINE_TOO_LONG] = { LINE("500 5.5.6 Authentication exchange line is too long"), FAULT },
	[REPLY_BAD_ARGUMENT] = { LINE("501 5.5.4 Syntax error in arguments"), FAULT },
	[REPLY_BAD_BASE64] = { LINE("501 5.5.2 Cannot decode response"), FAULT },
	[REPLY_AUTH_CANCELLED] = { LINE("501 5.7.0 Authentication cancelled"), FAULT },
	[REPLY_BAD_SENDER] = { LINE("501 5.1.7 Bad sender address syntax"), FAULT },
	[REPLY_BAD_RECIPIENT] = { LINE("501 5.1.3 Bad recipient address syntax"), FAULT },
	[REPLY_UTF8_SENDER] = { LINE("501 5.6.7 A sender address outside ASCII needs SMTPUTF8"), FAULT },
	[REPLY_UTF8_RECIPIENT] = { LINE("501 5.6.7 A recipient address outside ASCII needs SMTPUTF8"), FAULT },
	[REPLY_BAD_RELEASE] = { LINE("501 5.5.4 The release must lie ahead, by * seconds at most, and before what BY asks for"), FAULT },
	[REPLY_NOT_IMPLEMENTED] = { LINE("502 5.5.1 Command not implemented"), FAULT },
	[REPLY_BAD_SEQUENCE] = { LINE("503 5.5.1 Bad sequence of commands"), FAULT },
	[REPLY_NEEDS_BDAT] = { LINE("503 5.5.1 BODY=BINARYMIME needs BDAT"), FAULT },
	[REPLY_NO_RECIPIENTS_LMTP] = { LINE("503 5.5.1 No valid recipients"), IDLE },
	[REPLY_UNKNOWN_MECHANISM] = { LINE("504 5.5.4 Unrecognized authentication mechanism"), FAULT },
	[REPLY_NO_MAIL_HERE] = { LINE("521 5.3.2 * does not accept mail"), 0 },
	[REPLY_NEED_TLS] = { LINE("530 5.7.0 Must issue a STARTTLS command first"), FAULT },
	[REPLY_NEED_AUTH] = { LINE("530 5.7.0 Authentication required"), FAULT },
	[REPLY_NEED_TLS_FOR_THAT] = { LINE("530 5.7.10 REQUIRETLS needs a connection over TLS"), FAULT },
	[REPLY_AUTH_WRONG] = { LINE("535 5.7.8 Authentication credentials invalid"), REFUSAL },
	[REPLY_AUTH_SUSPENDED] = { LINE("525 5.7.13 User account disabled"), REFUSAL },
	[REPLY_AUTH_OFF] = { LINE("525 5.7.13 Submission is switched off for this account"), REFUSAL },
	[REPLY_WANTS_APP_PASSWORD] = { LINE("534 5.7.9 Two-factor login is on: mail programs need an app password, made in the web panel"), REFUSAL },
	[REPLY_UNKNOWN_RECIPIENT] = { LINE("550 5.1.1 No such user here"), REFUSAL },
	[REPLY_SUSPENDED_RECIPIENT] = { LINE("550 5.2.1 Mailbox disabled"), REFUSAL },
	[REPLY_REFUSED_DOMAIN] = { LINE("550 5.2.1 Domain disabled"), REFUSAL },
	[REPLY_SUPPRESSED_RECIPIENT] = { LINE("550 5.1.1 This address is not written to for now, since mail to it failed or an administrator says so: *"), REFUSAL },
	[REPLY_RELAY_DENIED] = { LINE("550 5.7.1 Relaying denied"), REFUSAL },
	[REPLY_NOT_OUTSIDE] = { LINE("550 5.7.1 This user may write to recipients of this server only; an administrator can allow more"), REFUSAL },
	[REPLY_NO_SUBMITTER] = { LINE("550 5.7.1 This user may not hand in mail"), REFUSAL },
	[REPLY_NOT_YOUR_HEADER] = { LINE("550 5.7.1 The From field is not an address of yours"), REFUSAL },
	[REPLY_BAD_HEADER] = { LINE("550 5.6.0 The message is malformed"), REFUSAL },
	[REPLY_BARE_CR_LF] = { LINE("550 5.6.0 Bare CR, bare LF or NUL in the message, closing connection"), FAULT },
	[REPLY_CONTENT_LINE_TOO_LONG] = { LINE("550 5.6.0 The message has a line of more than * octets"), REFUSAL },
	[REPLY_TOO_LARGE] = { LINE("552 5.3.4 Message is too large"), REFUSAL },
	[REPLY_NOT_YOUR_SENDER] = { LINE("553 5.7.1 The sender is not an address of yours"), REFUSAL },
	[REPLY_UTF8_VRFY] = { LINE("553 5.6.7 A name outside ASCII needs SMTPUTF8"), FAULT },
	[REPLY_EARLY] = { LINE("554 5.5.1 Protocol error: you spoke before the greeting, closing connection"), FAULT },
	[REPLY_NOT_FOR_YOU] = { LINE("554 5.7.1 No LMTP service for your address, closing connection"), FAULT },
	[REPLY_NO_RECIPIENTS] = { LINE("554 5.5.1 No valid recipients"), IDLE },
	[REPLY_LOOP] = { LINE("554 5.4.6 Too many hops, this message is looping"), REFUSAL },
	[REPLY_UNKNOWN_PARAMETER] = { LINE("555 5.5.4 Parameter not recognized"), FAULT },
	[REPLY_NO_MAIL_THERE] = { LINE("556 5.1.10 The recipient's domain does not accept mail"), REFUSAL },
#undef LINE
};

unsigned smtp_reply_cost(enum smtp_reply_id id)
{
	return replies[id].cost;
}

bool smtp_reply_is_rejection(enum smtp_reply_id id)
{
	return replies[id].cost >= REFUSAL;
}

/* What stands not here is the protocol's. */
static const struct {
	enum smtp_reply_id id;
	enum counter counter;
} reasons[] = {
	{ REPLY_UNKNOWN_RECIPIENT, COUNTER_REJECTED_RECIPIENT },
	{ REPLY_SUPPRESSED_RECIPIENT, COUNTER_REJECTED_RECIPIENT },
	{ REPLY_NO_MAIL_THERE, COUNTER_REJECTED_RECIPIENT },
	{ REPLY_SUSPENDED_RECIPIENT, COUNTER_REJECTED_SUSPENDED },
	{ REPLY_REFUSED_DOMAIN, COUNTER_REJECTED_SUSPENDED },
	{ REPLY_RELAY_DENIED, COUNTER_REJECTED_RELAY },
	{ REPLY_NOT_YOUR_SENDER, COUNTER_REJECTED_SENDER },
	{ REPLY_NOT_YOUR_HEADER, COUNTER_REJECTED_SENDER },
	{ REPLY_TOO_LARGE, COUNTER_REJECTED_SIZE },
	{ REPLY_BAD_HEADER, COUNTER_REJECTED_CONTENT },
	{ REPLY_BARE_CR_LF, COUNTER_REJECTED_CONTENT },
	{ REPLY_CONTENT_LINE_TOO_LONG, COUNTER_REJECTED_CONTENT },
	{ REPLY_LOOP, COUNTER_REJECTED_LOOP },
	{ REPLY_AUTH_WRONG, COUNTER_REJECTED_LOGIN },
	{ REPLY_AUTH_SUSPENDED, COUNTER_REJECTED_LOGIN },
	{ REPLY_AUTH_OFF, COUNTER_REJECTED_LOGIN },
	{ REPLY_TRY_LATER, COUNTER_REJECTED_TEMPORARY },
	{ REPLY_NO_ROOM, COUNTER_REJECTED_TEMPORARY },
	{ REPLY_OVER_QUOTA, COUNTER_REJECTED_TEMPORARY },
	{ REPLY_SENDING_LIMIT, COUNTER_REJECTED_TEMPORARY },
	{ REPLY_SENDING_STOPPED, COUNTER_REJECTED_TEMPORARY },
};

enum counter smtp_reply_counter(enum smtp_reply_id id)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].id == id)
			return reasons[i].counter;
	return COUNTER_REJECTED_PROTOCOL;
}

void smtp_reply_write(const struct smtp_reply *reply, struct out *out)
{
	struct span line = replies[reply->id].line;
	size_t star;

	if (reply->id == REPLY_NONE)
		return;
	if (span_find_char(line, '*', &star)) {
		out_add(out, span_take(line, star));
		out_add(out, reply->text);
		line = span_skip(line, star + 1);
	}
	out_add(out, line);
	out_add(out, SPAN("\r\n"));
}

void smtp_reply_text(const struct smtp_reply *reply, struct buf *out)
{
	struct span line = replies[reply->id].line;
	size_t star;

	if (span_find_char(line, '*', &star)) {
		buf_add(out, span_take(line, star));
		buf_add(out, reply->text);
		line = span_skip(line, star + 1);
	}
	buf_add(out, line);
}

struct span smtp_reply_busy(void)
{
	return SPAN("421 4.3.2 Too many connections, try again later\r\n");
}

/* RFC 4865 section 4: both the longest interval and the date at its end. */
static void offer_release(int64_t until_ms, struct out *out)
{
	struct buf date;

	buf_init(&date, SMTP_DATE_TIME_MAX);
	date_write_rfc3339(until_ms, &date);
	/* Whole seconds. */
	out_addf(out, "250-FUTURERELEASE %d %.*sZ\r\n", SMTP_HOLD_MAX_S, (int)strlen("2026-11-22T06:50:54"), date.ptr ? date.ptr : "");
	buf_clear(&date);
}

void smtp_reply_ehlo(struct span hostname, const struct smtp_extensions *offer, struct out *out)
{
	out_addf(out, "250-%.*s\r\n", (int)hostname.len, hostname.ptr);
	if (offer->sender.len > 0)
		out_addf(out, "250-XLOCAL %.*s %.*s\r\n", (int)offer->sender.len, offer->sender.ptr, (int)offer->origin.len, offer->origin.ptr);
	out_addf(out,
		 "250-PIPELINING\r\n"
		 "250-SIZE %llu\r\n"
		 "250-8BITMIME\r\n"
		 "250-BINARYMIME\r\n"
		 "250-CHUNKING\r\n"
		 "250-SMTPUTF8\r\n"
		 "250-DSN\r\n"
		 "250-LIMITS RCPTMAX=%zu MAILMAX=%u\r\n"
		 "%s%s",
		 (unsigned long long)offer->max_size, offer->max_recipients, offer->max_messages,
		 offer->start_tls ? "250-STARTTLS\r\n" : "", offer->require_tls ? "250-REQUIRETLS\r\n" : "");
	if (offer->auth)
		out_addf(out, "250-AUTH PLAIN LOGIN SCRAM-SHA-256%s\r\n", offer->auth_plus ? " SCRAM-SHA-256-PLUS" : "");
	if (offer->submission) {
		offer_release(offer->hold_until_ms, out);
		out_add(out, SPAN("250-MT-PRIORITY\r\n250-DELIVERBY\r\n"));
	}
	out_add(out, SPAN("250 ENHANCEDSTATUSCODES\r\n"));
}
