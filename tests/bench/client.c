/* bench/client.c: the client's side of SMTP and IMAP, as much as a load generator needs. */
#include "tests/bench/client.h"

#include <stdio.h>
#include <stdlib.h>

unsigned client_smtp_reply(struct wire *w, bool *pipelining_out)
{
	struct span line;
	uint64_t code;

	do {
		if (!wire_line(w, &line) || line.len < 3 || span_to_u64(span_take(line, 3), 999, &code) != ERR_OK)
			return 0;
		if (pipelining_out && span_equals(span_skip(line, 4), SPAN("PIPELINING")))
			*pipelining_out = true;
	} while (line.len > 3 && line.ptr[3] == '-');
	return (unsigned)code;
}

/* The size of the literal that a line announces at its end. */
static bool announces_literal(struct span line, size_t *size_out)
{
	size_t at = line.len;
	uint64_t size;

	if (line.len < 3 || line.ptr[line.len - 1] != '}')
		return false;
	while (at > 0 && line.ptr[at - 1] != '{')
		at--;
	if (at == 0 || span_to_u64(span_make(line.ptr + at, line.len - at - 1), UINT32_MAX, &size) != ERR_OK)
		return false;
	*size_out = size;
	return true;
}

bool client_imap_finish(struct wire *w, const char *tag)
{
	struct span line, name = span_str(tag);
	size_t size;

	while (wire_line(w, &line)) {
		if (span_starts(line, name) && line.len > name.len && line.ptr[name.len] == ' ')
			return span_istarts(span_skip(line, name.len + 1), SPAN("OK"));
		if (announces_literal(line, &size) && !wire_skip(w, size))
			return false;
	}
	return false;
}

bool client_imap_run(struct wire *w, const char *command)
{
	return wire_sendf(w, "b7 %s\r\n", command) && client_imap_finish(w, "b7");
}

struct wire *client_imap_login(const struct load *l, unsigned port, bool tls, unsigned user)
{
	struct wire *w = wire_open(port, tls);
	struct span greeting;

	if (w && (!wire_line(w, &greeting) || !wire_sendf(w, "b7 LOGIN u%u@%s %s\r\n", user, l->domain, l->password) || !client_imap_finish(w, "b7")))
		wire_close(&w);
	return w;
}

bool client_imap_count(struct wire *w, size_t *out)
{
	struct span line;
	size_t at;
	uint64_t count = 0;
	bool known = false;

	if (!wire_sendf(w, "b7 STATUS INBOX (MESSAGES)\r\n"))
		return false;
	while (wire_line(w, &line)) {
		if (span_starts(line, SPAN("b7 "))) {
			*out = count;
			return known;
		}
		if (span_starts(line, SPAN("* STATUS")) && span_find(line, SPAN("MESSAGES "), &at)) {
			struct span number = span_skip(line, at + 9);

			known = span_find_char(number, ')', &at) && span_to_u64(span_take(number, at), UINT32_MAX, &count) == ERR_OK;
		}
	}
	return false;
}

bool samples_init(struct samples *s, size_t max)
{
	*s = (struct samples){ .us = calloc(max ? max : 1, sizeof(uint32_t)), .max = max };
	return s->us;
}

void samples_clear(struct samples *s)
{
	free(s->us);
	*s = (struct samples){ 0 };
}

void samples_add(struct samples *s, int64_t us)
{
	if (s->count < s->max)
		s->us[s->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void samples_join(struct samples *to, const struct samples *from)
{
	for (size_t i = 0; i < from->count; i++)
		samples_add(to, from->us[i]);
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

double samples_at(struct samples *s, double quantile)
{
	if (s->count == 0)
		return 0;
	qsort(s->us, s->count, sizeof(*s->us), by_time);
	return s->us[(size_t)(quantile * (double)(s->count - 1) + 0.5)] / 1000.0;
}
