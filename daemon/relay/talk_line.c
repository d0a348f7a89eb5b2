/* relay/talk_line.c: see talk_line.h. */
#include "daemon/relay/talk_line.h"

#include "daemon/base/clock.h"

#define TOLD_MAX 1024

enum talk_end talk_lost(struct talk *t, const char *where, enum err e)
{
	bool ended = e == ERR_TEMP || e == ERR_STATE;

	t->broken = true;
	t->job->answered = false;
	if (t->reused && !relay_is_cancelled(t->relay))
		return TALK_FRESH;
	failure_ours(t->why, RELAY_RETRY, ended ? "4.4.2" : "4.5.0", "%s: %s: %s", t->setup->target->host, where, t->note.text[0] ? t->note.text : err_name(e));
	return TALK_NEXT;
}

enum talk_end talk_refused(struct talk *t)
{
	t->job->answered = false;
	t->odd = true;
	if (t->reused)
		return TALK_FRESH;
	failure_remote(t->why, &t->answer, t->setup->target->host);
	return TALK_NEXT;
}

int64_t talk_step_ms(const struct talk *t, int64_t timeout_ms)
{
	int64_t left_ms = t->setup->until_ms - clock_mono_ms();

	return left_ms < timeout_ms ? left_ms : timeout_ms;
}

enum err talk_read_lines(struct talk *t, int64_t timeout_ms, void (*line)(void *arg, struct span text), void *arg)
{
	enum err e;

	t->note.text[0] = '\0';
	e = answer_read(t->link.stream, timeout_ms, &t->answer, line, arg, &t->note);
	if (e == ERR_STATE && t->note.text[0] == '\0')
		note_set(&t->note, "connection closed");
	return e;
}

enum err talk_read(struct talk *t, int64_t timeout_ms)
{
	return talk_read_lines(t, timeout_ms, NULL, NULL);
}

enum err talk_silent(struct talk *t)
{
	if (!stream_has_buffered(t->link.stream))
		return ERR_OK;
	note_set(&t->note, "an answer that nobody asked for");
	return ERR_SYNTAX;
}

enum err talk_send(struct talk *t, struct span text)
{
	return stream_write(t->link.stream, text, talk_step_ms(t, RELAY_BLOCK_MS), &t->note);
}

enum err talk_send_line(struct talk *t, const char *format, ...)
{
	struct buf line;
	va_list args;
	enum err e;

	buf_init(&line, STREAM_LINE_MAX * 4);
	va_start(args, format);
	buf_addv(&line, format, args);
	va_end(args);
	buf_add(&line, SPAN("\r\n"));
	e = line.failed ? ERR_LIMIT : talk_send(t, buf_span(&line));
	buf_clear(&line);
	return e;
}

enum err talk_command(struct talk *t, const char *text)
{
	enum err e = talk_silent(t);

	if (e == ERR_OK)
		e = talk_send_line(t, "%s", text);
	return e == ERR_OK ? talk_read(t, talk_step_ms(t, RELAY_COMMAND_MS)) : e;
}

void talk_tell(const struct talk *t, const char *step, enum probe_result result, bool reply, const char *format, ...)
{
	const struct talk_watch *watch = t->setup->watch;
	struct buf words;
	va_list args;

	if (!watch)
		return;
	buf_init(&words, TOLD_MAX);
	va_start(args, format);
	buf_addv(&words, format, args);
	va_end(args);
	watch->step(watch->arg, step, result, words.failed ? SPAN("") : buf_span(&words), reply ? span_make(t->answer.text, t->answer.text_len) : SPAN(""));
	buf_clear(&words);
}
