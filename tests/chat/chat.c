/* chat/chat.c: runs .chat files against a protocol's session and prints `ok NAME` or `not ok NAME` for each file and mode. The format is in chat.h.
 *
 * Input that the session did not use stays in `pending` and comes again with more behind it, as the pool does it.
 */
#include "tests/chat/chat.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/bug.h"
#include "daemon/base/log.h"
#include "tests/chat/pattern.h"

#define FILE_MAX (4u * 1024u * 1024u)
#define INPUT_MAX (64u * 1024u * 1024u)
#define MORE_MAX 100000 /* turns of STEP_MORE without an end: a loop */

enum mode { MODE_WHOLE,
	    MODE_BYTES,
	    MODE_PIPELINED,
	    MODE_COUNT };
static const char *const mode_names[MODE_COUNT] = { "whole", "bytes", "pipelined" };

static const struct chat_protocol *const protocols[] = {
	&chat_smtp,
	&chat_imap,
	&chat_pop3,
};

struct run {
	const struct chat_protocol *protocol;
	void *world;
	enum mode mode;
	const char *folder;
	bool open;
	enum step step;
	struct buf pending; /* sent; the session has used the first `used` bytes */
	size_t used;
	struct buf heard; /* said by the session; the first `expected` bytes were expected */
	size_t expected;
	struct buf queued; /* C: lines of this piece, not yet sent */
	struct out out;
	unsigned line;
	struct note fault;
};

static void fail(struct run *r, const char *what, struct span text)
{
	if (r->fault.text[0] == '\0')
		note_set(&r->fault, "line %u: %s '%.*s'", r->line, what, (int)(text.len > 120 ? 120 : text.len), text.ptr ? text.ptr : "");
}

static bool failed(const struct run *r)
{
	return r->fault.text[0] != '\0';
}

static void collect(struct run *r)
{
	char scratch[4096];
	struct span s;

	while ((s = out_peek(&r->out, scratch, sizeof(scratch))).len > 0) {
		buf_add(&r->heard, s);
		out_drop(&r->out, s.len);
	}
	if (r->out.failed || r->heard.failed)
		fail(r, "output failed", SPAN(""));
}

static void answer(struct run *r, struct span text)
{
	if (r->protocol->answer(r->world, text, &r->step, &r->out) != ERR_OK)
		fail(r, "no such answer", text);
	collect(r);
}

static void drop_pending(struct run *r)
{
	buf_reset(&r->pending);
	r->used = 0;
}

/* As far as the session goes with what it has. */
static void pump(struct run *r)
{
	unsigned turns = 0;

	while (!failed(r)) {
		size_t used = 0;

		collect(r);
		if (r->step == STEP_MORE) {
			if (++turns > MORE_MAX || !r->protocol->more) {
				fail(r, "endless output", SPAN(""));
				return;
			}
			r->step = r->protocol->more(r->world, &r->out);
			continue;
		}
		if (r->step == STEP_STARTTLS || r->step == STEP_CLOSE) {
			drop_pending(r);
			return;
		}
		if (r->used == r->pending.len)
			drop_pending(r);
		if (r->step == STEP_WAIT || r->pending.len == 0)
			return;
		r->step = r->protocol->feed(r->world, span_skip(buf_span(&r->pending), r->used), &used, &r->out);
		if (used > r->pending.len - r->used) {
			fail(r, "used more than there was", SPAN(""));
			return;
		}
		r->used += used;
		collect(r);
		if (used == 0 && (r->step == STEP_REPLY || r->step == STEP_BODY))
			return;
	}
}

/* No ASK line stands for the question: a friendly world answers. */
static void settle(struct run *r)
{
	while (!failed(r) && r->step == STEP_WAIT) {
		answer(r, SPAN("default"));
		pump(r);
	}
}

static void send_queued(struct run *r)
{
	size_t count = r->queued.len;

	if (r->mode == MODE_BYTES) {
		for (size_t i = 0; i < count && !failed(r); i++) {
			buf_add(&r->pending, span_make(r->queued.ptr + i, 1));
			pump(r);
		}
	} else if (count > 0) {
		buf_add(&r->pending, buf_span(&r->queued));
		pump(r);
	}
	if (r->pending.failed || r->queued.failed)
		fail(r, "input too large", SPAN(""));
	buf_reset(&r->queued);
}

static bool matches_regex(struct run *r, struct span pattern, struct span line)
{
	struct buf expression, text;
	regex_t re;
	bool same = false;

	buf_init(&expression, 8192);
	buf_init(&text, 1024u * 1024u);
	buf_addf(&expression, "^(%.*s)$", (int)pattern.len, pattern.ptr);
	buf_add(&text, line);
	if (regcomp(&re, buf_cstr(&expression), REG_EXTENDED | REG_NOSUB) == 0) {
		same = regexec(&re, buf_cstr(&text), 0, NULL, 0) == 0;
		regfree(&re);
	} else {
		fail(r, "bad expression", pattern);
	}
	buf_clear(&expression);
	buf_clear(&text);
	return same;
}

static bool heard_line(const struct run *r, struct span *out)
{
	size_t at;

	struct span rest = span_skip(buf_span(&r->heard), r->expected);

	if (!span_find(rest, SPAN("\r\n"), &at))
		return false;
	*out = span_take(rest, at);
	return true;
}

static void expect(struct run *r, struct span pattern, bool regex, bool skip)
{
	struct span line;

	for (;;) {
		bool same;

		if (!heard_line(r, &line)) {
			fail(r, "nothing more was said; expected", pattern);
			return;
		}
		same = regex ? matches_regex(r, pattern, line) : chat_matches(pattern, line);
		if (!same && !skip) {
			fail(r, "heard otherwise:", line);
			return;
		}
		r->expected += line.len + 2;
		if (r->expected == r->heard.len) {
			buf_reset(&r->heard);
			r->expected = 0;
		}
		if (same)
			return;
	}
}

static void expect_silence(struct run *r)
{
	if (r->heard.len > r->expected)
		fail(r, "was not expected:", span_skip(buf_span(&r->heard), r->expected));
}

static void event(struct run *r, enum session_event which)
{
	r->step = r->protocol->event(r->world, which, &r->out);
	pump(r);
}

static void start(struct run *r)
{
	if (r->open)
		return;
	if (r->protocol->open(r->world) != ERR_OK) {
		fail(r, "session does not open", SPAN(""));
		return;
	}
	r->open = true;
	r->step = STEP_REPLY;
	drop_pending(r);
	event(r, SESSION_START);
}

static void do_event(struct run *r, struct span name)
{
	static const struct {
		struct span name;
		enum session_event event;
	} events[] = {
		{ { "stop", 4 }, SESSION_STOP },
		{ { "timeout", 7 }, SESSION_TIMEOUT },
		{ { "wake", 4 }, SESSION_WAKE },
		{ { "nudge", 5 }, SESSION_NUDGE },
		{ { "eof", 3 }, SESSION_EOF },
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (span_equals(name, events[i].name)) {
			event(r, events[i].event);
			return;
		}
	}
	fail(r, "no such event", name);
}

static void do_file(struct run *r, struct span name)
{
	struct buf path;
	char block[65536];
	size_t count;
	FILE *f;

	buf_init(&path, 4096);
	buf_addf(&path, "%s/%.*s", r->folder, (int)name.len, name.ptr);
	f = fopen(buf_cstr(&path), "rb");
	if (!f)
		fail(r, "can't read", name);
	while (f && (count = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&r->queued, span_make(block, count));
	if (f)
		fclose(f);
	buf_clear(&path);
}

/* Behind the key: "*3" and what ends it. */
static uint64_t take_count(struct run *r, struct span *rest)
{
	uint64_t count = 0;
	size_t digits = 0;

	if (rest->len == 0 || rest->ptr[0] != '*')
		return 1;
	*rest = span_skip(*rest, 1);
	while (digits < rest->len && ascii_is_digit(rest->ptr[digits]))
		digits++;
	if (span_to_u64(span_take(*rest, digits), INPUT_MAX, &count) != ERR_OK)
		fail(r, "bad count", *rest);
	*rest = span_skip(*rest, digits);
	return count;
}

static struct span text_behind(struct span rest)
{
	if (rest.len > 0 && rest.ptr[0] == ':')
		rest = span_skip(rest, 1);
	if (rest.len > 0 && rest.ptr[0] == ' ')
		rest = span_skip(rest, 1);
	return rest;
}

static void do_send(struct run *r, struct span rest)
{
	bool crlf = true;
	struct buf text;
	uint64_t count;

	if (rest.len > 0 && rest.ptr[0] == '!') {
		crlf = false;
		rest = span_skip(rest, 1);
	}
	count = take_count(r, &rest);
	rest = text_behind(rest);
	buf_init(&text, FILE_MAX);
	while (rest.len > 0)
		buf_add_char(&text, chat_unescape(&rest));
	if (crlf)
		buf_add(&text, SPAN("\r\n"));
	while (count-- > 0)
		buf_add(&r->queued, buf_span(&text));
	buf_clear(&text);
}

static void do_expect(struct run *r, struct span rest)
{
	bool regex = false, skip = false;
	uint64_t count;

	if (span_starts(rest, SPAN("..."))) {
		skip = true;
		rest = span_skip(rest, 3);
	}
	if (rest.len > 0 && rest.ptr[0] == '~') {
		regex = true;
		rest = span_skip(rest, 1);
	}
	count = take_count(r, &rest);
	rest = text_behind(rest);
	while (count-- > 0 && !failed(r))
		expect(r, rest, regex, skip);
}

static void do_ask(struct run *r, struct span pattern)
{
	struct buf question;

	buf_init(&question, 65536);
	if (r->step != STEP_WAIT) {
		fail(r, "not parked; expected the question", pattern);
	} else {
		r->protocol->question(r->world, &question);
		if (!chat_matches(pattern, buf_span(&question)))
			fail(r, "asks otherwise:", buf_span(&question));
	}
	buf_clear(&question);
}

static void do_answer(struct run *r, struct span text)
{
	if (r->step != STEP_WAIT) {
		fail(r, "not parked; can't answer", text);
		return;
	}
	answer(r, text);
	pump(r);
}

static void do_tls(struct run *r, struct span text)
{
	(void)text;
	if (r->step != STEP_STARTTLS) {
		fail(r, "no handshake was asked for", SPAN(""));
		return;
	}
	event(r, SESSION_TLS);
}

static void do_closed(struct run *r, struct span text)
{
	(void)text;
	if (r->step != STEP_CLOSE)
		fail(r, "not closed", SPAN(""));
	expect_silence(r);
}

static void do_new(struct run *r, struct span text)
{
	(void)text;
	expect_silence(r);
	r->protocol->close(r->world);
	r->open = false;
	start(r);
}

static void do_check(struct run *r, struct span text)
{
	struct note why = { "" };

	if (r->protocol->check(r->world, text, &why) != ERR_OK)
		fail(r, why.text[0] ? why.text : "not so:", text);
}

static void do_set(struct run *r, struct span text)
{
	if (r->open || r->protocol->set(r->world, text) != ERR_OK)
		fail(r, "can't set", text);
}

static void do_modes(struct run *r, struct span text)
{
	(void)r;
	(void)text;
}

static const struct keyword {
	struct span name;
	bool opens, asks;
	void (*run)(struct run *r, struct span text);
} keywords[] = {
	{ { "modes:", 6 }, false, false, do_modes },
	{ { "set:", 4 }, false, false, do_set },
	{ { "ASK:", 4 }, true, true, do_ask },
	{ { "ANS:", 4 }, true, true, do_answer },
	{ { "TLS:", 4 }, true, false, do_tls },
	{ { "CLOSED:", 7 }, true, false, do_closed },
	{ { "EVENT:", 6 }, true, false, do_event },
	{ { "CHECK:", 6 }, true, false, do_check },
	{ { "NEW:", 4 }, true, false, do_new },
};

static void run_keyword(struct run *r, struct span line)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const struct keyword *k = &keywords[i];

		if (!span_starts(line, k->name))
			continue;
		if (k->opens)
			start(r);
		send_queued(r);
		if (k->opens && !k->asks)
			settle(r);
		if (!failed(r))
			k->run(r, span_trim(span_skip(line, k->name.len)));
		return;
	}
	fail(r, "no such line", line);
}

/* The S: lines of a pipelined piece wait until its C: lines were sent. */
static void run_held(struct run *r, struct buf *held)
{
	struct span rest = buf_span(held), line;

	if (held->len == 0)
		return;
	send_queued(r);
	settle(r);
	while (!failed(r) && span_split(&rest, '\n', &line)) {
		if (line.len > 0)
			do_expect(r, span_skip(line, 1));
	}
	buf_reset(held);
}

static bool starts_with_any(struct span line, const char *const *words)
{
	for (; *words; words++) {
		if (span_starts(line, span_str(*words)))
			return true;
	}
	return false;
}

static void run_send(struct run *r, struct span line)
{
	start(r);
	if (r->mode != MODE_PIPELINED && r->queued.len == 0)
		expect_silence(r);
	if (span_starts(line, SPAN("FILE:")))
		do_file(r, span_trim(span_skip(line, 5)));
	else
		do_send(r, span_skip(line, 1));
}

static void run_expect(struct run *r, struct span line, struct buf *held)
{
	start(r);
	if (r->mode == MODE_PIPELINED) {
		buf_add(held, line);
		buf_add_char(held, '\n');
		return;
	}
	send_queued(r);
	settle(r);
	if (!failed(r))
		do_expect(r, span_skip(line, 1));
}

static void run_line(struct run *r, struct span line, struct buf *held)
{
	static const char *const sends[] = { "C:", "C!", "C*", "FILE:", NULL };
	static const char *const expects[] = { "S:", "S~", "S*", "S...", NULL };
	static const char *const asks[] = { "ASK:", "ANS:", NULL };

	if (line.len == 0 || line.ptr[0] == '#')
		return;
	if (starts_with_any(line, sends)) {
		run_send(r, line);
	} else if (starts_with_any(line, expects)) {
		run_expect(r, line, held);
	} else {
		/* The question must still be open at its ASK line, so what was said before it is compared behind it. */
		if (!starts_with_any(line, asks))
			run_held(r, held);
		run_keyword(r, line);
	}
}

static void run_file(struct run *r, struct span text)
{
	struct span line;
	struct buf held;

	buf_init(&held, FILE_MAX);
	while (!failed(r) && span_split(&text, '\n', &line)) {
		r->line++;
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		run_line(r, line, &held);
	}
	if (!failed(r))
		run_held(r, &held);
	send_queued(r);
	settle(r);
	if (!failed(r))
		expect_silence(r);
	buf_clear(&held);
}

static bool has_mode(struct span text, enum mode mode)
{
	struct span line, word;

	while (span_split(&text, '\n', &line)) {
		if (!span_starts(line, SPAN("modes:")))
			continue;
		line = span_skip(line, 6);
		while (span_split(&line, ' ', &word)) {
			if (span_equals(span_trim(word), span_str(mode_names[mode])))
				return true;
		}
		return false;
	}
	return mode != MODE_PIPELINED;
}

static bool run_mode(const struct chat_protocol *protocol, const char *folder, struct span text, enum mode mode, struct note *why)
{
	struct run r = { .protocol = protocol, .mode = mode, .folder = folder };

	buf_init(&r.pending, INPUT_MAX);
	buf_init(&r.heard, INPUT_MAX);
	buf_init(&r.queued, INPUT_MAX);
	out_init(&r.out);
	r.world = protocol->world_new();
	run_file(&r, text);
	if (r.open)
		protocol->close(r.world);
	protocol->world_free(r.world);
	out_clear(&r.out);
	buf_clear(&r.pending);
	buf_clear(&r.heard);
	buf_clear(&r.queued);
	*why = r.fault;
	return !failed(&r);
}

static bool read_text(const char *path, struct buf *out)
{
	char block[65536];
	FILE *f = fopen(path, "rb");
	size_t count;

	if (!f)
		return false;
	while ((count = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(out, span_make(block, count));
	fclose(f);
	return !out->failed;
}

/* ".../imap/fetch.chat": the folder, and the protocol named like its last part. */
static const struct chat_protocol *find_protocol(const char *path, char *folder, size_t folder_size)
{
	const char *slash = strrchr(path, '/');
	struct span name;

	if (!slash || (size_t)(slash - path) >= folder_size)
		return NULL;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	name = span_str(strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder);
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (span_equals(name, span_str(protocols[i]->name)))
			return protocols[i];
	}
	return NULL;
}

static unsigned run_path(const char *path, unsigned *number)
{
	char folder[4096] = "";
	const struct chat_protocol *protocol = find_protocol(path, folder, sizeof(folder));
	unsigned failures = 0, ran = 0;
	struct buf text;

	buf_init(&text, FILE_MAX);
	if (!protocol || !read_text(path, &text)) {
		++*number;
		printf("not ok %s\n# can't be read, or no protocol of that name\n", path);
		buf_clear(&text);
		return 1;
	}
	for (enum mode mode = MODE_WHOLE; mode < MODE_COUNT; mode++) {
		struct note why;
		bool good;

		if (!has_mode(buf_span(&text), mode))
			continue;
		good = run_mode(protocol, folder, buf_span(&text), mode, &why);
		++*number;
		printf("%sok %s (%s)\n", good ? "" : "not ", path, mode_names[mode]);
		if (!good)
			printf("# %s\n", why.text);
		failures += !good;
		ran++;
	}
	if (ran == 0) {
		++*number;
		printf("not ok %s\n# no mode to run it in\n", path);
		failures++;
	}
	buf_clear(&text);
	return failures;
}

int main(int argc, char **argv)
{
	unsigned number = 0, failures = 0;

	bug_set_hook(abort);
	log_set_level(LOG_ERROR);
	for (int i = 1; i < argc; i++)
		failures += run_path(argv[i], &number);
	return failures == 0 && number > 0 ? 0 : 1;
}
