/* pop3/session.c: one connection's POP3 state.
 *
 *   START ──PASS, AUTH──▶ TRANSACTION ──QUIT──▶ UPDATE ──▶ ENDED
 *     └────QUIT, bad peers────┴──the connection ends──────▶ ENDED      (nothing is deleted)
 *
 * (1) A command is a line; nothing of it is kept but what cmd_login.c needs until its answer, in `secret` and `exchange`, which are erased.
 * (2) At most one command runs; while it has output to come or a question open, nothing is fed.
 * (3) store and drop are open in TRANSACTION and UPDATE, and the account is this session's as long: it is given back before the last reply, so that whoever
 *     reads that may log in again.
 * (4) Deletions happen in UPDATE alone. \Seen is given to what RETR has sent to its end when the session ends, however it does, as Dovecot does it: people
 *     who read their mail by POP3 find it read in the web mailer too. TOP leaves it alone, and so does a RETR that the connection did not live to the end of.
 */
#include "daemon/pop3/session.h"

#include <stdlib.h>

#include "daemon/base/bug.h"
#include "daemon/base/log.h"
#include "daemon/pop3/commands.h"
#include "daemon/pop3/reply.h"
#include "daemon/pop3/table.h"

#define SECRET_MAX (2u * POP3_LINE_MAX)

enum err pop3_session_new(const struct pop3_service *service, void *ctx, const struct session_peer *peer, bool may_starttls,
			  struct pop3_session **out)
{
	struct pop3_session *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_TEMP;
	s->service = service;
	s->ctx = ctx;
	s->peer = peer;
	s->may_starttls = may_starttls;
	s->state = POP3_START;
	arena_init(&s->secret, SECRET_MAX);
	exchange_init(&s->exchange);
	*out = s;
	return ERR_OK;
}

void pop3_session_free(struct pop3_session **session)
{
	struct pop3_session *s = *session;

	*session = NULL;
	if (!s)
		return;
	pop3_release(s);
	exchange_clear(&s->exchange);
	arena_wipe(&s->secret);
	free(s);
}

void pop3_set_state(struct pop3_session *s, enum pop3_state to)
{
	static const struct {
		unsigned from, to;
	} edges[] = {
		{ POP3_START, POP3_TRANSACTION | POP3_ENDED },
		{ POP3_TRANSACTION, POP3_UPDATE | POP3_ENDED },
		{ POP3_UPDATE, POP3_ENDED },
		{ POP3_ENDED, POP3_ENDED },
	};

	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		if (edges[i].from == s->state && (edges[i].to & to)) {
			s->state = to;
			return;
		}
	BUG("pop3", "edge %d to %d", (int)s->state, (int)to);
	s->state = POP3_ENDED;
}

bool pop3_may_login(const struct pop3_session *s)
{
	return s->peer->tls || s->peer->remote.family == NET_UNIX || net_is_loopback(&s->peer->remote);
}

/* ---- marks ---- */

bool pop3_mark(const struct pop3_session *s, struct pop3_marks *m, uint32_t number, uint64_t bytes)
{
	if (!m->bits)
		m->bits = calloc((s->service->drop_count(s->drop) + 7u) / 8u, 1);
	if (!m->bits)
		return false;
	m->count += !pop3_is_marked(m, number);
	m->bits[(number - 1) / 8] |= (uint8_t)(1u << (number - 1) % 8);
	m->bytes += bytes;
	return true;
}

void pop3_marks_clear(struct pop3_marks *m)
{
	free(m->bits);
	*m = (struct pop3_marks){ .bits = NULL };
}

uint32_t pop3_left_count(const struct pop3_session *s)
{
	return s->service->drop_count(s->drop) - s->deleted.count;
}

uint64_t pop3_left_bytes(const struct pop3_session *s)
{
	return s->service->drop_bytes(s->drop) - s->deleted.bytes;
}

bool pop3_is_there(const struct pop3_session *s, uint64_t number)
{
	return number >= 1 && number <= s->service->drop_count(s->drop) && !pop3_is_marked(&s->deleted, (uint32_t)number);
}

void pop3_release(struct pop3_session *s)
{
	s->run.more = NULL;
	if (s->run.body)
		s->service->body_close(&s->run.body);
	if (s->fetched.count && s->service->drop_mark_seen(s->drop, s->fetched.bits))
		log_event(LOG_WARN, "pop3", "not_marked_seen", "sid=%llu account=%llu", (unsigned long long)s->peer->sid, (unsigned long long)s->account_id);
	pop3_marks_clear(&s->fetched);
	pop3_marks_clear(&s->deleted);
	if (s->drop)
		s->service->drop_close(&s->drop);
	if (s->store)
		s->service->account_close(s->ctx, &s->store);
}

/* ---- replies that end something ---- */

enum step pop3_bye(struct pop3_session *s, struct out *out, const char *text)
{
	if (text && !s->run.more)
		pop3_reply_err(out, text);
	pop3_release(s);
	pop3_set_state(s, POP3_ENDED);
	return STEP_CLOSE;
}

enum step pop3_bad(struct pop3_session *s, struct out *out, const char *text)
{
	pop3_reply_err(out, text);
	return ++s->bad_count < (s->state == POP3_START ? POP3_BAD_START_MAX : POP3_BAD_MAX) ? STEP_REPLY : pop3_bye(s, out, NULL);
}

/* enum err as the peer sees it, of a message. */
static const char *const err_replies[] = {
	[ERR_OK] = "[SYS/TEMP] Internal error",
	[ERR_SYNTAX] = "[SYS/TEMP] Internal error",
	[ERR_STATE] = "That message is there no more",
	[ERR_DENIED] = "[SYS/TEMP] Internal error",
	[ERR_NOT_FOUND] = "There is no such message",
	[ERR_EXISTS] = "[SYS/TEMP] Internal error",
	[ERR_LIMIT] = "[SYS/TEMP] Too much at once, try again later",
	[ERR_TEMP] = "[SYS/TEMP] Temporary failure, try again later",
	[ERR_CORRUPT] = "[SYS/PERM] The mailbox needs its administrator",
};

enum step pop3_fail(struct pop3_session *s, struct out *out, enum err e)
{
	(void)s;
	pop3_reply_err(out, err_replies[e]);
	return STEP_REPLY;
}

/* ---- lines ---- */

static enum step dispatch(struct pop3_session *s, struct span line, struct out *out)
{
	union pop3_args args = { .text = { NULL, 0 } };
	const struct pop3_command *c;
	struct span rest;
	enum step step;
	unsigned bad = s->bad_count;

	c = pop3_command_find(line, &rest);
	if (!c)
		return pop3_bad(s, out, "Unknown command");
	if (!(c->legal_at & s->state))
		return pop3_bad(s, out, s->state == POP3_START ? "Log in first" : "Not after the login");
	if ((c->needs & NEED_PRIVACY) && !pop3_may_login(s))
		return pop3_bad(s, out, "[AUTH] TLS is needed first");
	if (c->parse(rest, &args))
		return pop3_bad(s, out, "The arguments are not right");
	step = c->run(s, &args, out);
	if (s->bad_count == bad && s->state == POP3_TRANSACTION)
		s->bad_count = 0;
	return step;
}

/* A line without its CRLF. `is_good`: it had one, and holds no NUL. */
static enum step take_line(struct pop3_session *s, struct span line, bool is_good, struct out *out)
{
	if (s->in_exchange)
		return pop3_login_line(s, is_good ? line : SPAN("!"), out);
	return is_good ? dispatch(s, line, out) : pop3_bad(s, out, "A line ends in CRLF and holds no NUL");
}

/* A line that does not end can't be told from commands behind it: the connection ends. */
static enum step feed_line(struct pop3_session *s, struct span in, size_t *used_out, struct out *out)
{
	bool is_whole, is_good;
	size_t end;

	is_whole = span_find_char(span_take(in, POP3_LINE_MAX), '\n', &end);
	if (!is_whole && in.len < POP3_LINE_MAX)
		return STEP_REPLY;
	if (!is_whole) {
		*used_out = in.len;
		return pop3_bye(s, out, "The line is too long");
	}
	is_good = end > 0 && in.ptr[end - 1] == '\r' && !memchr(in.ptr, 0, end);
	*used_out = end + 1;
	s->ahead = span_skip(in, end + 1);
	s->ahead_used = 0;
	return take_line(s, span_take(in, is_good ? end - 1 : end), is_good, out);
}

enum step pop3_session_feed(struct pop3_session *s, struct span in, size_t *used_out, struct out *out)
{
	enum step step;

	*used_out = 0;
	if (s->state == POP3_ENDED) {
		*used_out = in.len;
		return STEP_CLOSE;
	}
	if (s->run.more)
		return STEP_MORE;
	s->ahead = span_make(NULL, 0);
	s->ahead_used = 0;
	step = feed_line(s, in, used_out, out);
	*used_out += s->ahead_used;
	s->ahead = span_make(NULL, 0);
	s->ahead_used = 0;
	return step;
}

enum step pop3_session_more(struct pop3_session *s, struct out *out)
{
	if (s->state == POP3_ENDED)
		return STEP_CLOSE;
	return s->run.more ? s->run.more(s, out) : STEP_REPLY;
}

enum step pop3_session_answer(struct pop3_session *s, const struct pop3_answer *answer, struct out *out)
{
	return pop3_login_answer(s, answer, out);
}

enum step pop3_session_event(struct pop3_session *s, enum session_event event, struct out *out)
{
	switch (event) {
	case SESSION_START:
		pop3_reply_greeting(out);
		return STEP_REPLY;
	case SESSION_EARLY: return pop3_bye(s, out, "You spoke before the greeting");
	case SESSION_TLS: return STEP_REPLY; /* RFC 2595 4: no greeting again */
	case SESSION_STOP: return pop3_bye(s, out, "[SYS/TEMP] The server closes the connection");
	case SESSION_TIMEOUT: /* RFC 1939 3: without a word */
	case SESSION_EOF: return pop3_bye(s, out, NULL);
	case SESSION_NUDGE:
	case SESSION_WAKE: return s->run.more ? STEP_MORE : STEP_REPLY;
	}
	return STEP_CLOSE;
}

int64_t pop3_session_deadline_ms(const struct pop3_session *s)
{
	return s->state == POP3_START ? POP3_DEADLINE_START_MS : POP3_DEADLINE_MS;
}

void pop3_store_service(struct pop3_service *out)
{
	*out = (struct pop3_service){
		.drop_open = drop_open,
		.drop_close = drop_close,
		.drop_count = drop_count,
		.drop_bytes = drop_bytes,
		.drop_read = drop_read,
		.drop_id = drop_id,
		.drop_remove = drop_remove,
		.drop_mark_seen = drop_mark_seen,
		.body_open = drop_body_open,
		.body_read = drop_body_read,
		.body_close = drop_body_close,
	};
}
