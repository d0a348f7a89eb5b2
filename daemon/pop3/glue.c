/* pop3/glue.c: binds sessions to pools, auth and store.
 *
 * Who has an account's maildrop stands in a list, at most once for an account: that is its lock, given back when the connection closes, however it does. So
 * that the session of an account that is suspended, removed or has a new password can be ended, it enters the list first, and then it is asked whether the
 * login still holds; whoever changes the account does it the other way round.
 */
#include "daemon/pop3/pop3.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/auth/auth.h"
#include "daemon/auth/scram.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/net/pool.h"
#include "daemon/pop3/reply.h"
#include "daemon/store/store.h"

#define BUCKETS 256

struct pop3_context {
	struct pop3_config config;
	struct pop3_service service;
	pthread_mutex_t accounts_lock; /* guards accounts and each connection's account_id, next, link */
	struct pop3_conn *accounts[BUCKETS];
};

struct pop3_conn {
	struct pop3_context *context;
	const struct session_peer *peer;
	struct ticket self;
	struct pop3_session *session;
	uint64_t account_id;            /* while in the list */
	uint64_t credential;            /* of the last right password */
	struct scram *scram;            /* while an exchange runs */
	struct pop3_conn *next, **link; /* link null: not in the list */
};

static struct pop3_conn **bucket(struct pop3_context *c, uint64_t account_id)
{
	return &c->accounts[account_id % BUCKETS];
}

/* Called with the lock held. */
static struct pop3_conn *holder(struct pop3_context *c, uint64_t account_id)
{
	struct pop3_conn *o = *bucket(c, account_id);

	while (o && o->account_id != account_id)
		o = o->next;
	return o;
}

/* False: another session has the maildrop. */
static bool enter(struct pop3_conn *conn, uint64_t account_id)
{
	struct pop3_context *c = conn->context;
	struct pop3_conn **head = bucket(c, account_id);
	bool is_free;

	pthread_mutex_lock(&c->accounts_lock);
	is_free = !holder(c, account_id);
	if (is_free) {
		conn->account_id = account_id;
		conn->next = *head;
		conn->link = head;
		if (conn->next)
			conn->next->link = &conn->next;
		*head = conn;
	}
	pthread_mutex_unlock(&c->accounts_lock);
	return is_free;
}

static void leave(struct pop3_conn *conn)
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

void pop3_kick_account(const struct service *service, uint64_t account_id)
{
	struct pop3_context *c = service->context;
	const struct pop3_conn *o;

	pthread_mutex_lock(&c->accounts_lock);
	o = holder(c, account_id);
	if (o)
		pool_kick(o->self);
	pthread_mutex_unlock(&c->accounts_lock);
}

static enum err account_open(void *ctx, uint64_t account_id, struct mailstore **out)
{
	struct pop3_conn *conn = ctx;
	struct note why = { "" };
	enum err e;

	*out = NULL;
	if (!enter(conn, account_id)) {
		log_event(LOG_INFO, "pop3", "in_use", "sid=%llu account=%llu", (unsigned long long)conn->peer->sid, (unsigned long long)account_id);
		return ERR_EXISTS;
	}
	e = auth_still_holds(conn->context->config.auth, AUTH_POP3, account_id, conn->credential) ? store_open(conn->context->config.store, account_id, out, &why) : ERR_DENIED;
	if (e)
		leave(conn);
	if (e && e != ERR_DENIED)
		log_event(LOG_ERROR, "pop3", "account_open_failed", "sid=%llu account=%llu why=%s", (unsigned long long)conn->peer->sid,
			  (unsigned long long)account_id, log_quote(span_str(why.text)).text);
	return e == ERR_EXISTS ? ERR_TEMP : e;
}

static void account_close(void *ctx, struct mailstore **m)
{
	store_close(m);
	leave(ctx);
}

static bool may_bind(void *ctx)
{
	const struct pop3_conn *conn = ctx;

	return scram_may_bind(conn->context->config.auth, conn->peer);
}

static void scram_end(void *ctx)
{
	scram_free(&((struct pop3_conn *)ctx)->scram);
}

static enum err conn_open(void *context, const struct session_peer *peer, struct ticket self, void **session_out)
{
	struct pop3_context *c = context;
	struct pop3_conn *conn = calloc(1, sizeof *conn);
	enum err e;

	if (!conn)
		return ERR_TEMP;
	conn->context = c;
	conn->peer = peer;
	conn->self = self;
	e = pop3_session_new(&c->service, conn, peer, c->config.may_starttls, &conn->session);
	if (e) {
		free(conn);
		return e;
	}
	counter_add(COUNTER_POP3_CONNECTIONS, 1);
	*session_out = conn;
	return ERR_OK;
}

static void conn_close(void *session)
{
	struct pop3_conn *conn = session;

	pop3_session_free(&conn->session);
	scram_free(&conn->scram);
	free(conn);
}

static enum step conn_feed(void *session, struct span in, size_t *used_out, struct out *out)
{
	struct pop3_conn *conn = session;

	return pop3_session_feed(conn->session, in, used_out, out);
}

static enum step conn_more(void *session, struct out *out)
{
	struct pop3_conn *conn = session;

	return pop3_session_more(conn->session, out);
}

static enum step conn_event(void *session, enum session_event event, struct out *out)
{
	struct pop3_conn *conn = session;

	return pop3_session_event(conn->session, event, out);
}

static int64_t conn_deadline_ms(const void *session)
{
	const struct pop3_conn *conn = session;

	return pop3_session_deadline_ms(conn->session);
}

/* A question on its way through auth; the connection may be gone when the answer comes. */
struct question {
	struct ticket ticket;
	struct pop3_answer answer;
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
static void scram_begins(struct pop3_conn *conn, const struct pop3_ask *ask, struct question *q)
{
	struct session_binding binding = { .exporter_len = 0 };
	enum err e;

	scram_free(&conn->scram);
	if (conn->peer->binding)
		conn->peer->binding(conn->peer, &binding);
	e = scram_begin(conn->context->config.auth, AUTH_POP3, ask->scram_plus, may_bind(conn), &binding, &conn->peer->remote, &conn->scram);
	if (!e)
		e = scram_first(conn->scram, ask->scram, &q->text);
	q->answer.error = e;
	q->answer.result.verdict = e == ERR_TEMP ? AUTH_BUSY : AUTH_WRONG;
	pool_answer(q->ticket, q);
}

static void scram_ends(struct pop3_conn *conn, const struct pop3_ask *ask, struct question *q)
{
	struct auth_result result;

	q->answer.error = scram_final(conn->scram, ask->scram, &q->text, &result);
	answered(q, &result);
}

static void conn_ask(void *session, struct ticket ticket)
{
	struct pop3_conn *conn = session;
	struct question *q = calloc(1, sizeof *q);
	struct pop3_ask ask = conn->session->ask;

	if (!q) { /* answered by nothing: busy */
		pool_answer(ticket, NULL);
		return;
	}
	q->ticket = ticket;
	buf_init(&q->text, SCRAM_REPLY_MAX);
	/* The session may be answered and gone before these return. */
	switch (ask.kind) {
	case POP3_ASK_PASSWORD: auth_check_password(conn->context->config.auth, AUTH_POP3, ask.login, ask.password, &conn->peer->remote, answered, q); break;
	case POP3_ASK_SCRAM_FIRST: scram_begins(conn, &ask, q); break;
	case POP3_ASK_SCRAM_FINAL: scram_ends(conn, &ask, q); break;
	}
}

static void log_login(const struct pop3_conn *conn, const struct auth_result *result)
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

	log_event(result->verdict == AUTH_OK ? LOG_INFO : LOG_WARN, "pop3", "login", "sid=%llu peer=%s login=%s verdict=%s",
		  (unsigned long long)conn->peer->sid, net_ip_text(&conn->peer->remote).text, log_quote(login).text, verdicts[result->verdict]);
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
	struct pop3_answer value = { .result = { .verdict = AUTH_BUSY }, .error = ERR_TEMP };
	struct pop3_conn *conn = session;
	struct question *q = answer;
	enum step step;

	if (q) {
		value = q->answer;
		value.text = buf_span(&q->text);
	}
	conn->credential = value.result.credential;
	if (conn->session->ask.kind != POP3_ASK_SCRAM_FIRST || value.error)
		log_login(conn, &value.result);
	step = pop3_session_answer(conn->session, &value, out);
	drop_answer(conn->context, q);
	return step;
}

enum err pop3_service_new(const struct pop3_config *config, struct service *out)
{
	struct pop3_context *c = calloc(1, sizeof *c);

	if (!c)
		return ERR_TEMP;
	c->config = *config;
	pop3_store_service(&c->service);
	c->service.account_open = account_open;
	c->service.account_close = account_close;
	c->service.may_bind = may_bind;
	c->service.scram_end = scram_end;
	pthread_mutex_init(&c->accounts_lock, NULL);
	*out = (struct service){
		.name = "pop3",
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
		.close = conn_close,
	};
	return ERR_OK;
}

void pop3_service_free(struct service *service)
{
	struct pop3_context *c = service->context;

	service->context = NULL;
	if (!c)
		return;
	pthread_mutex_destroy(&c->accounts_lock);
	free(c);
}
