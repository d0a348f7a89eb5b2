/* fuzz_imap.c: an IMAP session over a real store in a temporary folder. The first byte chooses how the input is cut into reads and
 * whether the session is logged in already; the store is made anew now and then. A broken invariant aborts. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/bug.h"
#include "daemon/imap/store_service.h"
#include "db/db.h"

#define INPUTS_PER_STORE 2000
#define TURNS_MAX 100000

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

static void watch(void *ctx, struct mailstore *m, uint64_t mailbox_id)
{
	(void)ctx;
	(void)m;
	(void)mailbox_id;
}

static void unwatch(void *ctx, struct mailstore *m)
{
	(void)ctx;
	(void)m;
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

static enum err quota(void *ctx, struct mailstore *m, struct store_room *limits_out, struct store_room *used_out)
{
	(void)ctx;
	(void)m;
	*limits_out = (struct store_room){ .bytes = 1024 * 1024 };
	if (used_out)
		*used_out = (struct store_room){ .bytes = 0 };
	return ERR_OK;
}

static bool is_own(void *ctx, struct span user, struct span host)
{
	(void)ctx;
	return user.len + host.len < 10;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t cuts[] = { 1, 2, 3, 7, 64, 1000, 4096, SIZE_MAX };
	static struct imap_service service;
	struct session_peer peer = { .tls = true };
	struct imap_session *s;
	struct out out;

	if (!store) {
		world_begin();
		imap_store_service(&service);
		service.account_open = account_open;
		service.account_close = account_close;
		service.quota = quota;
		service.is_own = is_own;
		service.may_bind = may_bind;
		service.scram_end = scram_end;
		service.watch = watch;
		service.unwatch = unwatch;
	}
	if (size < 1 || imap_session_new(&service, NULL, &peer, true, &s))
		return 0;
	out_init(&out);
	settle(s, imap_session_event(s, SESSION_START, &out), &out);
	if (data[0] & 8)
		feed_all(s, SPAN("a LOGIN u p\r\na SELECT INBOX\r\na APPEND INBOX {9+}\r\nA: b\r\n\r\nc\r\na NOOP\r\n"), SIZE_MAX, &out);
	if (feed_all(s, span_make((const char *)data + 1, size - 1), cuts[data[0] & 7], &out) != STEP_CLOSE)
		settle(s, imap_session_event(s, data[0] & 16 ? SESSION_STOP : SESSION_EOF, &out), &out);
	imap_session_free(&s);
	out_clear(&out);
	if (++inputs % INPUTS_PER_STORE == 0)
		world_end();
	return 0;
}
