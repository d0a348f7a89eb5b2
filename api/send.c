/* api/send.c: POST /messages: mail handed in over the API.
 *
 *   claim an id ─▶ read (structured, or a message as it is) ─▶ may the caller write as this sender? ─▶ who of the recipients is there?
 *     ─▶ accept ─▶ 202
 *
 * The id is kept with the Idempotency-Key before the queue takes anything: a request that was cut short and comes again finds out by it
 * whether the message was taken.
 */
#include "api/send.h"

#include <jansson.h>
#include <pthread.h>

#include "api/reply.h"
#include "api/resources.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/directory/setting.h"
#include "daemon/events/trace.h"
#include "daemon/mime/date.h"
#include "daemon/queue/quota.h"
#include "daemon/queue/sending.h"
#include "daemon/queue/steering.h"
#include "daemon/smtp/room.h"

#define HEADER_MAX (256u * 1024u)
#define NO_ROOM_S 60 /* until it is worth another try */

/* ---- who may ---- */

/* No token writes as somebody who has a role, but for its owner: it manages nobody who has. */
static bool is_managed(const struct snapshot *s, const struct address *address)
{
	const struct account *account;
	struct resolution r;

	snapshot_resolve(s, address, &r);
	account = r.kind == RESOLVED_ACCOUNT || r.kind == RESOLVED_SUSPENDED ? snapshot_account(s, r.account_id) : NULL;
	return !account || account->role == ROLE_USER;
}

/* What a role reaches by itself (the socket: all of ours), or what the account may send as; a token stays in its domains. */
bool send_may_use(struct api_call *c, const struct address *address)
{
	const struct snapshot *s = call_directory(c);
	const struct caller *who = &c->caller;
	const struct span *domains;
	size_t count = snapshot_domains(s, &domains);
	bool may = false;

	if (who->kind == CALLER_LOCAL)
		for (size_t i = 0; i < count && !may; i++)
			may = span_equals(domains[i], address->domain);
	else if (who->token_limited)
		may = call_reaches_domain(c, address->domain) && ((who->role != ROLE_USER && is_managed(s, address)) || snapshot_may_send_as(s, who->account_id, address));
	else
		may = snapshot_may_send_as(s, who->account_id, address);
	call_release(c, &s);
	return may;
}

/* ---- recipients ---- */

/* *outside_out: it is for another server. `size` of the message; 0: it is there already, and a full mailbox is no matter. */
static const char *refusal_of(struct api_call *c, const struct snapshot *s, const struct address *address, uint64_t size, bool *outside_out)
{
	struct suppression lately;
	struct resolution r;

	snapshot_resolve(s, address, &r);
	*outside_out = r.kind == RESOLVED_REMOTE;
	switch (r.kind) {
	case RESOLVED_ACCOUNT:
	case RESOLVED_ALIAS: return size > 0 && quota_is_over(c->context->queue, s, &r, size) ? "over_quota" : NULL;
	case RESOLVED_REMOTE: return suppression_find(c->context->queue, address, &c->arena, &lately) == ERR_OK ? "suppressed" : NULL;
	case RESOLVED_REFUSED:
	case RESOLVED_SUSPENDED: return "suspended";
	case RESOLVED_UNKNOWN: return "no_such_user";
	}
	return "no_such_user";
}

/* One result each; what is refused leaves the list. */
static json_t *judge_recipients(struct api_call *c, struct outgoing *o, uint64_t size)
{
	const struct snapshot *s = call_directory(c);
	json_t *results = json_array();
	size_t kept = 0;
	bool outside;

	o->outside = arena_array(&c->arena, o->recipient_count + 1, sizeof *o->outside);
	for (size_t i = 0; i < o->recipient_count; i++) {
		const char *refusal = refusal_of(c, s, &o->addresses[i], size, &outside);

		json_array_append_new(results, json_pack("{s:o, s:b, s:o}", "address", json_span(o->recipients[i]), "accepted", refusal == NULL, "code", refusal ? json_string(refusal) : json_null()));
		if (refusal)
			continue;
		if (outside && o->outside)
			o->outside[o->outside_count++] = o->recipients[i];
		o->recipients[kept] = o->recipients[i];
		o->addresses[kept++] = o->addresses[i];
	}
	o->recipient_count = kept;
	call_release(c, &s);
	return results;
}

/* ---- limits ---- */

/* Who sends from this machine itself is not limited, as over SMTP; the socket sends as nobody. */
static bool is_counted(const struct api_call *c)
{
	return c->caller.account_id && !net_is_loopback(&c->request->peer);
}

static void reply_stopped(struct api_call *c)
{
	call_reply_problem(c, 403, "sending_stopped", NULL, "sending from this account is stopped: an administrator has to release it");
}

static void reply_limited(struct api_call *c, const char *when, int64_t again_ms)
{
	int64_t wait_s = (again_ms - clock_real_ms()) / 1000;

	call_reply_problem(c, 429, "sending_limit", NULL, "so many recipients elsewhere are not allowed %s", when);
	reply_retry_after(c, wait_s > 0 ? wait_s : 60);
}

/* False: answered. A stop holds from everywhere. */
static bool may_send(struct api_call *c, const struct outgoing *o)
{
	struct sending_tally tally = { .count = 0 };
	enum sending_verdict verdict;
	int64_t again_ms = 0;

	if (!c->caller.account_id || !o->outside)
		return true;
	verdict = sending_check(c->context->queue, c->caller.account_id, o->outside, is_counted(c) ? o->outside_count : 0, &tally, &again_ms);
	if (verdict == SENDING_OK || (verdict != SENDING_STOPPED && !is_counted(c)))
		return true;
	if (verdict == SENDING_STOPPED)
		reply_stopped(c);
	else
		reply_limited(c, verdict == SENDING_HOUR ? "in an hour" : "in a day", again_ms);
	return false;
}

/* What SMTP asks for at MAIL (smtp/room.h). False: answered. */
static bool has_room(struct api_call *c)
{
	static struct room room;
	const struct snapshot *s = call_directory(c);
	uint64_t size = (uint64_t)snapshot_number(s, SETTING_MESSAGE_SIZE_MAX), reserve = (uint64_t)snapshot_number(s, SETTING_DISK_RESERVE);

	call_release(c, &s);
	if (!c->context->spool_dir || room_is_there(&room, c->context->spool_dir, reserve + size + size / 2, clock_mono_ms()))
		return true;
	call_reply_problem(c, 503, "temporary", NULL, "the disk has too little room for new mail");
	reply_retry_after(c, NO_ROOM_S);
	return false;
}

/* ---- the queue ---- */

struct waiter {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool done;
	enum err result;
};

static void committed(void *arg, enum err result)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->done = true;
	w->result = result;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static enum err commit(struct accept **message)
{
	struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, ERR_OK };

	accept_commit(message, committed, &w);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.changed, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_cond_destroy(&w.changed);
	pthread_mutex_destroy(&w.lock);
	return w.result;
}

static enum err add_bytes(void *arg, struct span bytes)
{
	return accept_add(arg, bytes);
}

/* RFC 5321 4.4. Where the author sits is nobody's business. */
static void write_received(const struct outgoing *o, struct buf *out)
{
	buf_addf(out, "Received: by %.*s with HTTP\r\n\tid %s;\r\n\t", (int)o->hostname.len, o->hostname.ptr, o->id_text);
	date_write_header(clock_real_ms(), out);
	buf_add_str(out, "\r\n");
}

static enum err seal(struct api_call *c, const struct outgoing *o, struct accept *message, struct note *why)
{
	struct net_addr_text peer = net_addr_text(&c->request->peer);
	struct accept_envelope envelope = {
		.id = o->id,
		.source = FROM_SUBMISSION,
		.account_id = c->caller.account_id,
		.reverse_path = o->from_text,
		.recipients = o->recipients,
		.recipient_count = o->recipient_count,
		.counted = is_counted(c),
		.smtputf8 = o->smtputf8,
		.body_8bit = o->body_8bit,
		.origin = { .connected_ms = clock_real_ms(), .peer = c->request->peer.family == NET_NONE ? SPAN("") : span_str(peer.text), .helo = SPAN("API") },
	};
	struct buf trace;
	enum err e;

	buf_init(&trace, 4096);
	write_received(o, &trace);
	envelope.trace = buf_span(&trace);
	e = trace.failed ? ERR_TEMP : accept_seal(message, &envelope, why);
	buf_clear(&trace);
	return e;
}

/* ---- the answer ---- */

static void reply_accepted(struct api_call *c, const struct outgoing *o, json_t *results)
{
	json_t *out = json_pack("{s:s, s:o, s:o}", "id", o->id_text, "message_id", json_span(o->message_id), "recipients", results);

	call_location(c, "messages", span_str(o->id_text));
	call_reply_json(c, 202, &out);
}

static void reply_refused(struct api_call *c, enum err e, const struct note *why)
{
	const struct snapshot *s;
	int64_t max;

	if (e != ERR_LIMIT || why->text[0]) {
		call_reply_error(c, e, why);
		return;
	}
	s = call_directory(c);
	max = snapshot_number(s, SETTING_MESSAGE_SIZE_MAX);
	call_release(c, &s);
	call_reply_problem(c, 413, "too_large", NULL, "a message has %lld bytes at most, its header %u", (long long)max, HEADER_MAX);
}

/* What other messages have used up meanwhile, or a forward of its own that it writes to: only the commit knows. */
static void reply_uncommitted(struct api_call *c, enum err e)
{
	if (e == ERR_DENIED)
		reply_stopped(c);
	else if (e == ERR_LIMIT)
		reply_limited(c, "now", 0);
	else
		call_reply_error(c, e, NULL);
}

/* Was the message of this id taken, before the request was cut short? */
static bool was_taken(struct api_call *c, const struct outgoing *o)
{
	struct queue_entry entry;
	struct trace_message message;

	if (queue_find(c->context->queue, &o->id, &c->arena, &entry) == ERR_OK)
		return true;
	return c->context->trace && trace_find(c->context->trace, span_str(o->id_text), &c->arena, &message) == ERR_OK;
}

/* True: go on. The claimed id, or a new one, which is claimed. */
static bool choose_id(struct api_call *c, struct outgoing *o, bool *again_out)
{
	const struct snapshot *s;

	*again_out = call_claimed(c).len > 0 && queue_id_parse(call_claimed(c), &o->id) == ERR_OK;
	if (!*again_out)
		queue_id_new(&o->id);
	queue_id_text(&o->id, o->id_text);
	s = call_directory(c);
	o->hostname = arena_copy(&c->arena, snapshot_hostname(s));
	o->recipient_max = (size_t)snapshot_number(s, SETTING_RECIPIENTS_MAX);
	call_release(c, &s);
	o->message_id = arena_printf(&c->arena, "%s@%.*s", o->id_text, (int)o->hostname.len, o->hostname.ptr);
	if (o->recipient_max > QUEUE_MAX_RECIPIENTS)
		o->recipient_max = QUEUE_MAX_RECIPIENTS;
	o->recipients = arena_array(&c->arena, o->recipient_max + 1, sizeof *o->recipients);
	o->addresses = arena_array(&c->arena, o->recipient_max + 1, sizeof *o->addresses);
	if (o->recipients && o->addresses)
		return true;
	call_reply_error(c, ERR_TEMP, NULL);
	return false;
}

/* ---- the message ---- */

struct content {
	struct compose composed;
	struct buf decoded, header; /* of a message as it is */
	struct span body;
	bool raw;
};

static bool read_content(struct api_call *c, struct outgoing *o, struct content *m)
{
	struct span raw = c->upload.len ? c->upload : c->request->body;

	m->raw = !c->body || body_has(c, "raw");
	if (!m->raw)
		return send_read_structured(c, o, &m->composed);
	if (c->body) {
		if (base64_decode(body_text(c, "raw"), &m->decoded) != ERR_OK) {
			call_reply_problem(c, 422, "invalid", "raw", "not base64 of a message of the size that is allowed");
			return false;
		}
		raw = buf_span(&m->decoded);
	}
	return send_read_raw(c, o, raw, &m->header, &m->body);
}

static enum err write_content(struct accept *message, const struct content *m)
{
	enum err e;

	if (!m->raw)
		return compose_write(&m->composed, add_bytes, message);
	e = accept_add(message, buf_span(&m->header));
	return e == ERR_OK ? send_add_lines(m->body, add_bytes, message) : e;
}

/* About: of what is composed, the request has the length, texts and attachments in it. */
static uint64_t size_of(const struct api_call *c, const struct content *m)
{
	if (m->raw)
		return m->header.len + m->body.len;
	return c->upload.len ? c->upload.len : c->request->body.len;
}

static void hand_over(struct api_call *c, struct outgoing *o, const struct content *m, bool again)
{
	const bool taken = again && was_taken(c, o);
	json_t *results = judge_recipients(c, o, taken ? 0 : size_of(c, m));
	struct accept *message = NULL;
	struct note why = { "" };
	bool is_sealed;
	enum err e;

	if (o->recipient_count == 0) {
		json_decref(results);
		call_reply_problem(c, 422, "no_recipients", "to", "none of the recipients can be reached");
		return;
	}
	if (taken) {
		reply_accepted(c, o, results);
		return;
	}
	if (!has_room(c) || !may_send(c, o) || !call_claim(c, span_str(o->id_text))) {
		json_decref(results);
		return;
	}
	e = accept_begin(c->context->queue, &message);
	if (e == ERR_OK)
		e = write_content(message, m);
	if (e == ERR_OK)
		e = seal(c, o, message, &why);
	is_sealed = e == ERR_OK;
	if (is_sealed)
		e = commit(&message);
	accept_end(&message);
	if (e == ERR_OK) {
		reply_accepted(c, o, results);
		return;
	}
	json_decref(results);
	if (is_sealed) {
		reply_uncommitted(c, e);
		return;
	}
	if (e == ERR_SYNTAX && !why.text[0])
		note_set(&why, "a lone CR or a NUL is not allowed in a message");
	reply_refused(c, e, &why);
}

void api_message_send(struct api_call *c)
{
	struct outgoing o = { .recipient_count = 0 };
	struct content m = { .raw = false };
	bool again;

	buf_init(&m.decoded, API_UPLOAD_MAX);
	buf_init(&m.header, HEADER_MAX);
	if (choose_id(c, &o, &again) && read_content(c, &o, &m))
		hand_over(c, &o, &m, again);
	buf_clear(&m.decoded);
	buf_clear(&m.header);
}
