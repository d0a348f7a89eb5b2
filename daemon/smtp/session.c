/* smtp/session.c: the state of a session, its lines, and the enforcement of the law table.
 *
 *   CONNECTED --greet--> START --EHLO HELO--> READY --MAIL--> MAIL --RCPT--> RCPT --DATA--> DATA --.--> WAIT --answer--> READY
 *                          ^                  ^ | | ^          |              |                      ^
 *                          |                  | | | +--RSET, EHLO, a refusal, an end, in any of them |
 *                          +--event TLS-- TLS <-+ +--AUTH--> AUTH <--> WAIT    |                     |
 *                                                                             +--BDAT--> CHUNK --LAST+
 *                                                                                        |  ^
 *                                                                                        v  | BDAT
 *                                                                                        BDAT
 *   A BDAT that the law refuses goes to CHUNK too, from anywhere, and returns to where it was. A RCPT whose answer is delayed goes from MAIL or RCPT
 *   to WAIT and back. Every state goes to CLOSED.
 *
 * (1) A line ends with CRLF. One with a bare LF is answered 500 and not run.
 * (2) One command is run a feed call; input that is not used stays with the pool.
 * (3) Faults and refusals cost patience (reply.c), commands that move no message are counted, and the answer at the end of either is 421: no stream of
 *     commands is endless.
 */
#include "daemon/smtp/session.h"

#include <stdlib.h>

#include "daemon/base/bug.h"
#include "daemon/base/counter.h"
#include "daemon/smtp/commands.h"
#include "daemon/smtp/state.h"
#include "daemon/smtp/table.h"

static unsigned edges_from(enum smtp_state from)
{
	switch (from) {
	case AT_CONNECTED: return AT_START;
	case AT_START: return AT_READY | AT_CHUNK;
	case AT_READY: return AT_MAIL | AT_AUTH | AT_TLS | AT_CHUNK | AT_WAIT;
	case AT_MAIL: return AT_RCPT | AT_READY | AT_CHUNK | AT_WAIT;
	case AT_RCPT: return AT_DATA | AT_CHUNK | AT_BDAT | AT_READY | AT_WAIT;
	case AT_BDAT: return AT_CHUNK | AT_READY | AT_WAIT;
	case AT_DATA: return AT_WAIT | AT_READY;
	case AT_CHUNK: return AT_BDAT | AT_WAIT | AT_READY | AT_START | AT_MAIL;
	case AT_AUTH: return AT_WAIT | AT_READY;
	case AT_WAIT: return AT_READY | AT_AUTH | AT_MAIL | AT_RCPT;
	case AT_TLS: return AT_START;
	case AT_CLOSED: return 0;
	}
	return 0;
}

void smtp_set_state(struct smtp_session *s, enum smtp_state to)
{
	if (s->state == to || to == AT_CLOSED || (edges_from(s->state) & to)) {
		s->state = to;
		return;
	}
	BUG("smtp", "edge %d to %d", (int)s->state, (int)to);
	s->broken = true;
}

/* What MAIL began is forgotten (RFC 5321 4.1.1.5). */
void smtp_transaction_clear(struct smtp_session *s)
{
	s->services->accept_end(&s->message);
	arena_reset(&s->transaction);
	s->reverse_path = SPAN("");
	s->recipients = s->outside = NULL;
	s->wishes = NULL;
	s->recipient_count = s->recipient_room = s->outside_count = 0;
	s->wish = (struct smtp_wish){ .envid = SPAN("") };
	s->refusal = REPLY_NONE;
}

enum err smtp_session_new(const struct smtp_setup *setup, struct smtp_session **out)
{
	struct smtp_session *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_TEMP;
	s->services = setup->services;
	s->world = setup->world;
	s->profile = setup->profile;
	s->peer = setup->peer;
	s->start_tls = setup->start_tls;
	s->state = AT_CONNECTED;
	memcpy(s->hostname, setup->hostname.ptr, span_take(setup->hostname, SMTP_HELO_MAX).len);
	arena_init(&s->transaction, SMTP_TRANSACTION_MAX);
	arena_init(&s->command, SMTP_COMMAND_MAX);
	exchange_init(&s->exchange);
	*out = s;
	return ERR_OK;
}

void smtp_session_free(struct smtp_session **s)
{
	if (!*s)
		return;
	(*s)->services->accept_end(&(*s)->message);
	arena_clear(&(*s)->transaction);
	arena_clear(&(*s)->command);
	exchange_clear(&(*s)->exchange);
	free(*s);
	*s = NULL;
}

const char *smtp_profile_name(enum smtp_profile profile)
{
	switch (profile) {
	case SMTP_MX: return "mx";
	case SMTP_SUBMISSION: return "submission";
	case SMTP_LMTP: return "lmtp";
	case SMTP_LOCAL: return "local";
	}
	return "";
}

const struct smtp_question *smtp_session_question(const struct smtp_session *s)
{
	return &s->ask;
}

/* ---- what is said ---- */

static void say_ehlo(struct smtp_session *s, struct out *out)
{
	const struct smtp_local *local = s->profile == SMTP_LOCAL ? s->services->local(s->world) : NULL;
	struct smtp_extensions offer = {
		.start_tls = s->start_tls && !s->peer->tls,
		.require_tls = s->peer->tls,
		.auth = s->profile == SMTP_SUBMISSION && s->peer->tls && s->account_id == 0,
		.submission = !smtp_is_from_outside(s),
	};
	s->services->limits(s->world, &s->limits);
	offer.max_size = s->limits.size_max;
	offer.max_recipients = s->limits.recipients_max;
	offer.max_messages = s->limits.commands_max;
	offer.auth_plus = offer.auth && s->services->may_bind(s->world);
	offer.hold_until_ms = s->services->real_ms(s->world) + SMTP_HOLD_MAX_S * (int64_t)1000;

	if (local) {
		offer.sender = local->sender;
		offer.origin = local->origin;
	}
	smtp_reply_ehlo(smtp_hostname(s), &offer, out);
}

static void write_reply(struct smtp_session *s, const struct smtp_reply *reply, struct out *out)
{
	size_t times = s->answers > 0 ? s->answers : 1;

	s->answers = 0;
	if (reply->id == REPLY_EHLO) {
		say_ehlo(s, out);
		return;
	}
	for (size_t i = 0; i < times; i++)
		smtp_reply_write(reply, out);
}

static enum step say(struct smtp_session *s, enum step step, struct smtp_reply *reply, struct out *out)
{
	s->spent += smtp_reply_cost(reply->id);
	if (s->broken) {
		*reply = (struct smtp_reply){ REPLY_BROKEN, smtp_hostname(s) };
		step = STEP_CLOSE;
	} else if (s->spent / SMTP_FAULT >= s->limits.errors_max && step != STEP_CLOSE) {
		s->answers = 0;
		*reply = (struct smtp_reply){ REPLY_TOO_MANY_ERRORS, smtp_hostname(s) };
		step = STEP_CLOSE;
	}
	write_reply(s, reply, out);
	if (smtp_reply_is_rejection(reply->id))
		counter_add(smtp_reply_counter(reply->id), 1);
	if (step == STEP_CLOSE) {
		smtp_set_state(s, AT_CLOSED);
		smtp_transaction_clear(s);
	}
	arena_reset(&s->command);
	return step;
}

static enum step say_goodbye(struct smtp_session *s, enum smtp_reply_id id, struct out *out)
{
	struct smtp_reply reply = { id, smtp_hostname(s) };

	return say(s, STEP_CLOSE, &reply, out);
}

/* ---- the law ---- */

static enum smtp_reply_id refused_by_law(const struct smtp_session *s, const struct smtp_command *c)
{
	/* RFC 2033 4.1: the hellos of the one are no commands of the other. */
	if (c->flags & (s->profile == SMTP_LMTP ? NEVER_LMTP : ONLY_LMTP))
		return REPLY_UNKNOWN_COMMAND;
	if (s->profile == SMTP_SUBMISSION) {
		if ((c->flags & NEED_TLS) && !s->peer->tls)
			return REPLY_NEED_TLS;
		if ((c->flags & NEED_AUTH) && s->account_id == 0)
			return REPLY_NEED_AUTH;
	} else if (c->flags & ONLY_SUBMISSION) {
		return REPLY_NOT_IMPLEMENTED;
	}
	return (c->legal_at & s->state) ? REPLY_NONE : REPLY_BAD_SEQUENCE;
}

static enum smtp_reply_id refused_by_parser(const struct smtp_command *c, enum err e)
{
	switch (e) {
	case ERR_OK: return REPLY_NONE;
	case ERR_STATE: return REPLY_BAD_ARGUMENT;
	case ERR_DENIED: return REPLY_UNKNOWN_PARAMETER;
	case ERR_LIMIT: return REPLY_TOO_LARGE;
	case ERR_SYNTAX:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_TEMP:
	case ERR_CORRUPT: return c->bad_syntax;
	}
	return c->bad_syntax;
}

static enum step dispatch(struct smtp_session *s, struct span line, struct smtp_reply *reply)
{
	enum smtp_reply_id unlawful, unread;
	const struct smtp_command *c;
	union smtp_args args;
	struct span rest;
	bool octets;

	if (++s->commands > s->limits.commands_max) {
		*reply = (struct smtp_reply){ REPLY_TOO_MANY_COMMANDS, smtp_hostname(s) };
		return STEP_CLOSE;
	}
	c = smtp_command_find(line, &rest);
	if (!c) {
		reply->id = REPLY_UNKNOWN_COMMAND;
		return STEP_REPLY;
	}
	octets = c->flags & OCTETS_FOLLOW;
	unlawful = refused_by_law(s, c);
	if (unlawful != REPLY_NONE && !octets) {
		reply->id = unlawful;
		return STEP_REPLY;
	}
	memset(&args, 0, sizeof(args));
	if (memchr(rest.ptr, '\0', rest.len) || memchr(rest.ptr, '\r', rest.len))
		unread = c->bad_syntax;
	else
		unread = refused_by_parser(c, c->parse(rest, &s->command, &args));
	if (unread != REPLY_NONE) {
		/* How many octets follow is not known: nothing behind this can be read as a command. */
		reply->id = unread;
		return octets ? STEP_CLOSE : STEP_REPLY;
	}
	if (unlawful != REPLY_NONE)
		return smtp_bdat_refuse(s, &args, unlawful, reply);
	return c->run(s, &args, reply);
}

/* ---- lines ---- */

enum line_kind { LINE_NONE,
		 LINE_WHOLE,
		 LINE_BARE,
		 LINE_LONG,
		 LINE_FLOOD };

static size_t line_max(const struct smtp_session *s, struct span in)
{
	return s->state == AT_AUTH || span_istarts(in, SPAN("AUTH ")) ? SMTP_AUTH_LINE_MAX : SMTP_LINE_MAX;
}

static enum line_kind skip_line(struct smtp_session *s, struct span in, size_t *used_out)
{
	const char *lf = memchr(in.ptr, '\n', in.len);

	*used_out = lf ? (size_t)(lf - in.ptr) + 1 : in.len;
	s->skipped += *used_out;
	if (s->skipped > SMTP_FLOOD_MAX)
		return LINE_FLOOD;
	if (!lf)
		return LINE_NONE;
	s->skipped = 0;
	return LINE_LONG;
}

static bool has_octets(const struct smtp_session *s, struct span line)
{
	const struct smtp_command *c;
	struct span rest;

	if (s->state == AT_AUTH)
		return false;
	c = smtp_command_find(line, &rest);
	return c && (c->flags & OCTETS_FOLLOW);
}

static enum line_kind take_line(struct smtp_session *s, struct span in, struct span *line_out, size_t *used_out)
{
	struct span unseen = span_skip(in, s->scanned);
	const char *lf = unseen.len > 0 ? memchr(unseen.ptr, '\n', unseen.len) : NULL;
	size_t count;

	if (s->skipped > 0)
		return skip_line(s, in, used_out);
	if (!lf) {
		s->scanned = in.len;
		if (in.len < line_max(s, in))
			return LINE_NONE;
		s->scanned = 0;
		s->uncounted = has_octets(s, in);
		return skip_line(s, in, used_out);
	}
	count = (size_t)(lf - in.ptr) + 1;
	s->scanned = 0;
	*used_out = count;
	if (count >= 2 && lf[-1] == '\r' && count <= line_max(s, in)) {
		*line_out = span_take(in, count - 2);
		return LINE_WHOLE;
	}
	s->uncounted = has_octets(s, span_take(in, count));
	return count > line_max(s, in) ? LINE_LONG : LINE_BARE;
}

static enum step run_line(struct smtp_session *s, enum line_kind kind, struct span line, struct smtp_reply *reply)
{
	bool in_auth = s->state == AT_AUTH;

	if (kind == LINE_WHOLE)
		return in_auth ? smtp_auth_response(s, line, reply) : dispatch(s, line, reply);
	if (in_auth) {
		smtp_auth_forget(s);
		smtp_set_state(s, AT_READY);
	}
	if (kind == LINE_BARE)
		reply->id = REPLY_BARE_LINE_END;
	else
		reply->id = in_auth ? REPLY_AUTH_LINE_TOO_LONG : REPLY_LINE_TOO_LONG;
	/* As a BDAT that can't be read: what follows may be content. */
	return s->uncounted ? STEP_CLOSE : STEP_REPLY;
}

static enum step feed_line(struct smtp_session *s, struct span in, size_t *used_out, struct out *out)
{
	struct smtp_reply reply = { REPLY_NONE, SPAN("") };
	struct span line = { NULL, 0 };
	enum line_kind kind = take_line(s, in, &line, used_out);

	if (kind == LINE_FLOOD)
		return say_goodbye(s, REPLY_FLOOD, out);
	if (kind == LINE_NONE) {
		int64_t now = s->services->mono_ms(s->world);

		if (s->line_started_ms == 0)
			s->line_started_ms = now;
		else if (now - s->line_started_ms > s->limits.idle_ms)
			return say_goodbye(s, REPLY_TIMEOUT, out);
		return STEP_REPLY;
	}
	s->line_started_ms = 0;
	return say(s, run_line(s, kind, line, &reply), &reply, out);
}

enum step smtp_session_feed(struct smtp_session *s, struct span in, size_t *used_out, struct out *out)
{
	struct smtp_reply reply = { REPLY_NONE, SPAN("") };

	*used_out = 0;
	if (s->state == AT_CLOSED || s->state == AT_TLS || s->state == AT_WAIT) {
		*used_out = in.len;
		return STEP_CLOSE;
	}
	if (in.len == 0)
		return STEP_REPLY;
	if (s->state == AT_DATA)
		return say(s, smtp_data_feed(s, in, used_out, &reply), &reply, out);
	if (s->state == AT_CHUNK)
		return say(s, smtp_chunk_feed(s, in, used_out, &reply), &reply, out);
	return feed_line(s, in, used_out, out);
}

enum step smtp_session_answer(struct smtp_session *s, const struct smtp_answer *answer, struct out *out)
{
	struct smtp_reply reply = { REPLY_NONE, SPAN("") };
	enum smtp_ask asked = s->ask.kind;
	enum step step = STEP_CLOSE;

	s->ask = (struct smtp_question){ .kind = SMTP_ASK_NOTHING };
	switch (asked) {
	case SMTP_ASK_PASSWORD:
	case SMTP_ASK_SCRAM_FIRST:
	case SMTP_ASK_SCRAM_FINAL: step = smtp_auth_answer(s, answer, &reply); break;
	case SMTP_ASK_COMMIT: step = smtp_commit_answer(s, answer, &reply); break;
	case SMTP_ASK_PAUSE:
		smtp_set_state(s, s->paused_at);
		reply.id = s->paused;
		step = STEP_REPLY;
		break;
	case SMTP_ASK_NOTHING:
		BUG("smtp", "answer without a question");
		s->broken = true;
		break;
	}
	return say(s, step, &reply, out);
}

static enum step greet(struct smtp_session *s, struct out *out)
{
	struct smtp_reply reply = { s->profile == SMTP_LMTP ? REPLY_GREETING_LMTP : REPLY_GREETING, smtp_hostname(s) };

	s->connected_ms = s->services->real_ms(s->world);
	s->services->limits(s->world, &s->limits);
	counter_add(COUNTER_SMTP_CONNECTIONS, 1);
	if (s->profile == SMTP_LMTP && !smtp_peer_is_near(s))
		return say_goodbye(s, REPLY_NOT_FOR_YOU, out);
	/* RFC 7504 section 3: of a host that takes nobody's mail, not of one that refuses some. */
	if (s->profile == SMTP_MX && s->services->takes_mail && !s->services->takes_mail(s->world))
		return say_goodbye(s, REPLY_NO_MAIL_HERE, out);
	smtp_set_state(s, AT_START);
	return say(s, STEP_REPLY, &reply, out);
}

enum step smtp_session_event(struct smtp_session *s, enum session_event event, struct out *out)
{
	struct smtp_reply reply = { REPLY_NONE, SPAN("") };

	if (s->state == AT_CLOSED)
		return STEP_CLOSE;
	switch (event) {
	case SESSION_START: return greet(s, out);
	case SESSION_EARLY:
		counter_add(COUNTER_SMTP_CONNECTIONS, 1);
		return say_goodbye(s, REPLY_EARLY, out);
	case SESSION_TLS:
		/* RFC 3207 4.2: nothing that was said in the clear is known any more. */
		smtp_set_state(s, AT_START);
		s->helo[0] = '\0';
		s->extended = false;
		s->scanned = 0;
		return say(s, STEP_REPLY, &reply, out);
	case SESSION_TIMEOUT: return say_goodbye(s, REPLY_TIMEOUT, out);
	case SESSION_STOP: return say_goodbye(s, REPLY_STOPPING, out);
	case SESSION_EOF:
		smtp_set_state(s, AT_CLOSED);
		smtp_transaction_clear(s);
		return STEP_CLOSE;
	case SESSION_NUDGE: return STEP_REPLY; /* it is never asked for here */
	case SESSION_WAKE: return s->state == AT_WAIT ? STEP_WAIT : STEP_REPLY;
	}
	return STEP_REPLY;
}
