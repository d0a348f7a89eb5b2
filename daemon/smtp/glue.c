/* smtp/glue.c: binds sessions to the pool, the directory, the queue and the passwords.
 *
 *   ask PASSWORD --> auth_check_password --hash thread--> pool_answer(_later) --> answer
 *   ask SCRAM_   --> scram_first, scram_final -at once--> pool_answer(_later) --> answer
 *   ask COMMIT   --> accept_commit       --committer----> pool_answer         --> answer
 *   ask PAUSE    --------------------------the wheel----> pool_answer_later   --> answer
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
#include "daemon/queue/quota.h"
#include "daemon/queue/srs_open.h"
#include "daemon/queue/steering.h"
#include "daemon/smtp/harvest.h"
#include "daemon/smtp/local.h"
#include "daemon/smtp/room.h"
#include "daemon/smtp/session.h"
#include "daemon/smtp/tell.h"

#define WORDS_MAX 4096u
#define SRS_MAX 16384u

struct context {
	struct smtp_config config;
	struct local_rates *rates; /* of SMTP_LOCAL */
	struct harvest *harvest;   /* of SMTP_MX and SMTP_SUBMISSION */
	struct room room;
};

struct connection {
	struct context *context;
	struct smtp_session *session;
	struct local_rule *rule; /* of SMTP_LOCAL, as last looked up; null: not yet */
	uint32_t uid;
	const struct session_peer *peer;
	struct scram *scram; /* while an exchange runs */
	struct arena words;  /* of the last recipient's verdict */
	struct sending_tally tally;
	int64_t idle_ms;
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
	out->commands_max = (unsigned)snapshot_number(snapshot, SETTING_SMTP_COMMANDS_MAX);
	out->errors_max = (unsigned)snapshot_number(snapshot, SETTING_SMTP_ERRORS_MAX);
	out->idle_ms = snapshot_number(snapshot, SETTING_SMTP_IDLE_SECONDS) * 1000;
	out->message_ms = snapshot_number(snapshot, SETTING_SMTP_MESSAGE_SECONDS) * 1000;
	out->line_max = (size_t)snapshot_number(snapshot, SETTING_SMTP_LINE_MAX);
	snapshot_release(&snapshot);
	c->idle_ms = out->idle_ms;
}

/* Whoever wants to tell that something is wrong here is heard, also when the owner's mailbox is full (RFC 5321 4.5.1). */
static bool is_postmaster(const struct address *address)
{
	return span_iequals(address->local, SPAN("postmaster"));
}

static enum smtp_recipient look_up(const struct connection *c, const struct address *address, uint64_t size)
{
	const struct snapshot *snapshot = directory_hold(c->context->config.directory);
	enum smtp_recipient found = SMTP_RECIPIENT_REMOTE;
	struct resolution r;

	snapshot_resolve(snapshot, address, &r);
	switch (r.kind) {
	case RESOLVED_ACCOUNT:
	case RESOLVED_ALIAS: found = size > 0 && !is_postmaster(address) && quota_is_over(c->context->config.queue, snapshot, &r, size) ? SMTP_RECIPIENT_OVER_QUOTA : SMTP_RECIPIENT_OK; break;
	case RESOLVED_REFUSED: found = SMTP_RECIPIENT_REFUSED; break;
	case RESOLVED_SUSPENDED: found = SMTP_RECIPIENT_SUSPENDED; break;
	case RESOLVED_UNKNOWN: found = SMTP_RECIPIENT_UNKNOWN; break;
	case RESOLVED_REMOTE: found = SMTP_RECIPIENT_REMOTE; break;
	}
	snapshot_release(&snapshot);
	return found;
}

/* A bounce to a reverse-path that we have written goes on to whom it stands for. */
static bool find_rewritten(const struct connection *c, const struct address *address, struct smtp_recipient_verdict *out)
{
	struct address original;
	struct arena work;
	enum err e;

	if (!srs_is_one(address))
		return false;
	arena_init(&work, SRS_MAX);
	e = srs_open(c->context->config.queue, address, &work, &original);
	arena_clear(&work);
	out->kind = e == ERR_OK ? SMTP_RECIPIENT_OK : SMTP_RECIPIENT_LATER;
	return e == ERR_OK || e == ERR_TEMP;
}

/* Failed for good lately: said at once, instead of in a bounce. What can't be looked up now is found when it is routed. */
static void find_suppression(struct connection *c, const struct address *address, struct smtp_recipient_verdict *out)
{
	struct suppression s;

	arena_reset(&c->words);
	if (suppression_find(c->context->config.queue, address, &c->words, &s) != ERR_OK)
		return;
	out->kind = span_equals(s.status, SPAN("5.1.10")) ? SMTP_RECIPIENT_NO_MAIL : SMTP_RECIPIENT_SUPPRESSED;
	out->words = s.reply;
}

static void find_recipient(void *world, const struct address *address, bool from_nobody, uint64_t size, struct smtp_recipient_verdict *out)
{
	struct connection *c = world;
	enum smtp_profile profile = c->context->config.profile;

	*out = (struct smtp_recipient_verdict){ .kind = SMTP_RECIPIENT_OK };
	if (from_nobody && find_rewritten(c, address, out))
		return;
	out->kind = look_up(c, address, size);
	if (out->kind != SMTP_RECIPIENT_REMOTE)
		return;
	if (profile == SMTP_LOCAL && local_is_hostname(c->context->config.directory, address->domain))
		out->kind = SMTP_RECIPIENT_UNKNOWN;
	else if (profile == SMTP_SUBMISSION || profile == SMTP_LOCAL)
		find_suppression(c, address, out);
}

static bool takes_mail(void *world)
{
	struct connection *c = world;
	const struct snapshot *snapshot = directory_hold(c->context->config.directory);
	const struct span *domains;
	bool any = snapshot_domains(snapshot, &domains) > 0;

	snapshot_release(&snapshot);
	return any;
}

static bool has_room(void *world)
{
	struct connection *c = world;
	const struct snapshot *snapshot = directory_hold(c->context->config.directory);
	uint64_t size = (uint64_t)snapshot_number(snapshot, SETTING_MESSAGE_SIZE_MAX), reserve = (uint64_t)snapshot_number(snapshot, SETTING_DISK_RESERVE);

	snapshot_release(&snapshot);
	return !c->context->config.data_dir || room_is_there(&c->context->room, c->context->config.data_dir, reserve + size + size / 2, clock_mono_ms());
}

static enum sending_verdict may_send(void *world, uint64_t account_id, const struct span *outside, size_t count, int64_t *again_s_out)
{
	struct connection *c = world;
	int64_t again_ms = 0, wait_ms;
	enum sending_verdict verdict;

	if (count <= 1) /* of another message */
		c->tally = (struct sending_tally){ .count = 0 };
	verdict = sending_check(c->context->config.queue, account_id, outside, count, &c->tally, &again_ms);
	wait_ms = again_ms - clock_real_ms();
	*again_s_out = again_ms == 0 ? 0 : wait_ms < 1000 ? 1
							  : wait_ms / 1000;
	return verdict;
}

static unsigned unknown_named(void *world)
{
	struct connection *c = world;

	return c->context->harvest ? harvest_add(c->context->harvest, &c->peer->remote, clock_mono_ms()) : 0;
}

static bool login_holds(void *world, uint64_t account_id, uint64_t credential)
{
	struct connection *c = world;

	return auth_still_holds(c->context->config.auth, AUTH_SMTP, account_id, credential);
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
	.takes_mail = takes_mail,
	.has_room = has_room,
	.sending = may_send,
	.unknown_named = unknown_named,
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
	case AUTH_PROTOCOL_OFF: return SMTP_PROTOCOL_OFF;
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

	v->answer.verdict = result == ERR_OK ? SMTP_YES : result == ERR_LIMIT ? SMTP_LIMITED
						  : result == ERR_DENIED      ? SMTP_STOPPED
									      : SMTP_LATER;
	if (v->answer.verdict == SMTP_LATER)
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
	c->idle_ms = SMTP_IDLE_MS;
	arena_init(&c->words, WORDS_MAX);
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
	return ((const struct connection *)session)->idle_ms;
}

static void conn_close(void *session)
{
	struct connection *c = session;

	smtp_session_free(&c->session);
	scram_free(&c->scram);
	arena_clear(&c->words);
	free(c->rule);
	free(c);
}

enum err smtp_service_new(const struct smtp_config *config, struct service *out)
{
	struct context *x = calloc(1, sizeof(*x));

	if (!x)
		return ERR_TEMP;
	x->config = *config;
	if ((config->profile == SMTP_LOCAL && local_rates_new(&x->rates) != ERR_OK) || ((config->profile == SMTP_MX || config->profile == SMTP_SUBMISSION) && harvest_new(&x->harvest) != ERR_OK)) {
		local_rates_free(&x->rates);
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

	if (x) {
		local_rates_free(&x->rates);
		harvest_free(&x->harvest);
	}
	free(x);
	service->context = NULL;
}
