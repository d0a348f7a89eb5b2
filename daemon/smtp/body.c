/* smtp/body.c: the scanner of DATA and BDAT content.
 *
 *   START --'.'(DATA)--> DOT --CR--> DOT_CR --LF--> end
 *     ^  |                |
 *     |  +--other--> TEXT <--other
 *     LF              |
 *     |               CR
 *     +------ CR <----+
 *
 * Only CR LF ends a line, so only CRLF.CRLF ends a message: every other mixture of the two is BODY_BAD, never content and never an
 * end (RFC 5321 2.3.8 and 4.1.1.4), so no other server can read our copy differently.
 * Lines are found by memchr and content is passed on in runs: nothing is copied here.
 *
 * The header of a binary message has lines like any other, since everybody reads it; behind the empty line that ends it nothing is looked at.
 */
#include "daemon/smtp/body.h"

struct scan {
	struct span in;
	size_t at, run; /* [run, at) is content that was not yet passed on */
	void (*add)(void *arg, struct span run);
	void *arg;
};

static bool flush(struct scan *s, size_t next_run)
{
	struct span run = span_make(s->in.ptr + s->run, s->at - s->run);

	s->run = next_run;
	if (run.len == 0)
		return true;
	if (memchr(run.ptr, '\0', run.len))
		return false;
	s->add(s->arg, run);
	return true;
}

static void count(struct body_scanner *b, size_t octets)
{
	b->length += octets;
	if (b->length > b->longest)
		b->longest = b->length;
}

static void end_line(struct body_scanner *b)
{
	b->line = LINE_START;
	/* Two octets: a CRLF alone. */
	b->raw = b->binary && b->length == 2;
	b->length = 0;
}

/* From inside a line to its end or the end of the input. */
static bool scan_text(struct body_scanner *b, struct scan *s)
{
	const char *from = s->in.ptr + s->at;
	size_t left = s->in.len - s->at;
	const char *lf = memchr(from, '\n', left);
	const char *cr = memchr(from, '\r', lf ? (size_t)(lf - from) : left);

	if (lf) {
		if (!cr || cr + 1 != lf)
			return false;
		s->at += (size_t)(lf - from) + 1;
		count(b, (size_t)(lf - from) + 1);
		end_line(b);
		return true;
	}
	if (cr && cr + 1 != from + left)
		return false;
	b->line = cr ? LINE_CR : LINE_TEXT;
	count(b, left);
	s->at = s->in.len;
	return true;
}

/* One step; false: bad. *end_out: the final dot. */
static bool step(struct body_scanner *b, struct scan *s, bool *end_out)
{
	char c = s->in.ptr[s->at];

	switch (b->line) {
	case LINE_START:
		if (!b->dots || c != '.')
			return scan_text(b, s);
		b->line = LINE_DOT;
		if (!flush(s, s->at + 1))
			return false;
		s->at++;
		return true;
	case LINE_TEXT:
		return scan_text(b, s);
	case LINE_CR:
		count(b, 1);
		end_line(b);
		s->at++;
		return c == '\n';
	case LINE_DOT:
		if (c != '\r')
			return scan_text(b, s);
		b->line = LINE_DOT_CR;
		s->at++;
		s->run = s->at;
		return true;
	case LINE_DOT_CR:
		*end_out = c == '\n';
		b->line = LINE_START;
		s->at++;
		s->run = s->at;
		return *end_out;
	}
	return false;
}

enum body_found body_scan(struct body_scanner *b, struct span in, size_t *used_out, void (*add)(void *arg, struct span run), void *arg)
{
	struct scan s = { .in = in, .add = add, .arg = arg };
	bool end = false;

	while (s.at < in.len && !end && !b->raw) {
		if (!step(b, &s, &end)) {
			*used_out = in.len;
			return BODY_BAD;
		}
	}
	/* What is in front of the raw part is of lines still, and is looked at for NUL. */
	if (b->raw && !flush(&s, s.at))
		return BODY_BAD;
	if (b->raw) {
		if (s.at < in.len)
			add(arg, span_skip(in, s.at));
		*used_out = in.len;
		return BODY_MORE;
	}
	*used_out = s.at;
	if (!end && !flush(&s, s.at))
		return BODY_BAD;
	return end ? BODY_END : BODY_MORE;
}
