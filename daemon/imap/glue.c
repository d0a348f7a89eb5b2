/* imap/glue.c: binds sessions to pools, directory, auth and store.
 *
 * A connection's account is known here from a right password until it closes, so that the sessions of one that is suspended,
 * removed or has a new password can be ended: first the session enters the list, then it is asked whether the login still holds; whoever
 * changes the account does it the other way round.
 */
#include "daemon/imap/imap.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/auth/auth.h"
#include "daemon/auth/scram.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "daemon/imap/quota.h"
#include "daemon/imap/quota_set.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/server_note.h"
#include "daemon/imap/share_service.h"
#include "daemon/imap/store_service.h"
#include "daemon/net/pool.h"
#include "daemon/store/store.h"

#define BUCKETS 256

struct imap_context {
	struct imap_config config;
	struct imap_service service;
	pthread_mutex_t accounts_lock; /* guards accounts and each connection's account, next, link */
	struct imap_conn *accounts[BUCKETS];
};

struct imap_conn {
	struct imap_context *context;
	const struct session_peer *peer;
	struct ticket self;
	struct imap_session *session;
	uint64_t account_id; /* while in the list */
	uint64_t credential; /* of the last right password */
	struct imap_shares shares;
	struct scram *scram; /* while an exchange runs */
	struct imap_conn *next, **link;
	struct arena_budget *memory; /* of all sessions of the account; stays until the next account's, or the end */
};

static struct imap_conn **bucket(struct imap_context *c, uint64_t account_id)
{
	return &c->accounts[account_id % BUCKETS];
}

/* What the account's sessions share; the first one makes it. Called with the lock held. */
static bool find_memory(struct imap_conn *o, uint64_t account_id, struct arena_budget **out)
{
	while (o && o->account_id != account_id)
		o = o->next;
	if (!o)
		return !arena_budget_new(IMAP_ACCOUNT_MEMORY_MAX, out);
	*out = arena_budget_hold(o->memory);
	return true;
}

static void charge(struct imap_session *s, struct arena_budget *memory)
{
	arena_charge(&s->run.arena, memory);
	arena_charge(&s->run.batch, memory);
	arena_charge(&s->keyword_arena, memory);
	arena_charge(&s->saved_arena, memory);
}

/* False: the account has as many as it may. */
static bool enter(struct imap_conn *conn, uint64_t account_id)
{
	struct imap_context *c = conn->context;
	struct imap_conn **head = bucket(c, account_id);
	struct arena_budget *memory;
	unsigned n = 0;
	bool has_room;

	pthread_mutex_lock(&c->accounts_lock);
	for (const struct imap_conn *o = *head; o; o = o->next)
		n += o->account_id == account_id;
	has_room = n < IMAP_SESSIONS_PER_ACCOUNT && find_memory(*head, account_id, &memory);
	if (has_room) {
		charge(conn->session, memory);
		arena_budget_release(&conn->memory);
		conn->memory = memory;
		conn->account_id = account_id;
		conn->next = *head;
		conn->link = head;
		if (conn->next)
			conn->next->link = &conn->next;
		*head = conn;
	}
	pthread_mutex_unlock(&c->accounts_lock);
	return has_room;
}

static void leave(struct imap_conn *conn)
{
	pthread_mutex_lock(&conn->context->accounts_lock);
	if (conn->link) {
		*conn->link = conn->next;
		if (conn->next)
			conn->next->link = conn->link;
		conn->link = NULL;
	}
	pthread_mutex_unlock(&conn->context->accounts_lock);
}

void imap_kick_account(const struct service *service, uint64_t account_id)
{
	struct imap_context *c = service->context;

	pthread_mutex_lock(&c->accounts_lock);
	for (const struct imap_conn *o = *bucket(c, account_id); o; o = o->next)
		if (o->account_id == account_id)
			pool_kick(o->self);
	pthread_mutex_unlock(&c->accounts_lock);
}

static void grants_changed(void *context)
{
	struct imap_context *c = context;

	pthread_mutex_lock(&c->accounts_lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct imap_conn *o = c->accounts[i]; o; o = o->next)
			if (atomic_load(&o->shares.used))
				pool_wake(o->self);
	pthread_mutex_unlock(&c->accounts_lock);
}

void imap_grants_changed(const struct service *service)
{
	grants_changed(service->context);
}

/* What the account is not offered. A name that this release does not know switches nothing off. */
static uint64_t capabilities_off(struct directory *d, uint64_t account_id)
{
	const struct snapshot *snapshot = directory_hold(d);
	const struct account *account = snapshot_account(snapshot, account_id);
	struct span rest = account ? account->imap_off : SPAN(""), bad = SPAN("");
	uint64_t off = 0, some = 0;

	while (imap_capability_parse(rest, &some, &bad)) {
		off |= some;
		rest = span_skip(rest, (size_t)(bad.ptr + bad.len - rest.ptr));
	}
	snapshot_release(&snapshot);
	return off | some;
}

static enum err account_open(void *ctx, uint64_t account_id, struct imap_account *out)
{
	struct imap_conn *conn = ctx;
	struct note why = { "" };
	enum err e;

	conn->shares = (struct imap_shares){
		.directory = conn->context->config.directory,
		.store = conn->context->config.store,
		.account_id = account_id,
		.events = conn->context->config.events,
		.changed = grants_changed,
		.arg = conn->context,
		.peer = conn->peer->remote,
	};
	*out = (struct imap_account){ .shares = &conn->shares };
	if (!enter(conn, account_id))
		return ERR_LIMIT;
	e = auth_still_holds(conn->context->config.auth, AUTH_IMAP, account_id, conn->credential) ? store_open(conn->context->config.store, account_id, &out->store, &why) : ERR_DENIED;
	if (e)
		leave(conn);
	else
		out->off = capabilities_off(conn->context->config.directory, account_id);
	if (e && e != ERR_DENIED)
		log_event(LOG_ERROR, "imap", "account_open_failed", "sid=%llu account=%llu why=%s", (unsigned long long)conn->peer->sid,
			  (unsigned long long)account_id, log_quote(span_str(why.text)).text);
	return e;
}

static void account_close(void *ctx, struct mailstore **m)
{
	leave(ctx);
	store_close(m);
}

static enum err quota(void *ctx, uint64_t account_id, struct store_room *limits_out, struct store_room *used_out)
{
	const struct imap_conn *conn = ctx;

	return imap_quota_read(conn->context->config.directory, conn->context->config.store, account_id, limits_out, used_out);
}

static bool quota_may(void *ctx, uint64_t account_id)
{
	const struct imap_conn *conn = ctx;

	return imap_quota_may(conn->context->config.directory, conn->shares.account_id, account_id);
}

static enum err quota_set(void *ctx, uint64_t account_id, const struct store_room *limits)
{
	const struct imap_conn *conn = ctx;

	return imap_quota_set(conn->context->config.directory, &conn->peer->remote, conn->shares.account_id, account_id, limits);
}

static void server_notes(void *ctx, struct arena *a, struct span *comment_out, struct span *admin_out)
{
	const struct imap_conn *conn = ctx;

	imap_server_notes(conn->context->config.directory, a, comment_out, admin_out);
}

/* A login is an address; "imap://joe@example.com/" has it in two pieces. */
static const struct account *account_of(const struct snapshot *snapshot, struct span user, struct span host)
{
	const bool is_here = span_iequals(host, snapshot_text(snapshot, SETTING_HOSTNAME));
	char login[ADDRESS_MAX];
	size_t at;

	if (span_find_char(user, '@', &at))
		return is_here || span_iequals(span_skip(user, at + 1), host) ? snapshot_account_by_login(snapshot, user) : NULL;
	if (user.len + 1 + host.len > sizeof login)
		return NULL;
	memcpy(login, user.ptr, user.len);
	login[user.len] = '@';
	memcpy(login + user.len + 1, host.ptr, host.len);
	return snapshot_account_by_login(snapshot, span_make(login, user.len + 1 + host.len));
}

static enum err find_login(void *ctx, struct span user, struct span host, uint64_t *account_id_out)
{
	const struct imap_conn *conn = ctx;
	const struct snapshot *snapshot = directory_hold(conn->context->config.directory);
	const struct account *account = NULL;
	bool found;

	if (user.len)
		account = account_of(snapshot, user, host);
	else if (span_iequals(host, snapshot_text(snapshot, SETTING_HOSTNAME)))
		account = snapshot_account(snapshot, conn->account_id);
	found = account && !account->disabled;
	*account_id_out = found ? account->id : 0;
	snapshot_release(&snapshot);
	return found ? ERR_OK : ERR_NOT_FOUND;
}

/* An owner without URLAUTH gives nothing away. */
static enum err url_open(void *ctx, uint64_t account_id, struct mailstore **out)
{
	const struct imap_conn *conn = ctx;
	struct note why = { "" };
	enum err e;

	if (imap_capability_closure(capabilities_off(conn->context->config.directory, account_id)) & CAP_BIT(CAP_URLAUTH))
		return ERR_NOT_FOUND;
	e = store_open_known(conn->context->config.store, account_id, out, &why);
	if (e && e != ERR_NOT_FOUND)
		log_event(LOG_ERROR, "imap", "account_open_failed", "sid=%llu account=%llu why=%s", (unsigned long long)conn->peer->sid,
			  (unsigned long long)account_id, log_quote(span_str(why.text)).text);
	return e;
}

static void changed(void *arg)
{
	const struct imap_conn *conn = arg;

	pool_wake(conn->self);
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

static bool may_bind(void *ctx)
{
	const struct imap_conn *conn = ctx;

	return scram_may_bind(conn->context->config.auth, conn->peer);
}

static void scram_end(void *ctx)
{
	scram_free(&((struct imap_conn *)ctx)->scram);
}

static enum err conn_open(void *context, const struct session_peer *peer, struct ticket self, void **session_out)
{
	struct imap_context *c = context;
	struct imap_conn *conn = calloc(1, sizeof *conn);
	enum err e;

	if (!conn)
		return ERR_TEMP;
	conn->context = c;
	conn->peer = peer;
	conn->self = self;
	e = imap_session_new(&c->service, conn, peer, c->config.may_starttls, &conn->session);
	if (e) {
		free(conn);
		return e;
	}
	counter_add(COUNTER_IMAP_CONNECTIONS, 1);
	*session_out = conn;
	return ERR_OK;
}

static void conn_close(void *session)
{
	struct imap_conn *conn = session;

	imap_session_free(&conn->session);
	scram_free(&conn->scram);
	arena_budget_release(&conn->memory);
	free(conn);
}

static enum step conn_feed(void *session, struct span in, size_t *used_out, struct out *out)
{
	struct imap_conn *conn = session;

	return imap_session_feed(conn->session, in, used_out, out);
}

static enum step conn_more(void *session, struct out *out)
{
	struct imap_conn *conn = session;

	return imap_session_more(conn->session, out);
}

static enum step conn_event(void *session, enum session_event event, struct out *out)
{
	struct imap_conn *conn = session;

	return imap_session_event(conn->session, event, out);
}

static int64_t conn_deadline_ms(const void *session)
{
	const struct imap_conn *conn = session;

	return imap_session_deadline_ms(conn->session);
}

/* A question on its way through auth; the connection may be gone when the answer comes. */
struct question {
	struct ticket ticket;
	struct imap_answer answer;
	struct buf text; /* of the answer */
};

static void answered(void *arg, const struct auth_result *result)
{
	struct question *q = arg;
	struct ticket ticket = q->ticket;

	q->answer.result = *result;
	if (result->delay_ms > 0)
		pool_answer_later(ticket, q, result->delay_ms);
	else
		pool_answer(ticket, q);
}

/* What ends an exchange early looks like a wrong password. */
static void scram_begins(struct imap_conn *conn, const struct imap_ask *ask, struct question *q)
{
	struct session_binding binding = { .exporter_len = 0 };
	enum err e;

	scram_free(&conn->scram);
	if (conn->peer->binding)
		conn->peer->binding(conn->peer, &binding);
	e = scram_begin(conn->context->config.auth, AUTH_IMAP, ask->scram_plus, may_bind(conn), &binding, &conn->peer->remote, &conn->scram);
	if (!e)
		e = scram_first(conn->scram, ask->scram, &q->text);
	q->answer.error = e;
	q->answer.result.verdict = e == ERR_TEMP ? AUTH_BUSY : AUTH_WRONG;
	pool_answer(q->ticket, q);
}

static void scram_ends(struct imap_conn *conn, const struct imap_ask *ask, struct question *q)
{
	struct auth_result result;

	q->answer.error = scram_final(conn->scram, ask->scram, &q->text, &result);
	answered(q, &result);
}

static void conn_ask(void *session, struct ticket ticket)
{
	struct imap_conn *conn = session;
	struct question *q = calloc(1, sizeof *q);
	struct imap_ask ask = conn->session->ask;

	if (!q) { /* answered by nothing: busy */
		pool_answer(ticket, NULL);
		return;
	}
	q->ticket = ticket;
	buf_init(&q->text, SCRAM_REPLY_MAX);
	/* The session may be answered and gone before these return. */
	switch (ask.kind) {
	case IMAP_ASK_PASSWORD: auth_check_password(conn->context->config.auth, AUTH_IMAP, ask.login, ask.password, &conn->peer->remote, answered, q); break;
	case IMAP_ASK_SCRAM_FIRST: scram_begins(conn, &ask, q); break;
	case IMAP_ASK_SCRAM_FINAL: scram_ends(conn, &ask, q); break;
	}
}

static void log_login(const struct imap_conn *conn, const struct auth_result *result)
{
	static const char *const verdicts[] = {
		[AUTH_OK] = "ok",
		[AUTH_WRONG] = "wrong",
		[AUTH_SUSPENDED] = "suspended",
		[AUTH_PROTOCOL_OFF] = "protocol_off",
		[AUTH_BUSY] = "busy",
		[AUTH_REFUSED] = "refused",
		[AUTH_WANTS_APP_PASSWORD] = "wants_app_password",
	};
	struct span login = conn->scram ? scram_login(conn->scram) : conn->session->ask.login;

	log_event(result->verdict == AUTH_OK ? LOG_INFO : LOG_WARN, "imap", "login", "sid=%llu peer=%s login=%s verdict=%s",
		  (unsigned long long)conn->peer->sid, net_ip_text(&conn->peer->remote).text, log_quote(login).text,
		  verdicts[result->verdict]);
}

static void drop_answer(void *context, void *answer)
{
	struct question *q = answer;

	(void)context;
	if (!q)
		return;
	buf_clear(&q->text);
	free(q);
}

static enum step conn_answer(void *session, void *answer, struct out *out)
{
	struct imap_answer value = { .result = { .verdict = AUTH_BUSY }, .error = ERR_TEMP };
	struct imap_conn *conn = session;
	struct question *q = answer;
	enum step step;

	if (q) {
		value = q->answer;
		value.text = buf_span(&q->text);
	}
	conn->credential = value.result.credential;
	if (conn->session->ask.kind != IMAP_ASK_SCRAM_FIRST || value.error)
		log_login(conn, &value.result);
	step = imap_session_answer(conn->session, &value, out);
	drop_answer(conn->context, q);
	return step;
}

static int64_t conn_nudge_ms(const void *session)
{
	const struct imap_conn *conn = session;

	return imap_session_nudge_ms(conn->session);
}

enum err imap_service_new(const struct imap_config *config, struct service *out)
{
	struct imap_context *c = calloc(1, sizeof *c);

	if (!c)
		return ERR_TEMP;
	c->config = *config;
	imap_store_service(&c->service);
	imap_share_service(&c->service);
	c->service.account_open = account_open;
	c->service.account_close = account_close;
	c->service.quota = quota;
	c->service.quota_may = quota_may;
	c->service.quota_set = quota_set;
	c->service.server_notes = server_notes;
	c->service.find_login = find_login;
	c->service.url_open = url_open;
	c->service.may_bind = may_bind;
	c->service.scram_end = scram_end;
	c->service.watch = watch;
	c->service.unwatch = unwatch;
	pthread_mutex_init(&c->accounts_lock, NULL);
	*out = (struct service){
		.name = "imap",
		.context = c,
		.open = conn_open,
		.busy_reply = REPLY_BUSY,
		.feed = conn_feed,
		.more = conn_more,
		.ask = conn_ask,
		.answer = conn_answer,
		.drop_answer = drop_answer,
		.event = conn_event,
		.deadline_ms = conn_deadline_ms,
		.nudge_ms = conn_nudge_ms,
		.close = conn_close,
	};
	return ERR_OK;
}

void imap_service_free(struct service *service)
{
	struct imap_context *c = service->context;

	service->context = NULL;
	if (!c)
		return;
	pthread_mutex_destroy(&c->accounts_lock);
	free(c);
}
