/* pop3/cmd_retr.c: RETR and TOP.
 *
 *   rows ──▶ "+OK", prefix, head, body in the row, "."                   one look into the store for the RETRs that were sent ahead
 *      └──▶ "+OK", prefix, head ──▶ FILE: a slice at a time ──▶ "."      the row is gone by then, the file is held open
 *
 * (1) RETRs of messages that follow each other, and have arrived, are answered together; what was not answered because the output is full is not used up.
 * (2) A file is read while the output is below its mark: a slow reader costs no more memory than that.
 * (3) \Seen is for what has gone out to its end.
 * (4) What breaks in the middle of a reply is the end of the connection, never a message that looks whole.
 */
#include "daemon/pop3/commands.h"
#include "daemon/pop3/reply.h"
#include "daemon/pop3/surrogate.h"
#include "daemon/pop3/table.h"

struct fetching {
	struct pop3_session *s;
	struct out *out;
	uint32_t next; /* the number whose reply is to come */
	bool is_top;
	uint64_t lines;
	bool has_failed;
};

/* The part of a body that TOP still wants. */
static struct span within_lines(struct pop3_text *t, struct span bytes)
{
	const char *at = bytes.ptr, *end;

	if (!t->is_limited || !bytes.len)
		return bytes;
	end = at + bytes.len;
	while (t->lines_left && at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		if (!line_end)
			return bytes;
		at = line_end + 1;
		t->lines_left--;
	}
	return span_make(bytes.ptr, (size_t)(at - bytes.ptr));
}

static enum step file_done(struct pop3_session *s, struct out *out)
{
	pop3_reply_text_end(out, &s->run.text);
	s->service->body_close(&s->run.body);
	s->run.more = NULL;
	return s->run.fetched && !pop3_mark(s, &s->fetched, s->run.fetched, 0) ? pop3_bye(s, out, NULL) : STEP_REPLY;
}

static enum step file_more(struct pop3_session *s, struct out *out)
{
	struct pop3_run *run = &s->run;
	bool is_good = true;
	struct buf slice;

	buf_init(&slice, POP3_BODY_SLICE);
	while (is_good && run->offset < run->length && !out_is_full(out)) {
		uint64_t left = run->length - run->offset;
		size_t length = left < POP3_BODY_SLICE ? (size_t)left : POP3_BODY_SLICE;

		buf_reset(&slice);
		is_good = !s->service->body_read(run->body, run->offset, length, &slice);
		if (!is_good)
			break;
		pop3_reply_text(out, &run->text, within_lines(&run->text, buf_span(&slice)));
		run->offset += length;
		if (run->text.is_limited && !run->text.lines_left)
			run->offset = run->length;
	}
	buf_clear(&slice);
	if (!is_good)
		return pop3_bye(s, out, NULL);
	return run->offset < run->length ? STEP_MORE : file_done(s, out);
}

/* Nothing is said before the file is open. */
static bool begin_file(struct pop3_session *s, const struct message_row *row, uint32_t fetched)
{
	if (s->service->body_open(row->body.path, &s->run.body))
		return false;
	s->run.more = file_more;
	s->run.fetched = fetched;
	s->run.offset = 0;
	s->run.length = row->body.size;
	return true;
}

static void gone(struct fetching *f, uint32_t until)
{
	for (; f->next < until; f->next++)
		pop3_reply_err(f->out, "That message is there no more");
}

static void send_top(const struct fetching *f, const struct message_row *row, const struct surrogate *top)
{
	struct pop3_text *t = &f->s->run.text;

	if (f->is_top)
		pop3_reply_ok(f->out, "Top of the message");
	else
		pop3_reply_octets(f->out, pop3_surrogate_size(top, row));
	pop3_reply_text_begin(t);
	pop3_reply_text(f->out, t, top->prefix);
	pop3_reply_text(f->out, t, top->head);
}

/* The reply as far as a row has it. False: there is an -ERR instead. */
static bool send_row(const struct fetching *f, uint32_t number, const struct message_row *row)
{
	struct pop3_session *s = f->s;
	struct surrogate top;
	bool is_good = pop3_surrogate_begin(s, row, &top);

	if (!is_good)
		pop3_reply_err(f->out, "[UTF8] Its header is not for readers of ASCII");
	else if (row->body.path && !begin_file(s, row, f->is_top ? 0 : number)) {
		is_good = false;
		(void)pop3_fail(s, f->out, ERR_TEMP);
	} else {
		send_top(f, row, &top);
	}
	pop3_surrogate_end(&top);
	return is_good;
}

static bool show(void *arg, uint32_t number, const struct message_row *row)
{
	struct fetching *f = arg;
	struct pop3_session *s = f->s;
	struct pop3_text *t = &s->run.text;

	gone(f, number);
	*t = (struct pop3_text){ .is_limited = f->is_top, .lines_left = f->lines };
	f->next = number + 1;
	if (!send_row(f, number, row))
		return !out_is_full(f->out);
	if (s->run.more)
		return false;
	pop3_reply_text(f->out, t, within_lines(t, row->body.bytes));
	pop3_reply_text_end(f->out, t);
	if (!f->is_top && !pop3_mark(s, &s->fetched, number, 0))
		f->has_failed = true;
	return !f->has_failed && !out_is_full(f->out);
}

/* "RETR <number>" and its CRLF, at the front; how long it is. 0: something else. */
static size_t next_retr(struct span in, uint32_t number)
{
	const struct pop3_command *c;
	union pop3_args args;
	struct span line, rest;
	size_t end;

	if (!span_istarts(in, SPAN("RETR ")) || !span_find_char(span_take(in, POP3_LINE_MAX), '\n', &end) || in.ptr[end - 1] != '\r')
		return 0;
	line = span_take(in, end - 1);
	c = pop3_command_find(line, &rest);
	return c && !c->parse(rest, &args) && args.message.number == number ? end + 1 : 0;
}

/* The last of the RETRs that follow each other. ends[i]: how much of what was sent ahead the first i + 1 of them are. */
static uint32_t look_ahead(const struct pop3_session *s, uint32_t first, size_t ends[POP3_AHEAD_MAX])
{
	struct span in = s->ahead;
	uint32_t last = first;

	while (last - first < POP3_AHEAD_MAX && pop3_is_there(s, (uint64_t)last + 1)) {
		size_t length = next_retr(in, last + 1);

		if (!length)
			break;
		in = span_skip(in, length);
		ends[last - first] = s->ahead.len - in.len;
		last++;
	}
	return last;
}

static enum step finish(struct fetching *f, enum err e, uint32_t first, const size_t ends[POP3_AHEAD_MAX])
{
	struct pop3_session *s = f->s;

	if (f->has_failed)
		return pop3_bye(s, f->out, NULL);
	if (e && f->next == first) {
		f->next++;
		(void)pop3_fail(s, f->out, e);
	}
	if (ends && f->next - first > 1)
		s->ahead_used = ends[f->next - first - 2];
	return s->run.more ? STEP_MORE : STEP_REPLY;
}

enum step pop3_run_retr(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	uint32_t first = (uint32_t)args->message.number, last, next = 0;
	struct fetching f = { .s = s, .out = out, .next = first };
	size_t ends[POP3_AHEAD_MAX];
	enum err e;

	if (!pop3_is_there(s, args->message.number))
		return pop3_fail(s, out, ERR_NOT_FOUND);
	last = look_ahead(s, first, ends);
	e = s->service->drop_read(s->drop, first, last, WANT_META | WANT_HEAD | WANT_BODY, show, &f, &next);
	if (!e && next > last && f.next <= last)
		gone(&f, last + 1);
	return finish(&f, e, first, ends);
}

enum step pop3_run_top(struct pop3_session *s, const union pop3_args *args, struct out *out)
{
	uint32_t number = (uint32_t)args->top.number, next;
	struct fetching f = { .s = s, .out = out, .next = number, .is_top = true, .lines = args->top.lines };
	enum err e;

	if (!pop3_is_there(s, args->top.number))
		return pop3_fail(s, out, ERR_NOT_FOUND);
	e = s->service->drop_read(s->drop, number, number, WANT_META | WANT_HEAD | (f.lines ? WANT_BODY : 0), show, &f, &next);
	if (!e)
		gone(&f, number + 1);
	return finish(&f, e, number, NULL);
}
