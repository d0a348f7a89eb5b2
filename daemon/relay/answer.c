/* relay/answer.c: see answer.h. What comes is hostile: lines, their number and the time have ceilings, and text that goes into
 * logs and reports is printable ASCII. */
#include "daemon/relay/answer.h"

#include <stdio.h>

#include "daemon/base/clock.h"

static void add_char(struct answer *a, char c)
{
	if (a->text_len < RELAY_REPLY_TEXT)
		a->text[a->text_len++] = c >= ' ' && c <= '~' ? c : '?';
}

static void add_text(struct answer *a, struct span text)
{
	for (size_t i = 0; i < text.len && a->text_len < RELAY_REPLY_TEXT; i++)
		add_char(a, text.ptr[i]);
}

static size_t digits(struct span s, size_t max)
{
	size_t count = 0;

	while (count < s.len && count < max && ascii_is_digit(s.ptr[count]))
		count++;
	return count;
}

/* status-code = class "." subject "." detail   (RFC 2034 section 4); the class is the code's first digit. */
static void read_status(struct answer *a, struct span text)
{
	size_t subject, detail, length;

	if (text.len < 5 || text.ptr[0] != (char)('0' + a->code / 100) || text.ptr[1] != '.')
		return;
	subject = digits(span_skip(text, 2), 3);
	length = 2 + subject;
	if (subject == 0 || length >= text.len || text.ptr[length] != '.')
		return;
	detail = digits(span_skip(text, length + 1), 3);
	length += 1 + detail;
	if (detail == 0 || (length < text.len && text.ptr[length] != ' '))
		return;
	memcpy(a->status, text.ptr, length);
	a->status[length] = '\0';
}

/* Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF */
static enum err read_code(struct span line, unsigned *code_out, bool *last_out, struct span *text_out)
{
	if (digits(line, 3) != 3 || line.ptr[0] < '2' || line.ptr[0] > '5')
		return ERR_SYNTAX;
	if (line.len > 3 && line.ptr[3] != ' ' && line.ptr[3] != '-')
		return ERR_SYNTAX;
	*code_out = (unsigned)(line.ptr[0] - '0') * 100 + (unsigned)(line.ptr[1] - '0') * 10 + (unsigned)(line.ptr[2] - '0');
	*last_out = line.len == 3 || line.ptr[3] == ' ';
	*text_out = span_skip(line, 4);
	return ERR_OK;
}

static enum err fail(enum err e, struct note *why, const char *text)
{
	note_set(why, "%s", text);
	return e;
}

enum err answer_read(struct stream *s, int64_t timeout_ms, struct answer *out, void (*line)(void *arg, struct span text), void *arg, struct note *why)
{
	int64_t until_ms = clock_mono_ms() + timeout_ms, left_ms;
	struct span bytes, text;
	bool last = false;
	unsigned code;
	enum err e;

	memset(out, 0, sizeof(*out));
	for (unsigned count = 0; !last; count++) {
		left_ms = until_ms - clock_mono_ms();
		if (count >= RELAY_MAX_REPLY_LINES)
			return fail(ERR_LIMIT, why, "the reply has no end");
		if (left_ms <= 0)
			return fail(ERR_TEMP, why, "no reply in time");
		e = stream_read_line(s, left_ms, &bytes, why);
		if (e != ERR_OK)
			return e;
		e = read_code(bytes, &code, &last, &text);
		if (e != ERR_OK || (count > 0 && code != out->code))
			return fail(ERR_SYNTAX, why, "the reply is not SMTP");
		if (count == 0) {
			out->code = code;
			out->text_len = (size_t)snprintf(out->text, sizeof(out->text), "%u ", code);
			read_status(out, text);
		} else {
			add_text(out, SPAN(" / "));
		}
		add_text(out, text);
		if (line)
			line(arg, text);
	}
	while (out->text_len > 0 && out->text[out->text_len - 1] == ' ')
		out->text_len--;
	out->text[out->text_len] = '\0';
	return ERR_OK;
}
