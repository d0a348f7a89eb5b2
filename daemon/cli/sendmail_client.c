/* cli/sendmail_client.c: SMTP over submit.sock, from the client's side. */
#include "daemon/cli/sendmail_client.h"

#include <stdio.h>

#define TIMEOUT_MS 300000 /* RFC 5321 4.5.3.2 */

static void add_words(struct sendmail_client *c, struct span line)
{
	size_t have = strlen(c->words);

	snprintf(c->words + have, sizeof c->words - have, "%s%.*s", have > 0 ? " " : "", (int)line.len, line.ptr);
}

static void keep_text(struct span text, char *out, size_t room)
{
	snprintf(out, room, "%.*s", (int)text.len, text.ptr);
}

/* What EHLO says that we use: the name, and XLOCAL. */
static void read_offer(struct sendmail_client *c, struct span line, bool first)
{
	struct span word;

	if (first && span_split(&line, ' ', &word)) {
		keep_text(word, c->hostname, sizeof c->hostname);
	} else if (span_istarts(line, SPAN("XLOCAL "))) {
		line = span_skip(line, 7);
		if (span_split(&line, ' ', &word))
			keep_text(word, c->sender, sizeof c->sender);
		if (span_split(&line, ' ', &word))
			keep_text(word, c->origin, sizeof c->origin);
	}
}

static enum err read_reply(struct sendmail_client *c, bool offer, struct note *why)
{
	struct span line;
	uint64_t code = 0;
	bool last = false;
	enum err e = ERR_OK;

	c->words[0] = '\0';
	for (bool first = true; e == ERR_OK && !last; first = false) {
		e = stream_read_line(c->stream, TIMEOUT_MS, &line, why);
		if (e != ERR_OK)
			break;
		if (line.len < 3 || span_to_u64(span_take(line, 3), 599, &code) != ERR_OK) {
			note_set(why, "not an SMTP reply");
			return ERR_TEMP;
		}
		last = line.len == 3 || line.ptr[3] != '-';
		line = span_skip(line, 4);
		if (offer)
			read_offer(c, line, first);
		add_words(c, line);
	}
	c->code = (int)code;
	return e == ERR_OK ? ERR_OK : ERR_TEMP;
}

enum err sendmail_client_ask(struct sendmail_client *c, struct span command, struct note *why)
{
	enum err e = stream_write(c->stream, command, TIMEOUT_MS, why);

	if (e == ERR_OK)
		e = stream_write(c->stream, SPAN("\r\n"), TIMEOUT_MS, why);
	return e == ERR_OK ? read_reply(c, span_istarts(command, SPAN("EHLO")), why) : ERR_TEMP;
}

enum err sendmail_client_open(struct sendmail_client *c, const char *socket_path, struct note *why)
{
	enum err e;

	*c = (struct sendmail_client){ .code = 0 };
	e = stream_connect_unix(socket_path, &c->stream, why);
	if (e == ERR_OK)
		e = read_reply(c, false, why);
	if (e == ERR_OK && c->code == 220)
		e = sendmail_client_ask(c, SPAN("EHLO localhost"), why);
	if (e == ERR_OK && c->code != 250) {
		note_set(why, "%s", c->words);
		e = ERR_TEMP;
	}
	c->home = (struct sendmail_home){ span_str(c->hostname), span_str(c->sender), span_str(c->origin) };
	return e;
}

void sendmail_client_close(struct sendmail_client *c)
{
	stream_close(&c->stream);
}

/* Lines that begin with a dot get another (RFC 5321 4.5.2). */
static enum err send_lines(struct sendmail_client *c, struct span text, struct note *why)
{
	enum err e = ERR_OK;

	while (text.len > 0 && e == ERR_OK) {
		size_t at;
		struct span line = span_find_char(text, '\n', &at) ? span_take(text, at + 1) : text;

		if (line.ptr[0] == '.')
			e = stream_write(c->stream, SPAN("."), TIMEOUT_MS, why);
		if (e == ERR_OK)
			e = stream_write(c->stream, line, TIMEOUT_MS, why);
		text = span_skip(text, line.len);
	}
	return e;
}

enum err sendmail_client_send(struct sendmail_client *c, struct span header, struct span body, struct note *why)
{
	enum err e = send_lines(c, header, why);

	if (e == ERR_OK)
		e = send_lines(c, body, why);
	if (e == ERR_OK)
		e = stream_write(c->stream, SPAN(".\r\n"), TIMEOUT_MS, why);
	/* A refusal in the middle closes the connection: its words are still there to be read. */
	return e == ERR_OK || e == ERR_TEMP ? read_reply(c, false, why) : e;
}
