/* imap/input.c: the reader.
 *
 *   LINE ──"{n}" at the end──▶ LITERAL ──n bytes──▶ LINE          LINE ──AUTHENTICATE──▶ SASL ──a line──▶ LINE
 *   LINE ──APPEND ... {n}──▶ APPEND ──n bytes──▶ LINE             LINE ──IDLE──▶ IDLE ──DONE──▶ LINE
 *   LINE ──refused "{n+}"──▶ SWALLOW ──n bytes──▶ LINE
 *
 * (1) A line ends in CRLF; a bare LF or a NUL in a line is a syntax error, never an end.
 * (2) Nothing is collected past a ceiling: a longer line ends the connection, because what is behind it can't be told from
 *     commands; a larger synchronizing literal is refused with BAD and never sent by the client (RFC 3501 4.3).
 * (3) The message of APPEND is never collected: it streams to where it is kept.
 */
#include "daemon/imap/input.h"

#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/table.h"

struct literal {
	uint64_t size; /* UINT64_MAX: more than any limit */
	bool sync;
};

/* Does the line (without CRLF) announce a literal? literal = "{" number ["+"] "}" at its end. */
static bool announces_literal(struct span line, struct literal *out)
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
	if (span_to_u64(span_make(line.ptr + at, end - at), UINT32_MAX, &out->size))
		out->size = UINT64_MAX;
	return true;
}

/* A literal that is not wanted. Synchronizing: the tagged reply is all. Else its bytes are on the way. */
static enum step refuse_literal(struct imap_session *s, const struct literal *l, enum imap_status status, struct span text, struct out *out)
{
	if (l->sync)
		return imap_refuse(s, out, status, text);
	if (l->size > IMAP_SWALLOW_MAX || s->state == IMAP_START) {
		enum step step = imap_refuse(s, out, status, text);

		return step == STEP_CLOSE ? step : imap_bye(s, out, "The literal is too large");
	}
	s->refusal = text;
	s->refusal_status = status;
	s->literal_left = l->size;
	s->input = l->size ? INPUT_SWALLOW : INPUT_LINE;
	return STEP_REPLY;
}

static bool literal_fits(const struct imap_session *s, const struct literal *l)
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

/* False: this is not the message of an APPEND, but perhaps a literal of another argument. */
static bool append_announced(struct imap_session *s, const struct literal *l, struct out *out, enum step *step)
{
	enum imap_append_try try = imap_try_append(s);

	if (try == APPEND_NOT_YET) {
		forget_run(s);
		return false;
	}
	if (try == APPEND_READY && l->size == 0) {
		s->run.status = IMAP_NO;
		s->run.text = SPAN("[CANNOT] The message is empty");
	} else if (try == APPEND_READY && l->size > IMAP_MESSAGE_MAX) {
		s->run.status = IMAP_NO;
		s->run.text = SPAN("[TOOBIG] The message is too large");
	} else if (try == APPEND_READY && imap_append_begin(s)) {
		s->input = INPUT_APPEND;
		s->literal_left = l->size;
		if (l->sync)
			reply_continue(out, "Ready for the message");
		*step = STEP_REPLY;
		return true;
	}
	*step = refuse_literal(s, l, s->run.status, s->run.text, out);
	return true;
}

static enum step literal_announced(struct imap_session *s, const struct literal *l, struct out *out)
{
	enum step step;

	if (s->refusal.ptr)
		return refuse_literal(s, l, s->refusal_status, s->refusal, out);
	if (s->append) { /* a second message: MULTIAPPEND is not offered */
		imap_append_drop(s);
		return refuse_literal(s, l, IMAP_BAD, SPAN("One message at a time"), out);
	}
	if (s->state != IMAP_START && append_announced(s, l, out, &step))
		return step;
	if (!literal_fits(s, l))
		return refuse_literal(s, l, IMAP_BAD, SPAN("[LIMIT] The literal is too large"), out);
	s->literal_count++;
	s->line_start = s->line.len;
	s->literal_left = l->size;
	s->input = l->size ? INPUT_LITERAL : INPUT_LINE;
	if (l->sync)
		reply_continue(out, "Ready for the literal");
	return STEP_REPLY;
}

/* A line of a command is whole; CRLF stands at its end. */
static enum step command_line(struct imap_session *s, struct span line, struct out *out)
{
	struct literal literal;
	struct span text = span_take(line, line.len - 2);

	if (announces_literal(text, &literal))
		return literal_announced(s, &literal, out);
	if (s->refusal.ptr) {
		struct span why = s->refusal;

		s->refusal = (struct span){ NULL, 0 };
		return imap_refuse(s, out, s->refusal_status, why);
	}
	if (s->append) {
		if (!text.len)
			return s->run.command->run(s, &s->run.args, out);
		imap_append_drop(s);
		return imap_refuse(s, out, IMAP_BAD, SPAN("Nothing may follow the message"));
	}
	s->line.len -= 2;
	return imap_dispatch(s, out);
}

static enum step line_done(struct imap_session *s, struct out *out)
{
	struct span line = span_skip(buf_span(&s->line), s->line_start);
	bool good = span_ends(line, SPAN("\r\n")) && !memchr(line.ptr, 0, line.len);

	if (s->input == INPUT_IDLE)
		return imap_idle_line(s, good ? span_take(line, line.len - 2) : SPAN(""), out);
	if (s->input == INPUT_SASL)
		return imap_login_line(s, good ? span_take(line, line.len - 2) : SPAN("!"), out);
	if (good)
		return command_line(s, line, out);
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
