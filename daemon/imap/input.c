/* imap/input.c: the reader.
 *
 *   LINE ──"{n}" at the end──▶ LITERAL ──n bytes──▶ LINE          LINE ──AUTHENTICATE──▶ SASL ──a line──▶ LINE
 *   LINE ──message {n}──▶ APPEND ──n bytes──▶ LINE                LINE ──IDLE──▶ IDLE ──DONE──▶ LINE
 *   LINE ──refused "{n+}"──▶ SWALLOW ──n bytes──▶ LINE
 *
 * (1) A line ends in CRLF; a bare LF or a NUL in a line is a syntax error, never an end.
 * (2) Nothing is collected past a ceiling: a longer line ends the connection, because what is behind it can't be told from
 *     commands; a larger synchronizing literal is refused with BAD and never sent by the client (RFC 3501 4.3).
 * (3) A message of APPEND or REPLACE is never collected: it streams to where it is kept. append_walk.c says which literals are messages.
 */
#include "daemon/imap/input.h"

#include "daemon/base/bug.h"
#include "daemon/imap/append.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/table.h"

#define TEXT_OF_(number) #number
#define TEXT_OF(number) TEXT_OF_(number)

/* Does the line (without CRLF) announce a literal? literal = "{" number ["+"] "}" at its end. */
static bool announces_literal(struct span line, struct imap_literal *out)
{
	size_t at, end;

	if (!line.len || line.ptr[line.len - 1] != '}')
		return false;
	end = line.len - 1;
	out->sync = true;
	if (end && line.ptr[end - 1] == '+') {
		out->sync = false;
		end--;
	}
	for (at = end; at && ascii_is_digit(line.ptr[at - 1]);)
		at--;
	if (at == end || at == 0 || line.ptr[at - 1] != '{')
		return false;
	out->length = line.len - at + 1;
	if (span_to_u64(span_make(line.ptr + at, end - at), UINT32_MAX, &out->size))
		out->size = UINT64_MAX;
	return true;
}

/* A literal that is not wanted. Synchronizing: the tagged reply is all. Else its bytes are on the way. */
static enum step refuse_literal(struct imap_session *s, const struct imap_literal *l, enum imap_status status, struct span text, struct out *out)
{
	if (l->sync) {
		s->refusal = (struct span){ NULL, 0 }; /* of a literal before this one: it is told now */
		return imap_refuse(s, out, status, text);
	}
	if (l->size > IMAP_SWALLOW_MAX || s->state == IMAP_START) {
		enum step step = imap_refuse(s, out, status, text);

		return step == STEP_CLOSE ? step : imap_bye(s, out, "[TOOBIG] The literal is too large");
	}
	s->refusal = text;
	s->refusal_status = status;
	s->literal_left = l->size;
	s->input = l->size ? INPUT_SWALLOW : INPUT_LINE;
	return STEP_REPLY;
}

static bool literal_fits(const struct imap_session *s, const struct imap_literal *l)
{
	bool start = s->state == IMAP_START;

	return l->size <= (start ? IMAP_LITERAL_START_MAX : IMAP_LITERAL_MAX) &&
	       s->literal_count < (start ? IMAP_LITERALS_START_MAX : IMAP_LITERALS_MAX) &&
	       s->line.len + l->size <= (start ? IMAP_COMMAND_START_MAX : IMAP_COMMAND_MAX);
}

/* Forgets what a try at parsing has left. */
static void forget_run(struct imap_session *s)
{
	struct arena arena = s->run.arena, batch = s->run.batch;

	arena_reset(&arena);
	s->run = (struct imap_run){ .arena = arena, .batch = batch };
}

/* Does the account have room for a command of that size? Small ones it always has. */
static bool charge_line(struct imap_session *s, size_t size)
{
	if (size <= IMAP_LINE_MAX || size <= s->line_charged)
		return true;
	if (!arena_budget_take(s->run.arena.budget, size - s->line_charged))
		return false;
	s->line_charged = size;
	return true;
}

/* A value that SETMETADATA can't take: it has a code of its own (RFC 5464 4.3). */
static bool is_long_annotation(const struct imap_session *s, const struct imap_literal *l)
{
	struct span rest = buf_span(&s->line);
	size_t at;

	return l->size > ANNOTATION_VALUE_MAX && s->state != IMAP_START && imap_has(s, CAP_METADATA) && span_find_char(rest, ' ', &at) && span_istarts(span_skip(rest, at), SPAN(" SETMETADATA "));
}

/* Collected into the command. */
static enum step collect(struct imap_session *s, const struct imap_literal *l, struct out *out)
{
	if (!literal_fits(s, l)) {
		imap_append_drop(s);
		return is_long_annotation(s, l) ? refuse_literal(s, l, IMAP_NO, SPAN("[METADATA MAXSIZE " TEXT_OF(ANNOTATION_VALUE_MAX) "] A value is too long"), out)
						: refuse_literal(s, l, IMAP_BAD, SPAN("[LIMIT] The literal is too large"), out);
	}
	if (!charge_line(s, s->line.len + (size_t)l->size)) {
		imap_append_drop(s);
		return refuse_literal(s, l, IMAP_NO, SPAN("[LIMIT] Too much is under way for this account"), out);
	}
	s->literal_count++;
	s->line_start = s->line.len;
	s->literal_left = l->size;
	s->input = l->size ? INPUT_LITERAL : INPUT_LINE;
	if (l->sync)
		reply_continue(out, "Ready for the literal");
	return STEP_REPLY;
}

/* Streamed into the message; what was walked over is not needed any more. */
static enum step stream(struct imap_session *s, const struct imap_literal *l, struct out *out)
{
	s->line.len = s->line_start = s->append->at = 0;
	s->literal_left = l->size;
	s->input = l->size ? INPUT_APPEND : INPUT_LINE;
	if (l->sync)
		reply_continue(out, "Ready for the message");
	return STEP_REPLY;
}

static enum step append_refused(struct imap_session *s, const struct imap_literal *l, struct out *out)
{
	imap_append_drop(s);
	return l ? refuse_literal(s, l, s->run.status, s->run.text, out) : imap_refuse(s, out, s->run.status, s->run.text);
}

static enum step append_more(struct imap_session *s, struct out *out);

static enum step append_line(struct imap_session *s, const struct imap_literal *l, struct out *out)
{
	enum append_step next = imap_append_walk(s, l);

	s->run.more = NULL;
	if (!l && (next == APPEND_WANTS_MESSAGE || next == APPEND_WANTS_STRING)) {
		BUG("imap", "a literal is wanted that was not announced");
		return imap_bye(s, out, "Internal error");
	}
	switch (next) {
	case APPEND_WANTS_MESSAGE: return stream(s, l, out);
	case APPEND_WANTS_STRING: return collect(s, l, out);
	case APPEND_FAILED: return append_refused(s, l, out);
	case APPEND_DONE: return s->run.command->run(s, &s->run.args, out);
	case APPEND_PAUSED: break;
	}
	s->run.more = append_more;
	return STEP_MORE;
}

/* The line whose walk has paused. */
static enum step append_more(struct imap_session *s, struct out *out)
{
	struct imap_literal literal;
	struct span line = span_skip(buf_span(&s->line), s->line_start);

	return append_line(s, announces_literal(span_take(line, line.len - 2), &literal) ? &literal : NULL, out);
}

/* A non-synchronizing one, where the account is not offered LITERAL+: small ones are of IMAP4rev2 (RFC 9051 4.3, RFC 7888 5). */
static bool may_come_at_once(const struct imap_session *s, const struct imap_literal *l)
{
	return l->sync || s->state == IMAP_START || imap_has(s, CAP_LITERAL_PLUS) || (imap_has(s, CAP_IMAP4REV2) && l->size <= IMAP_LITERAL_START_MAX);
}

/* RFC 9051 2.2.1: what is refused whatever its arguments are, the client need not send; a password above all. */
static bool is_in_vain(struct imap_session *s)
{
	if (s->append || s->literal_count)
		return false;
	if (!imap_is_lawful(s))
		return true;
	forget_run(s);
	return false;
}

/* The answer to a literal that the account is not offered to send unasked; APPEND's is to say TOOBIG (RFC 7888 5). */
static enum step refuse_unasked(struct imap_session *s, const struct imap_literal *l, struct out *out)
{
	imap_append_drop(s);
	return refuse_literal(s, l, IMAP_BAD, imap_has(s, CAP_IMAP4REV2) ? SPAN("[TOOBIG] Larger literals have to be asked for") : SPAN("LITERAL+ is not on offer"), out);
}

/* Does an APPEND or REPLACE begin? */
static enum imap_append_try try_append(struct imap_session *s)
{
	enum imap_append_try result = s->append || s->state == IMAP_START ? APPEND_NOT_YET : imap_try_append(s);

	if (!s->append && result == APPEND_NOT_YET)
		forget_run(s);
	return result;
}

/* A line of a command is whole; CRLF stands at its end. `l`: the literal that it announces. */
static enum step command_line(struct imap_session *s, const struct imap_literal *l, struct out *out)
{
	if (s->refusal.ptr) {
		struct span why = s->refusal;

		if (l)
			return refuse_literal(s, l, s->refusal_status, why, out);
		s->refusal = (struct span){ NULL, 0 };
		return imap_refuse(s, out, s->refusal_status, why);
	}
	if (l && !may_come_at_once(s, l))
		return refuse_unasked(s, l, out);
	if (l && l->sync && is_in_vain(s))
		return imap_finish(s, out, s->run.status, s->run.text);
	if (try_append(s) == APPEND_REFUSED)
		return append_refused(s, l, out);
	if (s->append)
		return append_line(s, l, out);
	if (l)
		return collect(s, l, out);
	s->line.len -= 2;
	return imap_dispatch(s, out);
}

static enum step line_done(struct imap_session *s, struct out *out)
{
	struct span line = span_skip(buf_span(&s->line), s->line_start);
	struct imap_literal literal;
	bool good = span_ends(line, SPAN("\r\n")) && !memchr(line.ptr, 0, line.len);

	if (s->input == INPUT_IDLE)
		return imap_idle_line(s, good ? span_take(line, line.len - 2) : SPAN(""), out);
	if (s->input == INPUT_SASL)
		return imap_login_line(s, good ? span_take(line, line.len - 2) : SPAN("!"), out);
	if (good)
		return command_line(s, announces_literal(span_take(line, line.len - 2), &literal) ? &literal : NULL, out);
	imap_append_drop(s);
	s->refusal = (struct span){ NULL, 0 };
	return imap_refuse(s, out, IMAP_BAD, SPAN("A line ends in CRLF and holds no NUL"));
}

static enum step line_too_long(struct imap_session *s, struct out *out)
{
	enum step step;

	imap_append_drop(s);
	if (s->input == INPUT_IDLE)
		imap_idle_end(s);
	s->input = INPUT_LINE;
	step = imap_refuse(s, out, IMAP_BAD, SPAN("[LIMIT] The line is too long"));
	return step == STEP_CLOSE ? step : imap_bye(s, out, "The line is too long");
}

static enum step feed_line(struct imap_session *s, struct span in, size_t *used_out, struct out *out)
{
	size_t max = s->state == IMAP_START ? IMAP_LINE_START_MAX : IMAP_LINE_MAX, end;
	bool whole = span_find_char(in, '\n', &end);
	struct span part = whole ? span_take(in, end + 1) : in;
	size_t room = max - (s->line.len - s->line_start);

	*used_out = part.len;
	buf_add(&s->line, span_take(part, room)); /* the start is wanted for its tag */
	if (s->line.failed || part.len > room)
		return line_too_long(s, out);
	return whole ? line_done(s, out) : STEP_REPLY;
}

static enum step feed_literal(struct imap_session *s, struct span in, size_t *used_out, struct out *out)
{
	struct span part = span_take(in, s->literal_left < in.len ? (size_t)s->literal_left : in.len);

	*used_out = part.len;
	if (s->input == INPUT_LITERAL)
		buf_add(&s->line, part);
	else if (s->input == INPUT_APPEND)
		imap_append_feed(s, part);
	if (s->line.failed)
		return line_too_long(s, out);
	s->literal_left -= part.len;
	if (s->literal_left)
		return STEP_BODY;
	s->input = INPUT_LINE;
	s->line_start = s->line.len;
	return STEP_REPLY;
}

enum step imap_input_feed(struct imap_session *s, struct span in, size_t *used_out, struct out *out)
{
	switch (s->input) {
	case INPUT_LINE:
	case INPUT_SASL:
	case INPUT_IDLE: return feed_line(s, in, used_out, out);
	case INPUT_LITERAL:
	case INPUT_APPEND:
	case INPUT_SWALLOW: return feed_literal(s, in, used_out, out);
	}
	return STEP_CLOSE;
}
