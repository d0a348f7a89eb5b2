/* bench/pop3.c: POP3: every message of a maildrop fetched, with the commands sent ahead. */
#include <stdio.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "tests/bench/client.h"

#define AHEAD 200u /* commands under way: few enough that both sides' buffers hold them */

static bool is_ok(struct wire *w, struct span *line)
{
	return wire_line(w, line) && span_starts(*line, SPAN("+OK"));
}

static struct wire *login(const struct load *l)
{
	struct wire *w = wire_open(l->port, l->tls);
	struct span line;
	bool ok = w && is_ok(w, &line) && wire_sendf(w, "USER u%u@%s\r\n", l->account, l->domain) && is_ok(w, &line) && wire_sendf(w, "PASS %s\r\n", l->password) && is_ok(w, &line);

	if (w && !ok)
		wire_close(&w);
	return w;
}

/* "+OK <number> ...": the number. */
static bool number_behind(struct span line, uint64_t *out)
{
	struct span first;

	line = span_skip(line, 4);
	return span_split(&line, ' ', &first) && span_to_u64(first, UINT32_MAX, out) == ERR_OK;
}

static bool count_messages(struct wire *w, uint64_t *out)
{
	struct span line;

	return wire_sendf(w, "STAT\r\n") && is_ok(w, &line) && number_behind(line, out);
}

/* The texts hold no line that begins with a point: what is announced is what comes. */
static bool take_message(struct wire *w)
{
	struct span line;
	uint64_t size;

	return is_ok(w, &line) && number_behind(line, &size) && wire_skip(w, size) && wire_line(w, &line) && span_equals(line, SPAN("."));
}

static bool fetch(struct wire *w, uint64_t count)
{
	uint64_t sent = 0, taken = 0;
	struct buf commands;
	bool ok = true;

	buf_init(&commands, 64u * 1024u);
	while (ok && taken < count) {
		buf_reset(&commands);
		while (sent < count && sent - taken < AHEAD)
			buf_addf(&commands, "RETR %llu\r\n", (unsigned long long)++sent);
		ok = !commands.len || wire_send(w, buf_span(&commands));
		for (uint64_t until = taken + AHEAD / 2; ok && taken < sent && taken < until; taken++)
			ok = take_message(w);
	}
	buf_clear(&commands);
	return ok;
}

bool load_retr(const struct load *l)
{
	struct wire *w = login(l);
	uint64_t count, before;
	int64_t began_us;
	double ms;
	bool ok = w && count_messages(w, &count);

	if (!ok) {
		wire_close(&w);
		return false;
	}
	before = wire_received(w);
	began_us = clock_mono_us();
	ok = fetch(w, count);
	ms = (double)(clock_mono_us() - began_us + 1) / 1000.0;
	printf("{\"messages\": %llu, \"ms\": %.3f, \"per_s\": %.1f, \"mb_per_s\": %.1f}\n", (unsigned long long)count, ms, (double)count * 1000.0 / ms, (double)(wire_received(w) - before) / ms / 1000.0);
	(void)wire_sendf(w, "QUIT\r\n");
	wire_close(&w);
	return ok;
}
