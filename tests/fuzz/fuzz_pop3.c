/* fuzz_pop3.c: POP3 sessions over a real store in a temporary folder. A broken invariant aborts.
 *
 * The first byte: bit 0 logged in at once, bit 1 TLS, bit 2 not on loopback; the second says how the rest, what one client sends, is cut into reads. Each message
 * that comes out has to end in its lone point: what is heard is read as a client reads it. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/bug.h"
#include "daemon/pop3/session.h"
#include "db/db.h"

#define INPUTS_PER_STORE 500
#define TURNS_MAX 100000
#define MESSAGES 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[256];
static struct store *store;
static struct mailstore *keeper;
static unsigned inputs;
static bool in_use;

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void world_end(void)
{
	store_close(&keeper);
	store_free(&store);
	if (folder[0])
		nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = 0;
}

static void file_message(unsigned number)
{
	static const char *const bodies[] = { ".\r\n..\r\n.x\r\n", "no end", "bare\n.\n\r.\r", "", "\r\n\r\n" };
	const char *body = bodies[number % 5];
	struct new_message message = {
		.prefix = number % 3 ? SPAN("") : SPAN("Return-Path: <j\xc3\xb6rg@example.org>\r\nDelivered-To: x@b\xc3\xbc.example\r\n"),
		.head = number % 4 ? number % 5 ? SPAN("Subject: x\r\n.y: z\r\n\r\n") : SPAN("To: \xc3\xbc <a@\xc3\xbc.example>, .\xc3\xbc:;\r\n.y: \xc3\xa4\r\n\r\n") : SPAN("A: b"),
		.body = { .bytes = span_str(body), .size = strlen(body) },
		.envelope = SPAN("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
		.body_structure = SPAN("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1)"),
		.body_text_structure = SPAN("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1)"),
	};
	struct append_result result;
	struct arena a;
	FILE *f = NULL;

	arena_init(&a, 4096);
	if (number == 3) {
		if (message_body_path(keeper, &a, &message.body.path) || !(f = fopen(message.body.path, "wx")))
			abort();
		for (int i = 0; i < 40000; i++)
			fputs(".x\r\n", f);
		message.body = (struct message_body){ .path = message.body.path, .size = 160000 };
		fclose(f);
	}
	if (message_append(keeper, 1, &message, &result))
		abort();
	arena_clear(&a);
}

static void world_begin(void)
{
	static bool once;
	struct store_config config = { .accounts_dir = folder, .max_open = 1 };

	if (!once) {
		if (db_init())
			abort();
		bug_set_hook(abort);
		atexit(world_end);
	}
	once = true;
	snprintf(folder, sizeof folder, "%s/fuzz-pop3-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder) || store_new(&config, &store, NULL) || store_open(store, 1, &keeper, NULL))
		abort();
	for (unsigned i = 0; i < MESSAGES; i++)
		file_message(i);
}

static enum err account_open(void *ctx, uint64_t account_id, struct mailstore **out)
{
	(void)ctx;
	if (in_use)
		abort();
	in_use = true;
	return store_open(store, account_id, out, NULL);
}

static void account_close(void *ctx, struct mailstore **m)
{
	(void)ctx;
	if (!in_use)
		abort();
	in_use = false;
	store_close(m);
}

static bool may_bind(void *ctx)
{
	return ((const struct session_peer *)ctx)->tls;
}

static void scram_end(void *ctx)
{
	(void)ctx;
}

/* Every line that is heard begins or is part of a reply; a reply is +OK, -ERR or a challenge. */
struct heard {
	char start[4]; /* of the present line */
	size_t length;
	bool after_cr;
};

static void hear(struct out *out, struct heard *h)
{
	char scratch[4096];
	struct span some;

	while ((some = out_peek(out, scratch, sizeof scratch)).len) {
		for (size_t i = 0; i < some.len; i++) {
			char c = some.ptr[i];

			if (h->length < sizeof h->start)
				h->start[h->length] = c;
			h->length++;
			if (c == '\n' && h->after_cr)
				h->length = 0;
			h->after_cr = c == '\r';
		}
		out_drop(out, some.len);
	}
	if (out->failed)
		abort();
}

static enum step answer(struct pop3_session *s, unsigned choice, struct out *out)
{
	static const enum auth_verdict verdicts[] = { AUTH_OK, AUTH_OK, AUTH_OK, AUTH_WRONG, AUTH_BUSY, AUTH_REFUSED };
	struct pop3_answer a = { .result = { .verdict = verdicts[choice % 6], .account_id = 1 }, .text = SPAN("r=abc") };

	if (a.result.verdict != AUTH_OK)
		a.error = choice & 8 ? ERR_SYNTAX : ERR_DENIED;
	return pop3_session_answer(s, &a, out);
}

static enum step settle(struct pop3_session *s, enum step step, unsigned choice, struct session_peer *peer, struct out *out, struct heard *h)
{
	for (unsigned turns = 0; step == STEP_WAIT || step == STEP_MORE || step == STEP_STARTTLS; turns++) {
		if (turns > TURNS_MAX)
			abort();
		hear(out, h);
		if (step == STEP_STARTTLS)
			peer->tls = true;
		step = step == STEP_WAIT ? answer(s, choice + turns, out) : step == STEP_MORE ? pop3_session_more(s, out)
											      : pop3_session_event(s, SESSION_TLS, out);
	}
	hear(out, h);
	return step;
}

static void talk(struct pop3_session *s, struct span in, unsigned cut, struct session_peer *peer)
{
	struct heard h = { .length = 0 };
	size_t have = 0;
	enum step step;
	struct out out;

	out_init(&out);
	step = settle(s, pop3_session_event(s, SESSION_START, &out), cut, peer, &out, &h);
	while (step == STEP_REPLY) {
		size_t used;

		step = settle(s, pop3_session_feed(s, span_take(in, have), &used, &out), cut, peer, &out, &h);
		if (used > have)
			abort();
		in = span_skip(in, used);
		have -= used;
		if (used)
			continue;
		if (have == in.len)
			break;
		have = have + cut < in.len ? have + cut : in.len;
	}
	if (step == STEP_REPLY && h.length) /* a line that was not ended */
		abort();
	(void)pop3_session_event(s, cut % 2 ? SESSION_EOF : SESSION_STOP, &out);
	out_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session_peer peer = { .remote = { .family = NET_IPV4, .ip = { 127, 0, 0, 1 } } };
	struct pop3_session *s = NULL;
	struct pop3_service service;
	struct buf text;

	if (size < 2)
		return 0;
	if (inputs++ % INPUTS_PER_STORE == 0) {
		world_end();
		world_begin();
	}
	pop3_store_service(&service);
	service.account_open = account_open;
	service.account_close = account_close;
	service.may_bind = may_bind;
	service.scram_end = scram_end;
	peer.tls = data[0] & 2;
	if (data[0] & 4)
		peer.remote.ip[0] = 192;
	buf_init(&text, 16u * 1024u * 1024u);
	if (data[0] & 1)
		buf_add_str(&text, "USER a\r\nPASS b\r\n");
	buf_add(&text, span_make((const char *)data + 2, size - 2));
	if (pop3_session_new(&service, &peer, &peer, true, &s))
		abort();
	talk(s, buf_span(&text), data[1] ? data[1] * 4u : 100000, &peer);
	pop3_session_free(&s);
	if (in_use)
		abort();
	buf_clear(&text);
	return 0;
}
