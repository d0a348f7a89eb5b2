/* smtp/cmd_data.c: DATA, and the content of a message whichever way it comes (RFC 5321 4.1.1.4, 4.5.2).
 *
 *   begin --content--> add ... --end--> finish: loop check, header policy, trace, seal --> question COMMIT --> 250
 *
 * A message that is refused on its way is read to its end, so that the peer hears why at the place where it listens; but not
 * more than SMTP_DISCARD_MAX of it.
 */
#include <stdio.h>

#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/mime/header.h"
#include "daemon/smtp/commands.h"
#include "daemon/smtp/header.h"
#include "daemon/smtp/refusal.h"
#include "daemon/smtp/trace.h"

static enum smtp_reply_id refusal_of(enum err e)
{
	switch (e) {
	case ERR_LIMIT: return REPLY_TOO_LARGE;
	case ERR_SYNTAX: return REPLY_BAD_HEADER;
	/* The domain of a recipient ceased to be ours since its RCPT. */
	case ERR_DENIED: return REPLY_RELAY_DENIED;
	case ERR_OK:
	case ERR_STATE:
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_TEMP:
	case ERR_CORRUPT: return REPLY_TRY_LATER;
	}
	return REPLY_TRY_LATER;
}

void smtp_content_measure(struct smtp_session *s)
{
	s->content_bytes = s->discarded_bytes = 0;
	s->content_started_ms = s->services->mono_ms(s->world);
}

enum err smtp_content_begin(struct smtp_session *s, bool dots)
{
	s->scanner = (struct body_scanner){ .dots = dots, .binary = s->wish.body_binary };
	s->refusal = REPLY_NONE;
	smtp_content_measure(s);
	return s->services->accept_begin(s->world, &s->message);
}

void smtp_content_refuse(struct smtp_session *s, enum smtp_reply_id refusal)
{
	s->refusal = refusal;
	s->services->accept_end(&s->message);
}

static void keep(void *arg, struct span run)
{
	struct smtp_session *s = arg;
	enum err e;

	s->content_bytes += run.len;
	if (s->refusal == REPLY_NONE && s->content_bytes > s->limits.size_max)
		smtp_content_refuse(s, REPLY_TOO_LARGE);
	if (s->refusal != REPLY_NONE) {
		s->discarded_bytes += run.len;
		return;
	}
	e = s->services->accept_add(s->message, run);
	if (e != ERR_OK)
		smtp_content_refuse(s, refusal_of(e));
}

static void answer_each(struct smtp_session *s)
{
	s->answers = s->profile == SMTP_LMTP ? s->recipient_count : 0;
}

void smtp_content_refused(struct smtp_session *s, enum smtp_reply_id refusal, struct smtp_reply *reply)
{
	*reply = (struct smtp_reply){ refusal, SPAN("") };
	if (refusal == REPLY_TOO_SLOW)
		reply->text = smtp_hostname(s);
	if (refusal == REPLY_SENDING_LIMIT)
		reply->text = SPAN("The limit of this account is reached by now, try again later");
	if (refusal == REPLY_CONTENT_LINE_TOO_LONG) {
		(void)snprintf(s->text, sizeof(s->text), "%zu", s->limits.line_max);
		reply->text = span_str(s->text);
	}
	answer_each(s);
	smtp_refused(s, reply, NULL, NULL);
}

enum body_found smtp_content_add(struct smtp_session *s, struct span in, size_t *used_out, struct smtp_reply *reply)
{
	enum body_found found = body_scan(&s->scanner, in, used_out, keep, s);

	if (found == BODY_BAD)
		smtp_content_refused(s, REPLY_BARE_CR_LF, reply);
	else if (s->refusal == REPLY_NONE && !s->wish.body_binary && s->scanner.longest > s->limits.line_max)
		smtp_content_refuse(s, REPLY_CONTENT_LINE_TOO_LONG);
	return found;
}

bool smtp_content_is_endless(struct smtp_session *s, struct smtp_reply *reply)
{
	int64_t took_ms;

	if (s->discarded_bytes > SMTP_DISCARD_MAX) {
		smtp_content_refused(s, s->refusal, reply);
		return true;
	}
	took_ms = s->services->mono_ms(s->world) - s->content_started_ms;
	if (took_ms <= s->limits.message_ms || s->content_bytes / (uint64_t)(took_ms / 1000) >= SMTP_SLOW_BODY_BYTES_PER_S)
		return false;
	smtp_content_refused(s, REPLY_TOO_SLOW, reply);
	return true;
}

enum step smtp_run_data(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply)
{
	enum err e;

	(void)args;
	if (s->state == AT_MAIL) {
		reply->id = s->profile == SMTP_LMTP ? REPLY_NO_RECIPIENTS_LMTP : REPLY_NO_RECIPIENTS;
		return STEP_REPLY;
	}
	/* RFC 3030 section 3: lines and a dot can't say where such a message ends. */
	if (s->wish.body_binary) {
		reply->id = REPLY_NEEDS_BDAT;
		return STEP_REPLY;
	}
	e = smtp_content_begin(s, true);
	if (e != ERR_OK) {
		reply->id = REPLY_TRY_LATER;
		return STEP_REPLY;
	}
	smtp_set_state(s, AT_DATA);
	reply->id = REPLY_SEND_DATA;
	return STEP_REPLY;
}

enum step smtp_data_feed(struct smtp_session *s, struct span in, size_t *used_out, struct smtp_reply *reply)
{
	switch (smtp_content_add(s, in, used_out, reply)) {
	case BODY_BAD: return STEP_CLOSE;
	case BODY_MORE: return smtp_content_is_endless(s, reply) ? STEP_CLOSE : STEP_BODY;
	case BODY_END: break;
	}
	return smtp_content_finish(s, reply);
}

/* The header as we keep it: a submitted one completed, one from outside without what only we may say. */
static enum smtp_reply_id prepare_header(struct smtp_session *s)
{
	struct span received = s->services->accept_header(s->message);
	enum smtp_reply_id refusal;
	struct buf header;
	enum err e;

	if (smtp_is_from_outside(s) && header_count(received, SPAN("Return-Path")) == 0)
		return REPLY_NONE;
	buf_init(&header, SMTP_HEADER_MAX);
	refusal = smtp_is_from_outside(s) ? smtp_header_clean(received, &header) : smtp_header_prepare(s, received, &header);
	if (refusal == REPLY_NONE) {
		e = s->services->accept_set_header(s->message, buf_span(&header));
		if (e != ERR_OK)
			refusal = refusal_of(e);
	}
	buf_clear(&header);
	return refusal;
}

static enum smtp_reply_id seal(struct smtp_session *s)
{
	struct note why = { "" };
	struct smtp_origin_text room = { "", "" };
	struct buf trace;
	enum err e;

	buf_init(&trace, 4096);
	smtp_trace_write(s, &trace);
	struct accept_envelope envelope = {
		.id = s->id,
		.source = smtp_is_from_outside(s) ? FROM_MX : FROM_SUBMISSION,
		.account_id = s->account_id,
		.reverse_path = s->reverse_path,
		.recipients = s->recipients,
		.recipient_count = s->recipient_count,
		.wishes = s->wishes,
		.counted = smtp_is_limited(s),
		.smtputf8 = s->wish.utf8,
		.body_8bit = s->wish.body_8bit,
		.body_binary = s->wish.body_binary,
		.require_tls = s->wish.require_tls,
		.envid = s->wish.envid,
		.ret = s->wish.ret,
		.priority = s->wish.priority,
		.release_ms = s->wish.release_ms,
		.deliver_by_ms = s->wish.deliver_by_ms,
		.deliver_by = s->wish.deliver_by,
		.trace = buf_span(&trace),
	};
	smtp_origin(s, &room, &envelope.origin);
	e = trace.failed ? ERR_TEMP : s->services->accept_seal(s->message, &envelope, &why);
	buf_clear(&trace);
	if (e == ERR_OK)
		return REPLY_NONE;
	log_event(LOG_WARN, "smtp", "not_accepted", "sid=%llu error=%s why=%s", (unsigned long long)s->peer->sid, err_name(e), log_quote(span_str(why.text)).text);
	return refusal_of(e);
}

static enum smtp_reply_id finish(struct smtp_session *s)
{
	enum smtp_reply_id refusal;

	/* No octets at all: an empty header all the same. */
	if (s->content_bytes == 0)
		keep(s, SPAN("\r\n"));
	if (s->refusal != REPLY_NONE)
		return s->refusal;
	if (s->services->accept_received_count(s->message) > SMTP_RECEIVED_MAX)
		return REPLY_LOOP;
	s->services->new_id(&s->id);
	refusal = prepare_header(s);
	return refusal != REPLY_NONE ? refusal : seal(s);
}

enum step smtp_content_finish(struct smtp_session *s, struct smtp_reply *reply)
{
	reply->id = finish(s);
	if (reply->id != REPLY_NONE) {
		smtp_content_refused(s, reply->id, reply);
		smtp_transaction_clear(s);
		smtp_set_state(s, AT_READY);
		return STEP_REPLY;
	}
	s->ask = (struct smtp_question){ .kind = SMTP_ASK_COMMIT, .message = &s->message };
	smtp_set_state(s, AT_WAIT);
	return STEP_WAIT;
}

static void log_received(const struct smtp_session *s)
{
	log_event(LOG_INFO, "smtp", "received", "sid=%llu qid=%s source=%s peer=%s account=%llu from=%s recipients=%zu size=%llu",
		  (unsigned long long)s->peer->sid, s->text, smtp_profile_name(s->profile), net_ip_text(&s->peer->remote).text,
		  (unsigned long long)s->account_id, log_quote(s->reverse_path).text, s->recipient_count, (unsigned long long)s->content_bytes);
}

static enum smtp_reply_id refusal_of_commit(enum smtp_verdict verdict)
{
	if (verdict == SMTP_LIMITED)
		return REPLY_SENDING_LIMIT;
	return verdict == SMTP_STOPPED ? REPLY_SENDING_STOPPED : REPLY_TRY_LATER;
}

enum step smtp_commit_answer(struct smtp_session *s, const struct smtp_answer *answer, struct smtp_reply *reply)
{
	if (answer->verdict == SMTP_YES) {
		smtp_id_text(&s->id, s->text, sizeof(s->text));
		*reply = (struct smtp_reply){ REPLY_QUEUED, span_str(s->text) };
		counter_add(smtp_is_from_outside(s) ? COUNTER_SMTP_RECEIVED : COUNTER_SMTP_SUBMITTED, 1);
		if (log_enabled(LOG_INFO))
			log_received(s);
		answer_each(s);
		s->spent = 0;
		s->commands = s->commands_before;
	} else {
		smtp_content_refused(s, refusal_of_commit(answer->verdict), reply);
	}
	smtp_transaction_clear(s);
	smtp_set_state(s, AT_READY);
	return STEP_REPLY;
}
