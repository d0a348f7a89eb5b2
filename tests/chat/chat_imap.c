/* chat/chat_imap.c: IMAP sessions over a real store in a temporary folder; one account, number 1.
 *
 *   set: tls        the peer speaks TLS           set: remote     the peer is not on loopback
 *   set: no-tls     STARTTLS is not offered       set: full-disk  writing a body file fails
 *   set: binding    with TLS there is something to bind to
 *   set: manages             its account may set quotas, also of others
 *   set: quota BYTES MESSAGES                     the account's limits; the URLs' host is mail.example.org, its user alice; bob has no mail
 *   ASK: login USER PASSWORD                      ANS: ok | wrong | busy | suspended | limit | refused | app-password
 *   ASK: scram-first MESSAGE   ASK: scram-plus-first MESSAGE   ASK: scram-final MESSAGE
 *                                                 ANS: says MESSAGE | malformed | one of those above
 *   CHECK: exchanges N       so many of SCRAM were ended
 *   CHECK: files N           files in the account's files/
 *   CHECK: append MAILBOX    somebody files a small message      CHECK: remove MAILBOX   somebody deletes the mailbox
 *   CHECK: create MAILBOX, rename MAILBOX NEW, subscribe MAILBOX, unsubscribe MAILBOX
 *   CHECK: flicker MAILBOX   somebody subscribes to it and unsubscribes, 70 times
 *   CHECK: expunge MAILBOX   somebody removes every message of the mailbox
 *   CHECK: flag MAILBOX      somebody sets \Flagged on all of them
 *   CHECK: annotate MAILBOX  /private/comment of accounts 1 and 2 and "/shared/vendor/x y" are set; a name that is no mailbox: of the account
 *   CHECK: expunge-one MAILBOX UID   CHECK: flag-one MAILBOX UID   the same with one message
 * It is always the first second of 2026, so INBOX has the UIDVALIDITY 1767225600.
 *   CHECK: watching | not watching
 *   set: account ADDRESS     makes an account; the first is number 1, which logs in with "ANS: ok"
 *   ANS: ok ADDRESS          another one logs in
 *   set: grant OWNER MAILBOX GRANTEE RIGHTS   "*": all mailboxes; "anyone"; "-": none      CHECK: grant ...   the same while a session runs
 *   CHECK: suspend ADDRESS   CHECK: act ADDRESS WHAT MAILBOX...   what is above (append, remove, flag-one...) in that account
 */
#include "tests/chat/chat.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/imap/store_service.h"
#include "db/db.h"
#include "tests/chat/imap_others.h"

struct world {
	char folder[256];
	struct store *store;
	struct imap_service service;
	struct session_peer peer;
	bool no_tls, limit, binding, manages;
	unsigned watches;
	unsigned exchanges;
	struct store_room room;
	struct imap_others others;
	struct imap_session *session;
	struct mailstore *other; /* somebody else's handle */
};

static enum err account_open(void *ctx, uint64_t account_id, struct imap_account *out)
{
	struct world *w = ctx;

	w->others.shares = (struct imap_shares){ .directory = w->others.directory, .store = w->store, .account_id = account_id };
	*out = (struct imap_account){ .shares = &w->others.shares };
	return w->limit ? ERR_LIMIT : store_open(w->store, account_id, &out->store, NULL);
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

static void watch(void *ctx, struct mailstore *m, uint64_t mailbox_id, struct store_watch *watch)
{
	struct world *w = ctx;

	*watch = (struct store_watch){ .mailbox_id = mailbox_id, .changed = changed };
	store_watch_add(m, watch);
	w->watches++;
}

static void unwatch(void *ctx, struct mailstore *m, struct store_watch *watch)
{
	struct world *w = ctx;

	store_watch_remove(m, watch);
	w->watches--;
}

static enum err full_disk(struct imap_body_file *f, struct span bytes)
{
	(void)f;
	(void)bytes;
	return ERR_TEMP;
}

static enum err quota(void *ctx, uint64_t account_id, struct store_room *limits_out, struct store_room *used_out)
{
	struct world *w = ctx;

	*limits_out = w->room;
	return used_out ? store_usage(w->store, account_id, &used_out->bytes, &used_out->messages) : ERR_OK;
}

static bool quota_may(void *ctx, uint64_t account_id)
{
	const struct world *w = ctx;

	return w->manages && account_id;
}

static enum err quota_set(void *ctx, uint64_t account_id, const struct store_room *limits)
{
	struct world *w = ctx;

	if (limits->messages == 77) /* somebody imports accounts */
		return ERR_STATE;
	w->room = *limits;
	return account_id ? ERR_OK : ERR_NOT_FOUND;
}

static void server_notes(void *ctx, struct arena *a, struct span *comment_out, struct span *admin_out)
{
	(void)ctx;
	(void)a;
	*comment_out = span_make(NULL, 0);
	*admin_out = SPAN("mailto:help@example.org");
}

static enum err find_login(void *ctx, struct span user, struct span host, uint64_t *account_id_out)
{
	(void)ctx;
	if (!span_equals(host, SPAN("mail.example.org")))
		return ERR_NOT_FOUND;
	*account_id_out = !user.len || span_equals(user, SPAN("alice")) ? 1 : span_equals(user, SPAN("bob")) ? 2
													     : 0;
	return *account_id_out ? ERR_OK : ERR_NOT_FOUND;
}

static enum err url_open(void *ctx, uint64_t account_id, struct mailstore **out)
{
	const struct world *w = ctx;

	return store_open_known(w->store, account_id, out, NULL);
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

static void die(const char *what)
{
	fprintf(stderr, "chat_imap: %s\n", what);
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
	snprintf(w->folder, sizeof w->folder, "%s/chat-imap-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(w->folder))
		die("no temporary folder");
	config.accounts_dir = w->folder;
	config.max_open = 4;
	if (store_new(&config, &w->store, NULL) || store_open(w->store, 1, &w->other, NULL))
		die("no store");
	imap_store_service(&w->service);
	imap_others_none(&w->service);
	w->service.account_open = account_open;
	w->service.account_close = account_close;
	w->service.quota = quota;
	w->service.quota_may = quota_may;
	w->service.quota_set = quota_set;
	w->service.server_notes = server_notes;
	w->service.find_login = find_login;
	w->service.url_open = url_open;
	w->service.may_bind = may_bind;
	w->service.scram_end = scram_end;
	w->service.watch = watch;
	w->service.unwatch = unwatch;
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

	imap_session_free(&w->session);
}

static void world_free(void *world)
{
	struct world *w = world;

	imap_session_free(&w->session);
	store_close(&w->other);
	store_free(&w->store);
	imap_others_end(&w->others);
	nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
}

static enum err set_quota(struct world *w, struct span text)
{
	struct span bytes;

	if (!span_split(&text, ' ', &bytes) || span_to_u64(bytes, INT64_MAX, &w->room.bytes))
		return ERR_SYNTAX;
	return span_to_u64(text, INT64_MAX, &w->room.messages);
}

static enum err set(void *world, struct span text)
{
	struct world *w = world;

	if (span_starts(text, SPAN("quota ")))
		return set_quota(w, span_skip(text, 6));
	if (span_starts(text, SPAN("account ")))
		return imap_others_add(&w->others, w->folder, &w->service, span_skip(text, 8));
	if (span_starts(text, SPAN("grant ")))
		return imap_others_grant(&w->others, w->store, span_skip(text, 6));
	if (span_equals(text, SPAN("tls")))
		w->peer.tls = true;
	else if (span_equals(text, SPAN("remote")))
		w->peer.remote = (struct net_addr){ .family = NET_IPV4, .ip = { 192, 0, 2, 1 } };
	else if (span_equals(text, SPAN("manages")))
		w->manages = true;
	else if (span_equals(text, SPAN("binding")))
		w->binding = true;
	else if (span_equals(text, SPAN("no-tls")))
		w->no_tls = true;
	else if (span_equals(text, SPAN("full-disk")))
		w->service.body_write = full_disk;
	else
		return ERR_SYNTAX;
	return ERR_OK;
}

static enum err world_open(void *world)
{
	struct world *w = world;

	return imap_session_new(&w->service, w, &w->peer, !w->no_tls, &w->session);
}

static enum step feed(void *world, struct span in, size_t *used_out, struct out *out)
{
	return imap_session_feed(((struct world *)world)->session, in, used_out, out);
}

static enum step more(void *world, struct out *out)
{
	return imap_session_more(((struct world *)world)->session, out);
}

static enum step event(void *world, enum session_event event, struct out *out)
{
	struct world *w = world;

	if (event == SESSION_TLS)
		w->peer.tls = true;
	return imap_session_event(w->session, event, out);
}

static void question(void *world, struct buf *out)
{
	const struct imap_ask *ask = &((struct world *)world)->session->ask;

	switch (ask->kind) {
	case IMAP_ASK_PASSWORD:
		buf_add_str(out, "login ");
		buf_add(out, ask->login);
		buf_add_char(out, ' ');
		buf_add(out, ask->password);
		break;
	case IMAP_ASK_SCRAM_FIRST:
		buf_add_str(out, ask->scram_plus ? "scram-plus-first " : "scram-first ");
		buf_add(out, ask->scram);
		break;
	case IMAP_ASK_SCRAM_FINAL:
		buf_add_str(out, "scram-final ");
		buf_add(out, ask->scram);
		break;
	}
}

static enum err answer(void *world, struct span text, enum step *step_out, struct out *out)
{
	struct world *w = world;
	struct imap_answer a = { .result = { .verdict = AUTH_OK, .account_id = 1, .retry_after_ms = 250000 } };

	if (span_equals(text, SPAN("wrong")))
		a.result.verdict = AUTH_WRONG;
	else if (span_equals(text, SPAN("busy")))
		a.result.verdict = AUTH_BUSY;
	else if (span_equals(text, SPAN("suspended")))
		a.result.verdict = AUTH_SUSPENDED;
	else if (span_equals(text, SPAN("refused")))
		a.result.verdict = AUTH_REFUSED;
	else if (span_equals(text, SPAN("app-password")))
		a.result.verdict = AUTH_WANTS_APP_PASSWORD;
	else if (span_equals(text, SPAN("malformed")))
		a.error = ERR_SYNTAX;
	else if (span_starts(text, SPAN("says ")))
		a.text = span_skip(text, 5);
	else if (span_starts(text, SPAN("ok ")))
		a.result.account_id = imap_others_id(&w->others, span_skip(text, 3));
	else if (!span_equals(text, SPAN("ok")) && !span_equals(text, SPAN("default")) && !span_equals(text, SPAN("limit")))
		return ERR_SYNTAX;
	if (a.result.verdict != AUTH_OK)
		a.error = ERR_DENIED;
	w->limit = span_equals(text, SPAN("limit"));
	*step_out = imap_session_answer(w->session, &a, out);
	return ERR_OK;
}

static unsigned count_files(const struct world *w)
{
	char path[300];
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof path, "%s/1/files", w->folder);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static enum err append_one(struct world *w, uint64_t mailbox_id)
{
	static const struct new_message message = {
		.head = { "Subject: from somebody\r\n\r\n", 26 },
		.body = { .bytes = { "hello\r\n", 7 }, .size = 7 },
		.envelope = { "(NIL \"from somebody\" NIL NIL NIL NIL NIL NIL NIL NIL)", 53 },
		.body_structure = { "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1)", 40 },
		.body_text_structure = { "(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 7 1)", 40 },
		.internal_ms = 1000,
	};
	struct append_result result;

	return message_append(w->other, mailbox_id, &message, &result);
}

/* "MAILBOX UID" of expunge-one and flag-one; else all messages. */
static enum err one_of(struct span *what, struct span *name, struct uid_range *out)
{
	struct span mailbox;
	uint64_t uid;

	*out = (struct uid_range){ 1, UINT32_MAX };
	if (!span_ends(*what, SPAN("-one")))
		return ERR_OK;
	what->len -= 4;
	if (!span_split(name, ' ', &mailbox) || span_to_u64(*name, UINT32_MAX, &uid))
		return ERR_SYNTAX;
	*name = mailbox;
	*out = (struct uid_range){ (uint32_t)uid, (uint32_t)uid };
	return ERR_OK;
}

static enum err annotate(struct world *w, uint64_t mailbox_id)
{
	static const struct annotation list[] = { { .reader = 1, .entry = SPAN("/comment"), .value = SPAN("x") },
						  { .reader = 2, .entry = SPAN("/comment"), .value = SPAN("y") },
						  { .reader = ANNOTATION_OF_ALL, .entry = SPAN("/vendor/x y"), .value = SPAN("z") } };

	return annotation_set(w->other, mailbox_id, list, sizeof list / sizeof *list, NULL);
}

/* What is done to names. False: it is none of that. */
static bool act_on_name(struct world *w, struct span what, struct span name, enum err *e_out)
{
	struct span from;

	if (span_equals(what, SPAN("create")))
		*e_out = mailbox_create(w->other, name, USE_NONE);
	else if (span_equals(what, SPAN("rename")))
		*e_out = span_split(&name, ' ', &from) ? mailbox_rename(w->other, from, name) : ERR_SYNTAX;
	else if (span_equals(what, SPAN("subscribe")) || span_equals(what, SPAN("unsubscribe")))
		*e_out = mailbox_subscribe(w->other, name, span_equals(what, SPAN("subscribe")));
	else if (span_equals(what, SPAN("flicker")))
		for (int i = 0; i < 140; i++)
			*e_out = mailbox_subscribe(w->other, name, i % 2 == 0);
	else if (span_equals(what, SPAN("remove")))
		*e_out = mailbox_delete(w->other, name);
	else
		return false;
	return true;
}

static enum err act(struct world *w, struct span what, struct span name)
{
	struct uid_range range;
	struct uid_set set = { &range, 1 };
	struct view_flags_changed *changed;
	struct mailbox_info m;
	struct view *v = NULL;
	struct arena a;
	size_t count;
	enum err e;

	if (act_on_name(w, what, name, &e))
		return e;
	if (one_of(&what, &name, &range))
		return ERR_SYNTAX;
	arena_init(&a, 1024 * 1024);
	e = mailbox_find(w->other, name, &a, &m);
	if (span_equals(what, SPAN("annotate"))) {
		e = annotate(w, e ? ANNOTATION_OF_ACCOUNT : m.id);
	} else if (!e && span_equals(what, SPAN("append"))) {
		e = append_one(w, m.id);
	} else if (!e) {
		e = view_open(w->other, m.id, 0, &v);
		if (!e)
			e = view_store(v, &set, FLAGS_ADD, span_equals(what, SPAN("flag")) ? FLAG_FLAGGED : FLAG_DELETED, &a, &changed, &count);
		if (!e && span_equals(what, SPAN("expunge")))
			e = view_expunge(v, NULL, NULL);
	}
	if (v)
		view_close(&v);
	arena_clear(&a);
	return e;
}

/* "ADDRESS WHAT MAILBOX": in another account. */
static enum err act_there(struct world *w, struct span text)
{
	struct mailstore *own = w->other;
	struct span address, what;
	enum err e;

	if (!span_split(&text, ' ', &address) || !span_split(&text, ' ', &what))
		return ERR_SYNTAX;
	e = store_open(w->store, imap_others_id(&w->others, address), &w->other, NULL);
	if (!e) {
		e = act(w, what, text);
		store_close(&w->other);
	}
	w->other = own;
	return e;
}

static enum err check(void *world, struct span text, struct note *why)
{
	struct world *w = world;
	struct span what;
	uint64_t n;

	if (span_equals(text, SPAN("watching")))
		return w->watches ? ERR_OK : ERR_STATE;
	if (span_equals(text, SPAN("not watching")))
		return w->watches ? ERR_STATE : ERR_OK;
	if (!span_split(&text, ' ', &what))
		return ERR_SYNTAX;
	if (span_equals(what, SPAN("grant")))
		return imap_others_grant(&w->others, w->store, text);
	if (span_equals(what, SPAN("suspend")))
		return imap_others_suspend(&w->others, text);
	if (span_equals(what, SPAN("act")))
		return act_there(w, text);
	if (!span_equals(what, SPAN("files")) && !span_equals(what, SPAN("exchanges")))
		return act(w, what, text);
	if (span_to_u64(text, 1000000, &n))
		return ERR_SYNTAX;
	if (span_equals(what, SPAN("exchanges"))) {
		note_set(why, "%u were ended", w->exchanges);
		return w->exchanges == n ? ERR_OK : ERR_STATE;
	}
	note_set(why, "there are %u files", count_files(w));
	return count_files(w) == n ? ERR_OK : ERR_STATE;
}

const struct chat_protocol chat_imap = {
	.name = "imap",
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
