/* fuzz_imap.c: IMAP sessions over a real store in a temporary folder; the store is made anew now and then. A broken invariant aborts.
 *
 * The first byte chooses: either the rest is what one client sends, cut into reads, before or after login; or it is a stream of choices from which
 * three clients of one account get plausible commands by turns, and each command has to end in exactly one tagged reply. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/bug.h"
#include "daemon/imap/store_service.h"
#include "db/db.h"
#include "tests/fuzz/imap_grammar.h"

#define INPUTS_PER_STORE 2000
#define TURNS_MAX 100000
#define CLIENTS 3
#define COMMANDS_MAX 200
#define REPLY_MAX (64u * 1024u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[256];
static struct store *store;
static unsigned inputs;

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void world_end(void)
{
	store_free(&store);
	if (folder[0])
		nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = 0;
}

static enum err account_open(void *ctx, uint64_t account_id, struct imap_account *out)
{
	(void)ctx;
	*out = (struct imap_account){ .store = NULL };
	return store_open(store, account_id, &out->store, NULL);
}

static void account_close(void *ctx, struct mailstore **m)
{
	(void)ctx;
	store_close(m);
}

static void changed(void *arg)
{
	(void)arg;
}

static void watch(void *ctx, struct mailstore *m, uint64_t mailbox_id, struct store_watch *w)
{
	*w = (struct store_watch){ .mailbox_id = mailbox_id, .changed = changed, .arg = ctx };
	store_watch_add(m, w);
}

static void unwatch(void *ctx, struct mailstore *m, struct store_watch *w)
{
	(void)ctx;
	store_watch_remove(m, w);
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
	snprintf(folder, sizeof folder, "%s/fuzz-imap-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder) || store_new(&config, &store, NULL))
		abort();
}

static void drain(struct out *out)
{
	char scratch[4096];
	struct span s;

	while ((s = out_peek(out, scratch, sizeof scratch)).len)
		out_drop(out, s.len);
}

/* As the pool would, until the session wants input or ends. */
static enum step settle(struct imap_session *s, enum step step, struct out *out)
{
	static const struct imap_answer right = { .result = { .verdict = AUTH_OK, .account_id = 1 }, .text = SPAN("v=AAAA") };

	for (unsigned turns = 0; step == STEP_MORE || step == STEP_WAIT; turns++) {
		drain(out);
		step = step == STEP_MORE ? imap_session_more(s, out) : imap_session_answer(s, &right, out);
		if (turns > TURNS_MAX)
			abort();
	}
	drain(out);
	return step;
}

static enum step feed_all(struct imap_session *s, struct span in, size_t cut, struct out *out)
{
	enum step step = STEP_REPLY;

	while (in.len && step != STEP_CLOSE) {
		struct span piece = span_take(in, cut);
		size_t used = 0;

		step = settle(s, imap_session_feed(s, piece, &used, out), out);
		if (used == 0 || used > piece.len)
			break;
		in = span_skip(in, used);
	}
	return step;
}

static enum err quota(void *ctx, uint64_t account_id, struct store_room *limits_out, struct store_room *used_out)
{
	(void)ctx;
	(void)account_id;
	*limits_out = (struct store_room){ .bytes = 1024 * 1024 };
	if (used_out)
		*used_out = (struct store_room){ .bytes = 0 };
	return ERR_OK;
}

static enum err find_login(void *ctx, struct span user, struct span host, uint64_t *account_id_out)
{
	(void)ctx;
	*account_id_out = user.len % 3;
	return user.len + host.len < 10 && *account_id_out ? ERR_OK : ERR_NOT_FOUND;
}

/* Another account, that is this one. */
static enum err url_open(void *ctx, uint64_t account_id, struct mailstore **out)
{
	struct imap_account account;
	enum err e = account_open(ctx, account_id, &account);

	*out = account.store;
	return e;
}

/* Always the same, so that URLs in the grammar are right. */
static enum err url_key(struct mailstore *m, uint64_t mailbox_id, struct url_key *out)
{
	(void)m;
	*out = (struct url_key){ { 0 } };
	return mailbox_id ? ERR_OK : ERR_NOT_FOUND;
}

/* Accounts 2 and 3, whose rights are in the mailboxes' numbers. */
static enum err share_find(void *shares, struct span address, uint64_t *account_id_out)
{
	(void)shares;
	*account_id_out = address.len % 2 + 2;
	return address.len < 9 ? ERR_OK : ERR_NOT_FOUND;
}

static struct span share_address(void *shares, uint64_t account_id, struct arena *a)
{
	(void)shares;
	return arena_copy(a, account_id % 2 ? SPAN("of@host") : SPAN("o@host"));
}

static unsigned share_rights(void *shares, uint64_t owner, uint64_t mailbox_id)
{
	(void)shares;
	return owner == 2 ? RIGHT_ALL : (unsigned)(mailbox_id * 0x9e3779b1u >> 16) & RIGHT_ALL;
}

static enum err share_owners(void *shares, struct arena *a, uint64_t **out, size_t *count_out)
{
	(void)shares;
	*count_out = 2;
	*out = arena_array(a, 2, sizeof **out);
	if (!*out)
		return ERR_LIMIT;
	(*out)[0] = 2;
	(*out)[1] = 3;
	return ERR_OK;
}

static uint64_t share_version(void *shares)
{
	(void)shares;
	return 1;
}

static enum err share_open(void *shares, uint64_t owner, struct mailstore **out)
{
	(void)shares;
	return store_open(store, owner, out, NULL);
}

static enum err share_list(void *shares, uint64_t owner, uint64_t mailbox_id, struct arena *a, struct grant **out, size_t *count_out)
{
	(void)shares;
	*count_out = 2;
	*out = arena_array(a, 2, sizeof **out);
	if (!*out)
		return ERR_LIMIT;
	(*out)[0] = (struct grant){ owner, mailbox_id, GRANTEE_ANYONE, RIGHT_ALL };
	(*out)[1] = (struct grant){ owner, mailbox_id, 7, RIGHT_LOOKUP };
	return ERR_OK;
}

static enum err share_change(void *shares, const struct imap_grant_change *change)
{
	(void)shares;
	return (enum err)(change->grant.rights % 9);
}

static enum err share_inherit(void *shares, uint64_t owner, uint64_t parent, const uint64_t *mailbox_ids, size_t count)
{
	(void)shares;
	(void)owner;
	(void)parent;
	return mailbox_ids[count - 1] % 8 == 7 ? ERR_STATE : ERR_OK;
}

static void share_forget(void *shares, uint64_t owner, uint64_t mailbox_id)
{
	(void)shares;
	(void)owner;
	(void)mailbox_id;
}

static bool quota_may(void *ctx, uint64_t account_id)
{
	(void)ctx;
	return account_id % 2;
}

static enum err quota_set(void *ctx, uint64_t account_id, const struct store_room *limits)
{
	(void)ctx;
	(void)account_id;
	return limits->messages == 1 ? ERR_STATE : ERR_OK;
}

static void server_notes(void *ctx, struct arena *a, struct span *comment_out, struct span *admin_out)
{
	(void)ctx;
	(void)a;
	*comment_out = span_make(NULL, 0);
	*admin_out = SPAN("mailto:help@example.org");
}

static bool may_bind(void *ctx)
{
	(void)ctx;
	return true;
}

static void scram_end(void *ctx)
{
	(void)ctx;
}

static void service_begin(struct imap_service *service)
{
	imap_store_service(service);
	service->account_open = account_open;
	service->account_close = account_close;
	service->quota = quota;
	service->quota_may = quota_may;
	service->quota_set = quota_set;
	service->server_notes = server_notes;
	service->find_login = find_login;
	service->url_key_find = url_key;
	service->url_key_make = url_key;
	service->url_open = url_open;
	service->share_find = share_find;
	service->share_address = share_address;
	service->share_rights = share_rights;
	service->share_owners = share_owners;
	service->share_version = share_version;
	service->share_open = share_open;
	service->share_list = share_list;
	service->share_change = share_change;
	service->share_inherit = share_inherit;
	service->share_forget = share_forget;
	service->may_bind = may_bind;
	service->scram_end = scram_end;
	service->watch = watch;
	service->unwatch = unwatch;
}

static void one_stream(struct imap_session *s, unsigned mode, struct span in)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 64, 1000, 4096, SIZE_MAX };
	struct out out;

	out_init(&out);
	settle(s, imap_session_event(s, SESSION_START, &out), &out);
	if (mode & 8)
		feed_all(s, SPAN("a LOGIN u p\r\na SELECT INBOX\r\na APPEND INBOX {9+}\r\nA: b\r\n\r\nc\r\na NOOP\r\n"), SIZE_MAX, &out);
	if (feed_all(s, in, cuts[mode & 7], &out) != STEP_CLOSE)
		settle(s, imap_session_event(s, mode & 16 ? SESSION_STOP : SESSION_EOF, &out), &out);
	out_clear(&out);
}

struct client {
	struct imap_session *session; /* null: it was said goodbye to */
	struct buf heard;
	char tag[16];
	bool waits; /* for the tagged reply of an IDLE */
};

static void hear(struct client *c, struct out *out)
{
	char scratch[4096];
	struct span s;

	while ((s = out_peek(out, scratch, sizeof scratch)).len) {
		buf_add(&c->heard, s);
		out_drop(out, s.len);
	}
}

/* Whole responses only, literals skipped; how many of them are the tagged reply. */
static unsigned count_tagged(const struct client *c)
{
	struct span rest = buf_span(&c->heard), tag = span_str(c->tag);
	bool fresh = true;
	unsigned tagged = 0;
	size_t at;

	while (span_find(rest, SPAN("\r\n"), &at)) {
		struct span line = span_take(rest, at);
		uint64_t size = 0;
		size_t open = line.len;

		if (fresh && span_starts(line, tag) && line.len > tag.len && line.ptr[tag.len] == ' ')
			tagged++;
		rest = span_skip(rest, at + 2);
		while (open && line.ptr[open - 1] != '{')
			open--;
		fresh = !(open && line.ptr[line.len - 1] == '}' && !span_to_u64(span_make(line.ptr + open, line.len - open - 1), UINT32_MAX, &size));
		if (size > rest.len)
			abort(); /* a literal that is shorter than it says */
		rest = span_skip(rest, (size_t)size);
	}
	if (rest.len && c->session)
		abort(); /* a line that does not end */
	return tagged;
}

static void client_feed(struct client *c, struct span in)
{
	struct out out;
	enum step step = STEP_REPLY;

	out_init(&out);
	while (in.len && step != STEP_CLOSE) {
		size_t used = 0;

		step = imap_session_feed(c->session, in, &used, &out);
		for (unsigned turns = 0; step == STEP_MORE || step == STEP_WAIT; turns++) {
			static const struct imap_answer right = { .result = { .verdict = AUTH_OK, .account_id = 1 }, .text = SPAN("v=AAAA") };

			hear(c, &out);
			step = step == STEP_MORE ? imap_session_more(c->session, &out) : imap_session_answer(c->session, &right, &out);
			if (turns > TURNS_MAX)
				abort();
		}
		hear(c, &out);
		if (used == 0)
			break;
		in = span_skip(in, used);
	}
	out_clear(&out);
	if (step == STEP_CLOSE)
		imap_session_free(&c->session);
}

static void client_wake(struct client *c)
{
	struct out out;

	if (!c->session)
		return;
	out_init(&out);
	if (settle(c->session, imap_session_event(c->session, SESSION_WAKE, &out), &out) == STEP_CLOSE)
		imap_session_free(&c->session);
	out_clear(&out);
}

/* A command that has lost its way (a slip in a literal's length) may wait for more: then the client gives up. */
static void client_command(struct client *c, struct choices *choices, unsigned number)
{
	struct buf text;

	buf_reset(&c->heard);
	imap_grammar_command(choices, &text);
	if (c->waits) {
		client_feed(c, SPAN("DONE\r\n"));
		if (c->session && count_tagged(c) != 1)
			abort();
		c->waits = false;
		buf_reset(&c->heard);
	}
	snprintf(c->tag, sizeof c->tag, "t%u", number);
	if (c->session)
		client_feed(c, span_str(c->tag));
	if (c->session)
		client_feed(c, SPAN(" "));
	if (c->session && !text.failed)
		client_feed(c, buf_span(&text));
	if (c->session && count_tagged(c) == 0) {
		c->waits = c->session->input == INPUT_IDLE;
		if (!c->waits)
			imap_session_free(&c->session);
	} else if (c->session && count_tagged(c) > 1) {
		abort();
	}
	buf_clear(&text);
}

static void some_clients(const struct imap_service *service, const struct session_peer *peer, struct choices choices)
{
	struct client clients[CLIENTS] = { 0 };

	for (unsigned n = 0; n < COMMANDS_MAX && choices.at < choices.end; n++) {
		struct client *c = &clients[choose(&choices, CLIENTS)];

		if (!c->session) {
			buf_clear(&c->heard);
			buf_init(&c->heard, REPLY_MAX);
			c->waits = false;
			if (imap_session_new(service, NULL, peer, true, &c->session))
				break;
			client_feed(c, SPAN("a LOGIN u p\r\na APPEND INBOX {9+}\r\nA: b\r\n\r\nc\r\na SELECT INBOX\r\n"));
		}
		if (c->session)
			client_command(c, &choices, n);
		for (unsigned i = 0; i < CLIENTS; i++)
			if (clients[i].waits)
				client_wake(&clients[i]);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		imap_session_free(&clients[i].session);
		buf_clear(&clients[i].heard);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct imap_service service;
	struct session_peer peer = { .tls = true };
	struct imap_session *s;

	if (!store) {
		world_begin();
		service_begin(&service);
	}
	if (size < 1)
		return 0;
	if (data[0] & 32) {
		some_clients(&service, &peer, (struct choices){ data + 1, data + size });
	} else if (!imap_session_new(&service, NULL, &peer, true, &s)) {
		one_stream(s, data[0], span_make((const char *)data + 1, size - 1));
		imap_session_free(&s);
	}
	if (++inputs % INPUTS_PER_STORE == 0)
		world_end();
	return 0;
}
