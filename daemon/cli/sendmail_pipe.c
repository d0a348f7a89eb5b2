/* cli/sendmail_pipe.c: a program speaks SMTP on our standard input: each command and its reply are passed on.
 *
 * Lines may end with LF alone here: the daemon takes CRLF only. The client leads in SMTP, so that one direction at a time is enough;
 * what is pipelined waits in the pipe.
 */
#include "daemon/cli/sendmail_pipe.h"

#include <stdio.h>
#include <sysexits.h>

#include "daemon/base/buf.h"
#include "daemon/net/stream.h"

#define TIMEOUT_MS 300000
#define LINE_MAX_BYTES 1000000

/* One reply, line by line. *code_out: its number. */
static enum err pass_reply(struct stream *s, unsigned *code_out, struct note *why)
{
	struct span line;
	uint64_t code = 0;
	enum err e;

	do {
		e = stream_read_line(s, TIMEOUT_MS, &line, why);
		if (e != ERR_OK)
			return e;
		printf("%.*s\r\n", (int)line.len, line.ptr);
		if (span_to_u64(span_take(line, 3), 999, &code) != ERR_OK)
			return ERR_TEMP;
	} while (line.len > 3 && line.ptr[3] == '-');
	fflush(stdout);
	*code_out = (unsigned)code;
	return ERR_OK;
}

/* False: standard input is over. The line is without its end. */
static bool read_line(struct buf *line)
{
	int c;

	buf_reset(line);
	while ((c = getc(stdin)) != EOF && c != '\n')
		buf_add_char(line, (char)c);
	if (line->len > 0 && line->ptr[line->len - 1] == '\r')
		line->len--;
	return c != EOF || line->len > 0;
}

static enum err pass_line(struct stream *s, struct span line, struct note *why)
{
	enum err e = stream_write(s, line, TIMEOUT_MS, why);

	return e == ERR_OK ? stream_write(s, SPAN("\r\n"), TIMEOUT_MS, why) : e;
}

/* To the line with a dot alone, which goes with it. ERR_STATE: standard input ended before it. */
static enum err pass_content(struct stream *s, struct buf *line, struct note *why)
{
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		if (!read_line(line))
			return ERR_STATE;
		e = line->failed ? ERR_LIMIT : pass_line(s, buf_span(line), why);
		if (span_equals(buf_span(line), SPAN(".")))
			return e;
	}
	return e;
}

/* The octets of BDAT (RFC 3030) as they are. */
static enum err pass_chunk(struct stream *s, struct span command, struct note *why)
{
	struct span rest = span_skip(command, 5), word;
	uint64_t left = 0;
	enum err e = ERR_OK;

	if (span_split(&rest, ' ', &word) && span_to_u64(word, INT64_MAX, &left) != ERR_OK)
		left = 0;
	while (left > 0 && e == ERR_OK) {
		char piece[8192];
		size_t got = fread(piece, 1, left < sizeof piece ? (size_t)left : sizeof piece, stdin);

		if (got == 0)
			return ERR_STATE;
		left -= got;
		e = stream_write(s, span_make(piece, got), TIMEOUT_MS, why);
	}
	return e;
}

static enum err pass_command(struct stream *s, struct buf *line, unsigned *code, struct note *why)
{
	bool data = span_iequals(span_trim(buf_span(line)), SPAN("DATA"));
	enum err e = line->failed ? ERR_LIMIT : pass_line(s, buf_span(line), why);

	if (e == ERR_OK && span_istarts(buf_span(line), SPAN("BDAT ")))
		e = pass_chunk(s, buf_span(line), why);
	if (e == ERR_OK)
		e = pass_reply(s, code, why);
	if (e == ERR_OK && data && *code == 354) {
		e = pass_content(s, line, why);
		if (e == ERR_OK)
			e = pass_reply(s, code, why);
	}
	return e;
}

int sendmail_pipe(const char *socket_path)
{
	struct note why = { "" };
	struct stream *s = NULL;
	struct buf line;
	unsigned code = 0;
	enum err e = stream_connect_unix(socket_path, &s, &why);

	if (e != ERR_OK) {
		/* The program on the other end reads SMTP. */
		printf("421 4.3.2 The mail service does not run, try again later\r\n");
		fprintf(stderr, "sendmail: %s\n", why.text);
		return EX_TEMPFAIL;
	}
	buf_init(&line, LINE_MAX_BYTES);
	e = pass_reply(s, &code, &why);
	while (e == ERR_OK && code != 221 && code != 421 && read_line(&line))
		e = pass_command(s, &line, &code, &why);
	if (e != ERR_OK && e != ERR_STATE)
		fprintf(stderr, "sendmail: %s\n", why.text);
	buf_clear(&line);
	stream_close(&s);
	return e == ERR_OK || e == ERR_STATE ? EX_OK : EX_TEMPFAIL;
}
