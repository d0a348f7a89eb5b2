/* smtp/glue.c: binds sessions to the pool, the directory, the queue and the passwords.
 *
 *   ask PASSWORD --> auth_check_password --hash thread--> pool_answer(_later) --> answer
 *   ask SCRAM_   --> scram_first, scram_final -at once--> pool_answer(_later) --> answer
 *   ask COMMIT   --> accept_commit       --committer----> pool_answer         --> answer
 *
 * The value that travels is a struct verdict on the heap; drop_answer frees it when its session has gone meanwhile.
 */
#include <stdlib.h>

#include "daemon/auth/auth.h"
#include "daemon/auth/scram.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/setting.h"
#include "daemon/net/pool.h"
#include "daemon/smtp/local.h"
#include "daemon/smtp/session.h"
#include "daemon/smtp/tell.h"

struct context {
	struct smtp_config config;
	struct local_rates *rates; /* of SMTP_LOCAL */
};

struct connection {
	struct context *context;
	struct smtp_session *session;
	struct local_rule *rule; /* of SMTP_LOCAL, as last looked up; null: not yet */
	uint32_t uid;
	const struct session_peer *peer;
	struct scram *scram; /* while an exchange runs */
};

struct verdict {
	struct smtp_answer answer;
	struct ticket ticket;
	struct buf text; /* of the answer */
};

/* Sent when there was no memory for a real one; never freed. */
static struct verdict no_memory = { .answer = { .verdict = SMTP_LATER } };

/* ---- quick questions ---- */

static void find_limits(void *world, struct smtp_limits *out)
{
	struct connection *c = world;
	const struct snapshot *snapshot = directory_hold(c->context->config.directory);

	out->size_max = (uint64_t)snapshot_number(snapshot, SETTING_MESSAGE_SIZE_MAX);
	out->recipients_max = (size_t)snapshot_number(snapshot, SETTING_RECIPIENTS_MAX);
	snapshot_release(&snapshot);
}

static void find_recipient(void *world, const struct address *address, bool from_nobody, struct smtp_recipient_verdict *out)
{
	struct connection *c = world;
	const struct snapshot *snapshot = directory_hold(c->context->config.directory);
	enum smtp_recipient found = SMTP_RECIPIENT_REMOTE;
	struct resolution r;

	(void)from_nobody;
	snapshot_resolve(snapshot, address, &r);
	switch (r.kind) {
	case RESOLVED_ACCOUNT:
	case RESOLVED_ALIAS: found = SMTP_RECIPIENT_OK; break;
	case RESOLVED_REFUSED: found = SMTP_RECIPIENT_REFUSED; break;
	case RESOLVED_SUSPENDED: found = SMTP_RECIPIENT_SUSPENDED; break;
	case RESOLVED_UNKNOWN: found = SMTP_RECIPIENT_UNKNOWN; break;
	case RESOLVED_REMOTE: found = SMTP_RECIPIENT_REMOTE; break;
	}
	snapshot_release(&snapshot);
	if (found == SMTP_RECIPIENT_REMOTE && c->context->config.profile == SMTP_LOCAL && local_is_hostname(c->context->config.directory, address->domain))
		found = SMTP_RECIPIENT_UNKNOWN;
	*out = (struct smtp_recipient_verdict){ .kind = found };
}

static bool login_holds(void *world, uint64_t account_id, uint64_t credential)
{
	struct connection *c = world;

	return auth_still_holds(c->context->config.auth, account_id, credential);
}

static bool may_send_as(void *world, uint64_t account_id, const struct address *address)
{
	struct connection *c = world;
	const struct snapshot *snapshot = directory_hold(c->context->config.directory);
	bool may;

	if (c->context->config.profile == SMTP_LOCAL)
		may = c->rule && local_rule_may_send_as(c->rule, c->context->config.directory, address);
	else
		may = snapshot_may_send_as(snapshot, account_id, address);
	snapshot_release(&snapshot);
	return may;
}

static const struct smtp_local *look_up_local(void *world)
{
	struct connection *c = world;

	if (!c->rule)
		c->rule = calloc(1, sizeof(*c->rule));
	if (!c->rule || local_rule_read(c->context->config.directory, c->uid, c->rule) != ERR_OK)
		return NULL;
	return &c->rule->holds;
}

static bool local_may_send_now(void *world)
{
	struct connection *c = world;

	return local_rates_take(c->context->rates, c->uid, clock_mono_ms());
}

static bool may_bind(void *world)
{
	const struct connection *c = world;

	return scram_may_bind(c->context->config.auth, c->peer);
}

static void scram_end(void *world)
{
	scram_free(&((struct connection *)world)->scram);
}

static int64_t real_ms(void *world)
{
	(void)world;
	return clock_real_ms();
}

static int64_t mono_ms(void *world)
{
	(void)world;
	return clock_mono_ms();
}

static enum err begin(void *world, struct accept **out)
{
	struct connection *c = world;

	return accept_begin(c->context->config.queue, out);
}

static void note_refused(void *world, const struct smtp_refusal *refusal)
{
	smtp_tell_refused(&((struct connection *)world)->context->config, refusal);
}

static const struct smtp_services services = {
	.limits = find_limits,
	.recipient = find_recipient,
	.may_send_as = may_send_as,
	.login_holds = login_holds,
	.local = look_up_local,
	.local_may_send_now = local_may_send_now,
	.may_bind = may_bind,
	.scram_end = scram_end,
	.real_ms = real_ms,
	.mono_ms = mono_ms,
	.new_id = queue_id_new,
	.accept_begin = begin,
	.accept_add = accept_add,
	.accept_header = accept_header,
	.accept_set_header = accept_set_header,
	.accept_received_count = accept_received_count,
	.accept_seal = accept_seal,
	.accept_end = accept_end,
	.refused = note_refused,
};

/* ---- slow questions ---- */

static enum smtp_verdict verdict_of(enum auth_verdict verdict)
{
	switch (verdict) {
	case AUTH_OK: return SMTP_YES;
	case AUTH_WRONG: return SMTP_NO;
	case AUTH_SUSPENDED: return SMTP_SUSPENDED;
	case AUTH_BUSY: return SMTP_LATER;
	case AUTH_REFUSED: return SMTP_REFUSED;
	case AUTH_WANTS_APP_PASSWORD: return SMTP_WANTS_APP_PASSWORD;
	}
	return SMTP_LATER;
}

static void checked(void *arg, const struct auth_result *result)
{
	struct verdict *v = arg;

	v->answer.verdict = verdict_of(result->verdict);
	v->answer.account_id = result->account_id;
	v->answer.credential = result->credential;
	v->answer.retry_after_ms = result->retry_after_ms;
	if (result->delay_ms > 0)
		pool_answer_later(v->ticket, v, result->delay_ms);
	else
		pool_answer(v->ticket, v);
}

/* A message that is none is the client's fault; all else that ends an exchange early looks like a wrong password. */
static enum smtp_verdict verdict_of_err(enum err e)
{
	switch (e) {
	case ERR_OK: return SMTP_YES;
	case ERR_SYNTAX: return SMTP_MALFORMED;
	case ERR_TEMP: return SMTP_LATER;
	case ERR_STATE:
	case ERR_DENIED:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_LIMIT:
	case ERR_CORRUPT: return SMTP_NO;
	}
	return SMTP_NO;
}

static void scram_begins(struct connection *c, const struct smtp_question *q, struct verdict *v)
{
	struct session_binding binding = { .exporter_len = 0 };
	enum err e;

	scram_free(&c->scram);
	if (c->peer->binding)
		c->peer->binding(c->peer, &binding);
	e = scram_begin(c->context->config.auth, AUTH_SMTP, q->scram_plus, may_bind(c), &binding, q->remote, &c->scram);
	if (e == ERR_OK)
		e = scram_first(c->scram, q->scram, &v->text);
	v->answer.verdict = verdict_of_err(e);
	pool_answer(v->ticket, v);
}

static void scram_ends(struct connection *c, const struct smtp_question *q, struct verdict *v)
{
	struct auth_result result;

	if (scram_final(c->scram, q->scram, &v->text, &result) != ERR_SYNTAX) {
		checked(v, &result);
		return;
	}
	v->answer.verdict = SMTP_MALFORMED;
	pool_answer(v->ticket, v);
}

static void committed(void *arg, enum err result)
{
	struct verdict *v = arg;

	v->answer.verdict = result == ERR_OK ? SMTP_YES : SMTP_LATER;
	if (result != ERR_OK)
		log_event(LOG_ERROR, "smtp", "commit_failed", "error=%s", err_name(result));
	pool_answer(v->ticket, v);
}

static void conn_ask(void *session, struct ticket ticket)
{
	struct connection *c = session;
	const struct smtp_question *q = smtp_session_question(c->session);
	struct verdict *v = calloc(1, sizeof(*v));

	if (!v || q->kind == SMTP_ASK_NOTHING || (q->kind != SMTP_ASK_COMMIT && q->kind != SMTP_ASK_PAUSE && !c->context->config.auth)) {
		free(v);
		pool_answer(ticket, &no_memory);
		return;
	}
	v->ticket = ticket;
	buf_init(&v->text, SCRAM_REPLY_MAX);
	/* The answer may be given, and the session be gone, before these calls return. */
	switch (q->kind) {
	case SMTP_ASK_PASSWORD: auth_check_password(c->context->config.auth, AUTH_SMTP, q->login, q->password, q->remote, checked, v); break;
	case SMTP_ASK_SCRAM_FIRST: scram_begins(c, q, v); break;
	case SMTP_ASK_SCRAM_FINAL: scram_ends(c, q, v); break;
	case SMTP_ASK_COMMIT: accept_commit(q->message, committed, v); break;
	case SMTP_ASK_PAUSE: pool_answer_later(ticket, v, q->delay_ms); break;
	case SMTP_ASK_NOTHING: break;
	}
}

static void drop_answer(void *context, void *answer)
{
	struct verdict *v = answer;

	(void)context;
	if (v == &no_memory)
		return;
	buf_clear(&v->text);
	free(v);
}

static enum step conn_answer(void *session, void *answer, struct out *out)
{
	struct connection *c = session;
	struct verdict *v = answer;
	struct smtp_answer value = v->answer;
	enum step step;

	value.text = buf_span(&v->text);
	if (c->scram)
		value.login = scram_login(c->scram);
	step = smtp_session_answer(c->session, &value, out);
	drop_answer(c->context, answer);
	return step;
}

/* ---- the pool's side ---- */

static enum err conn_open(void *context, const struct session_peer *peer, struct ticket self, void **session_out)
{
	struct context *x = context;
	const struct snapshot *snapshot;
	struct connection *c = calloc(1, sizeof(*c));
	enum err e;

	(void)self;
	if (!c)
		return ERR_TEMP;
	c->context = x;
	c->peer = peer;
	c->uid = net_addr_uid(&peer->remote);
	snapshot = directory_hold(x->config.directory);
	struct smtp_setup setup = {
		.services = &services,
		.world = c,
		.profile = x->config.profile,
		.peer = peer,
		.hostname = snapshot_hostname(snapshot),
		.start_tls = x->config.tls,
	};
	e = smtp_session_new(&setup, &c->session);
	snapshot_release(&snapshot);
	if (e != ERR_OK) {
		free(c);
		return e;
	}
	*session_out = c;
	return ERR_OK;
}

static enum step conn_feed(void *session, struct span in, size_t *used_out, struct out *out)
{
	return smtp_session_feed(((struct connection *)session)->session, in, used_out, out);
}

static enum step conn_event(void *session, enum session_event event, struct out *out)
{
	return smtp_session_event(((struct connection *)session)->session, event, out);
}

static int64_t conn_deadline_ms(const void *session)
{
	(void)session;
	return SMTP_IDLE_MS;
}

static void conn_close(void *session)
{
	struct connection *c = session;

	smtp_session_free(&c->session);
	scram_free(&c->scram);
	free(c->rule);
	free(c);
}

enum err smtp_service_new(const struct smtp_config *config, struct service *out)
{
	struct context *x = calloc(1, sizeof(*x));

	if (!x)
		return ERR_TEMP;
	x->config = *config;
	if (config->profile == SMTP_LOCAL && local_rates_new(&x->rates) != ERR_OK) {
		free(x);
		return ERR_TEMP;
	}
	*out = (struct service){
		.name = smtp_profile_name(config->profile),
		.context = x,
		.open = conn_open,
		.busy_reply = smtp_reply_busy(),
		.feed = conn_feed,
		.ask = conn_ask,
		.answer = conn_answer,
		.drop_answer = drop_answer,
		.event = conn_event,
		.deadline_ms = conn_deadline_ms,
		.close = conn_close,
	};
	return ERR_OK;
}

void smtp_service_free(struct service *service)
{
	struct context *x = service->context;

	if (x)
		local_rates_free(&x->rates);
	free(x);
	service->context = NULL;
}
