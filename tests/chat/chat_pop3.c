/* chat/chat_pop3.c: POP3 sessions over a real store in a temporary folder; one account, number 1.
 *
 *   set: tls        the peer speaks TLS           set: remote     the peer is not on loopback
 *   set: no-tls     STLS is not offered           set: binding    with TLS there is something to bind to
 *   set: full-disk  nothing can be removed        set: short-file a body file ends too early
 *   ASK: login USER PASSWORD                      ANS: ok | wrong | busy | suspended | protocol-off | refused | app-password
 *                                                      in-use | corrupt | failing   (a right one)
 *   ASK: scram-first MESSAGE   ASK: scram-plus-first MESSAGE   ASK: scram-final MESSAGE
 *                                                 ANS: says MESSAGE | malformed | one of those above
 *   CHECK: deliver TEXT      a message arrives in INBOX: "Subject: TEXT", an empty line, "TEXT"; its escapes are the message's
 *   CHECK: file N            one with a body of N lines that is a file, each of 62 octets and CRLF; it begins with a point
 *   CHECK: raw HEAD|BODY     one of just these octets        CHECK: raw PREFIX|HEAD|BODY
 *   CHECK: expunge UID       somebody removes that message
 *   CHECK: messages N        so many are in INBOX         CHECK: unseen N     so many of them without \Seen
 *   CHECK: exchanges N       so many of SCRAM were ended  CHECK: open | closed   the session has the account
 */
#include "tests/chat/chat.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/pop3/session.h"
#include "daemon/store/view.h"
#include "db/db.h"

struct world {
	char folder[256];
	struct store *store;
	struct pop3_service service;
	struct session_peer peer;
	bool no_tls, binding, open;
	enum err opens; /* what opening the account says; OK: as it comes */
	unsigned exchanges;
	struct pop3_session *session;
	struct mailstore *other; /* somebody else's handle */
};

static enum err account_open(void *ctx, uint64_t account_id, struct mailstore **out)
{
	struct world *w = ctx;
	enum err e = w->opens ? w->opens : store_open(w->store, account_id, out, NULL);

	w->open = !e;
	return e;
}

static void account_close(void *ctx, struct mailstore **m)
{
	((struct world *)ctx)->open = false;
	store_close(m);
}

static bool may_bind(void *ctx)
{
	const struct world *w = ctx;

	return w->binding && w->peer.tls;
}

static void scram_end(void *ctx)
{
	((struct world *)ctx)->exchanges++;
}

static enum err full_disk(struct drop *d, const uint8_t *bits)
{
	(void)d;
	(void)bits;
	return ERR_TEMP;
}

static enum err short_file(struct drop_body *b, uint64_t offset, size_t length, struct buf *out)
{
	return offset ? ERR_TEMP : drop_body_read(b, offset, length, out);
}

static void die(const char *what)
{
	fprintf(stderr, "chat_pop3: %s\n", what);
	exit(1);
}

static int64_t first_second(void)
{
	return INT64_C(1767225600000);
}

static int64_t mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const struct clock_source steady = { first_second, mono_us };

static void *world_new(void)
{
	static bool db_ready;
	struct world *w = calloc(1, sizeof *w);
	const char *tmp = getenv("TMPDIR");
	struct store_config config = { 0 };

	if (!w || (!db_ready && db_init()))
		die("no memory");
	db_ready = true;
	clock_set_source(&steady);
	snprintf(w->folder, sizeof w->folder, "%s/chat-pop3-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->folder))
		die("no temporary folder");
	config.accounts_dir = w->folder;
	config.max_open = 4;
	if (store_new(&config, &w->store, NULL) || store_open(w->store, 1, &w->other, NULL))
		die("no store");
	pop3_store_service(&w->service);
	w->service.account_open = account_open;
	w->service.account_close = account_close;
	w->service.may_bind = may_bind;
	w->service.scram_end = scram_end;
	w->peer.remote = (struct net_addr){ .family = NET_IPV4, .ip = { 127, 0, 0, 1 } };
	return w;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void world_close(void *world)
{
	struct world *w = world;

	pop3_session_free(&w->session);
}

static void world_free(void *world)
{
	struct world *w = world;

	pop3_session_free(&w->session);
	store_close(&w->other);
	store_free(&w->store);
	nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
}

static enum err set(void *world, struct span text)
{
	struct world *w = world;

	if (span_equals(text, SPAN("tls")))
		w->peer.tls = true;
	else if (span_equals(text, SPAN("remote")))
		w->peer.remote = (struct net_addr){ .family = NET_IPV4, .ip = { 192, 0, 2, 1 } };
	else if (span_equals(text, SPAN("binding")))
		w->binding = true;
	else if (span_equals(text, SPAN("no-tls")))
		w->no_tls = true;
	else if (span_equals(text, SPAN("full-disk")))
		w->service.drop_remove = full_disk;
	else if (span_equals(text, SPAN("short-file")))
		w->service.body_read = short_file;
	else
		return ERR_SYNTAX;
	return ERR_OK;
}

static enum err world_open(void *world)
{
	struct world *w = world;

	return pop3_session_new(&w->service, w, &w->peer, !w->no_tls, &w->session);
}

static enum step feed(void *world, struct span in, size_t *used_out, struct out *out)
{
	return pop3_session_feed(((struct world *)world)->session, in, used_out, out);
}

static enum step more(void *world, struct out *out)
{
	return pop3_session_more(((struct world *)world)->session, out);
}

static enum step event(void *world, enum session_event event, struct out *out)
{
	struct world *w = world;

	if (event == SESSION_TLS)
		w->peer.tls = true;
	return pop3_session_event(w->session, event, out);
}

static void question(void *world, struct buf *out)
{
	const struct pop3_ask *ask = &((struct world *)world)->session->ask;

	switch (ask->kind) {
	case POP3_ASK_PASSWORD:
		buf_add_str(out, "login ");
		buf_add(out, ask->login);
		buf_add_char(out, ' ');
		buf_add(out, ask->password);
		break;
	case POP3_ASK_SCRAM_FIRST:
		buf_add_str(out, ask->scram_plus ? "scram-plus-first " : "scram-first ");
		buf_add(out, ask->scram);
		break;
	case POP3_ASK_SCRAM_FINAL:
		buf_add_str(out, "scram-final ");
		buf_add(out, ask->scram);
		break;
	}
}

static enum err answer(void *world, struct span text, enum step *step_out, struct out *out)
{
	static const struct {
		const char *text;
		enum auth_verdict verdict;
		enum err opens;
	} verdicts[] = {
		{ "ok", AUTH_OK, ERR_OK },
		{ "default", AUTH_OK, ERR_OK },
		{ "in-use", AUTH_OK, ERR_EXISTS },
		{ "corrupt", AUTH_OK, ERR_CORRUPT },
		{ "failing", AUTH_OK, ERR_TEMP },
		{ "malformed", AUTH_OK, ERR_OK },
		{ "wrong", AUTH_WRONG, ERR_OK },
		{ "busy", AUTH_BUSY, ERR_OK },
		{ "suspended", AUTH_SUSPENDED, ERR_OK },
		{ "protocol-off", AUTH_PROTOCOL_OFF, ERR_OK },
		{ "refused", AUTH_REFUSED, ERR_OK },
		{ "app-password", AUTH_WANTS_APP_PASSWORD, ERR_OK },
	};
	struct world *w = world;
	struct pop3_answer a = { .result = { .verdict = AUTH_OK, .account_id = 1, .retry_after_ms = 250000 } };
	bool is_known = span_starts(text, SPAN("says "));

	if (is_known)
		a.text = span_skip(text, 5);
	for (size_t i = 0; !is_known && i < sizeof verdicts / sizeof *verdicts; i++) {
		is_known = span_equals(text, span_str(verdicts[i].text));
		if (is_known) {
			a.result.verdict = verdicts[i].verdict;
			w->opens = verdicts[i].opens;
		}
	}
	if (!is_known)
		return ERR_SYNTAX;
	if (span_equals(text, SPAN("malformed")))
		a.error = ERR_SYNTAX;
	if (a.result.verdict != AUTH_OK)
		a.error = ERR_DENIED;
	*step_out = pop3_session_answer(w->session, &a, out);
	return ERR_OK;
}

static enum err inbox(const struct world *w, struct mailbox_info *out)
{
	struct arena a;
	enum err e;

	arena_init(&a, 64 * 1024);
	e = mailbox_find(w->other, SPAN("INBOX"), &a, out);
	arena_clear(&a);
	return e;
}

static enum err file_message(const struct world *w, struct span prefix, struct span head, struct message_body body)
{
	const struct new_message message = {
		.prefix = prefix,
		.head = head,
		.body = body,
		.envelope = SPAN("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"),
		.body_structure = SPAN("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1)"),
		.body_text_structure = SPAN("(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1)"),
		.internal_ms = 1000,
	};
	struct append_result result;
	struct mailbox_info m;
	enum err e = inbox(w, &m);

	return e ? e : message_append(w->other, m.id, &message, &result);
}

static enum err deliver(const struct world *w, struct span text)
{
	char head[512], body[512];
	int n = snprintf(head, sizeof head, "Subject: %.*s\r\n\r\n", (int)text.len, text.ptr);
	int k = snprintf(body, sizeof body, "%.*s\r\n", (int)text.len, text.ptr);

	return file_message(w, SPAN(""), span_make(head, (size_t)n), (struct message_body){ .bytes = span_make(body, (size_t)k), .size = (uint64_t)k });
}

/* \r and \n stand for what they name. */
static struct span unescape(struct span text, char *to)
{
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		to[len] = text.ptr[i];
		if (text.ptr[i] == '\\' && i + 1 < text.len)
			to[len] = text.ptr[++i] == 'r' ? '\r' : '\n';
		len++;
	}
	return span_make(to, len);
}

static enum err raw(const struct world *w, struct span text)
{
	char room[1024];
	struct span prefix = SPAN(""), head;
	size_t at;

	if (text.len > sizeof room)
		return ERR_LIMIT;
	text = unescape(text, room);
	if (!span_split(&text, '|', &head))
		return ERR_SYNTAX;
	if (span_find_char(text, '|', &at)) {
		prefix = head;
		(void)span_split(&text, '|', &head);
	}
	return file_message(w, prefix, head, (struct message_body){ .bytes = text, .size = text.len });
}

/* Lines of 64 octets: ".<number>" and x. */
static enum err file(const struct world *w, uint64_t lines)
{
	struct arena a;
	const char *path = NULL;
	enum err e;
	FILE *f;

	arena_init(&a, 64 * 1024);
	e = message_body_path(w->other, &a, &path);
	f = e ? NULL : fopen(path, "wbx");
	for (uint64_t i = 0; f && i < lines; i++)
		fprintf(f, "%s%061llu\r\n", i % 2 ? "x" : ".", (unsigned long long)i);
	if (!f || fclose(f))
		e = ERR_TEMP;
	if (!e)
		e = file_message(w, SPAN(""), SPAN("Subject: a file\r\n\r\n"), (struct message_body){ .path = path, .size = lines * 64 });
	arena_clear(&a);
	return e;
}

static enum err expunge(const struct world *w, uint64_t uid)
{
	struct uid_range range = { (uint32_t)uid, (uint32_t)uid };
	struct uid_set set = { &range, 1 };
	struct view_flags_changed *changed;
	struct mailbox_info m;
	struct view *v = NULL;
	struct arena a;
	size_t count;
	enum err e = inbox(w, &m);

	arena_init(&a, 64 * 1024);
	if (!e)
		e = view_open(w->other, m.id, 0, &v);
	if (!e)
		e = view_store(v, &set, FLAGS_ADD, FLAG_DELETED, &a, &changed, &count);
	if (!e)
		e = view_expunge(v, NULL, NULL);
	view_close(&v);
	arena_clear(&a);
	return e;
}

static enum err compare(struct note *why, const char *what, uint64_t is, uint64_t wanted)
{
	note_set(why, "%s: %llu", what, (unsigned long long)is);
	return is == wanted ? ERR_OK : ERR_STATE;
}

static enum err check(void *world, struct span text, struct note *why)
{
	struct world *w = world;
	struct mailbox_info m;
	struct span what;
	uint64_t n;

	if (span_equals(text, SPAN("open")) || span_equals(text, SPAN("closed")))
		return w->open == span_equals(text, SPAN("open")) ? ERR_OK : ERR_STATE;
	if (!span_split(&text, ' ', &what))
		return ERR_SYNTAX;
	if (span_equals(what, SPAN("deliver")))
		return deliver(w, text);
	if (span_equals(what, SPAN("raw")))
		return raw(w, text);
	if (span_to_u64(text, 10000000, &n))
		return ERR_SYNTAX;
	if (span_equals(what, SPAN("file")))
		return file(w, n);
	if (span_equals(what, SPAN("expunge")))
		return expunge(w, n);
	if (span_equals(what, SPAN("exchanges")))
		return compare(why, "exchanges", w->exchanges, n);
	if (inbox(w, &m))
		return ERR_TEMP;
	if (span_equals(what, SPAN("messages")))
		return compare(why, "messages", m.messages, n);
	return span_equals(what, SPAN("unseen")) ? compare(why, "unseen", m.unseen, n) : ERR_SYNTAX;
}

const struct chat_protocol chat_pop3 = {
	.name = "pop3",
	.world_new = world_new,
	.world_free = world_free,
	.set = set,
	.open = world_open,
	.close = world_close,
	.feed = feed,
	.more = more,
	.event = event,
	.question = question,
	.answer = answer,
	.check = check,
};
