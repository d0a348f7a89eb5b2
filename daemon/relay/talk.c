/* relay/talk.c: see talk.h.
 *
 *   (a kept connection, or a new one up to AUTH) -> MAIL RCPT... -> content -> [the next recipients] -> kept, or QUIT
 *
 * A connection is kept only when all of it went as it should; what is odd in any way ends with QUIT, and what is lost is closed.
 */
#include "daemon/relay/talk.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/relay/talk_content.h"
#include "daemon/relay/talk_envelope.h"
#include "daemon/relay/talk_hello.h"
#include "daemon/relay/talk_tls.h"

/* ---- what the server can't take ---- */

/* 8-bit in the header: what SMTPUTF8 stands for beside addresses. */
static bool header_has_8bit(struct talk *t)
{
	char block[4096], last[3] = { 0 };
	uint64_t offset = 0;
	size_t count;

	while (offset < RELAY_HEADER_MAX && t->job->read(t->job->arg, offset, block, sizeof(block), &count) == ERR_OK && count > 0) {
		for (size_t i = 0; i < count; i++) {
			if (block[i] & 0x80)
				return true;
			if (block[i] == '\n' && last[0] == '\n' && last[1] == '\r')
				return false;
			last[0] = last[1], last[1] = block[i];
		}
		offset += count;
	}
	return false;
}

static bool needs_utf8(struct talk *t)
{
	return !span_is_ascii(t->job->reverse_path) || (t->job->smtputf8 && !t->setup->probe && header_has_8bit(t));
}

static void refuse_utf8(struct talk *t, struct failure *f)
{
	failure_ours(f, RELAY_FAILED, "5.6.7", "%s does not take internationalized mail (SMTPUTF8)", t->setup->target->host);
}

/* The others can have it. */
static void refuse_utf8_recipients(struct talk *t)
{
	struct failure f;

	refuse_utf8(t, &f);
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (!span_is_ascii(t->job->recipients[i].address))
			result_failed(t->results, i, &f);
	}
}

/* RFC 2852 section 4: mail that must be there in time or come back goes to no server that can't promise it. */
static int64_t seconds_left(const struct talk *t)
{
	return (t->job->deliver_by_ms - clock_real_ms()) / 1000;
}

static bool must_be_in_time(const struct talk *t)
{
	return t->job->deliver_by_ms != 0 && (t->job->deliver_by & 1);
}

static bool promises_time(const struct talk *t, struct failure *f)
{
	const struct offers *offers = &t->link.offers;
	int64_t left_s = seconds_left(t);

	if (!must_be_in_time(t) || left_s <= 0)
		return true;
	if (!offers->deliver_by)
		failure_ours(f, RELAY_FAILED, "5.3.3", "%s does not promise delivery in time (DELIVERBY)", t->setup->target->host);
	else if (offers->deliver_by_min_s > (uint64_t)left_s)
		failure_ours(f, RELAY_FAILED, "5.4.7", "%s promises no delivery in %lld seconds (DELIVERBY)", t->setup->target->host, (long long)left_s);
	else
		return true;
	return false;
}

static bool is_impossible(struct talk *t, struct failure *f)
{
	if (!t->link.offers.utf8 && needs_utf8(t)) {
		refuse_utf8(t, f);
		return true;
	}
	if (must_be_in_time(t) && seconds_left(t) <= 0) {
		failure_ours(f, RELAY_FAILED, "5.4.7", "the time in which it was to be delivered is over");
		return true;
	}
	return false;
}

/* What another host may have when this one has not; *why is set when not. RFC 8689 4.2.1. */
static bool may_go_here(struct talk *t)
{
	if (t->link.stream && !promises_time(t, t->why))
		return false;
	if (!t->job->require_tls)
		return true;
	if (t->link.stream && stream_is_verified(t->link.stream) && t->link.offers.require_tls)
		return true;
	failure_ours(t->why, RELAY_FAILED, "5.7.30", "%s: %s", t->setup->target->host,
		     t->link.stream ? "the message requires TLS on its whole way (REQUIRETLS), and the server does not promise that" : "the message requires verified TLS (REQUIRETLS), and neither DANE nor MTA-STS says what to verify");
	return false;
}

/* ---- transactions ---- */

/* Nobody was accepted, and there are others to ask. */
static bool reset(struct talk *t)
{
	return !t->broken && talk_command(t, "RSET") == ERR_OK && answer_is(&t->answer, 2);
}

static bool may_go_on(const struct talk *t, unsigned transactions)
{
	const struct offers *offers = &t->link.offers;

	return t->results->open > 0 && !t->broken && !t->odd && transactions < RELAY_TRANSACTIONS && (offers->mail_max == 0 || t->link.messages < offers->mail_max);
}

static void decide_put_off(struct talk *t)
{
	if (!t->has_put_off)
		failure_ours(&t->put_off, RELAY_RETRY, "4.5.3", "%s takes few recipients at a time; the others follow", t->setup->target->host);
	results_fail_rest(t->results, &t->put_off);
}

static void decide_probed(struct talk *t)
{
	for (size_t i = 0; i < t->job->recipient_count; i++) {
		if (t->accepted[i])
			result_delivered(t->results, i, &t->answer, t->setup->target->host);
	}
}

static enum talk_end run_transaction(struct talk *t, uint64_t size)
{
	bool data_sent;
	enum talk_end end = talk_envelope(t, size, &data_sent);

	t->job->answered = end == TALK_DONE;
	if (end != TALK_DONE || (t->results->open == 0 && !data_sent))
		return end;
	if (t->setup->probe)
		decide_probed(t);
	else if (t->accepted_count > 0 || data_sent)
		end = talk_content(t, data_sent);
	if (end == TALK_DONE && t->accepted_count == 0 && t->results->open > 0 && !reset(t))
		t->odd = true;
	return end;
}

static enum talk_end deliver(struct talk *t)
{
	unsigned transactions = 0;
	enum talk_end end;
	struct failure f;
	uint64_t size = t->job->size;

	if (!may_go_here(t))
		return TALK_NEXT;
	if (!t->link.offers.utf8)
		refuse_utf8_recipients(t);
	if (t->results->open == 0)
		return TALK_DONE;
	if (is_impossible(t, &f) || (!t->setup->probe && !talk_prepare_content(t, &size, &f))) {
		results_fail_rest(t->results, &f);
		return TALK_DONE;
	}
	if (t->link.offers.size_max > 0 && size > t->link.offers.size_max) {
		failure_ours(&f, RELAY_FAILED, "5.3.4", "%s takes at most %llu bytes", t->setup->target->host, (unsigned long long)t->link.offers.size_max);
		results_fail_rest(t->results, &f);
		return TALK_DONE;
	}
	do {
		end = run_transaction(t, size);
		if (end != TALK_DONE)
			return end;
	} while (may_go_on(t, ++transactions));
	decide_put_off(t);
	return TALK_DONE;
}

/* ---- the connection ---- */

static bool take_kept(struct talk *t)
{
	if (t->setup->fresh || t->setup->probe || !kept_take(t->relay->kept, t->link.key, &t->link))
		return false;
	counter_add(COUNTER_RELAY_REUSED, 1);
	t->reused = true;
	return true;
}

static enum talk_end connect_first(struct talk *t)
{
	enum talk_end end;

	counter_add(COUNTER_RELAY_CONNECTIONS, 1);
	end = talk_begin(t);
	if (t->setup->unchunked)
		t->link.offers.chunking = false;
	return end;
}

static void end_connection(struct talk *t, enum talk_end end)
{
	const struct offers *offers = &t->link.offers;
	bool last = t->link.messages >= KEPT_MESSAGES || (offers->mail_max > 0 && t->link.messages >= offers->mail_max);

	if (!t->link.stream)
		return;
	if (t->broken || relay_is_cancelled(t->relay))
		stream_close(&t->link.stream);
	else if (end == TALK_DONE && !t->odd && !last && !t->setup->probe && t->accepted_count > 0 && answer_is(&t->answer, 2) && !stream_has_buffered(t->link.stream))
		kept_put(t->relay->kept, &t->link);
	else
		kept_leave(t->relay->kept, &t->link);
}

enum talk_end talk_with(const struct talk_setup *setup, struct results *results, struct failure *why)
{
	struct relay_job *job = results->job;
	struct talk t = { .setup = setup, .relay = setup->relay, .job = job, .results = results, .why = why };
	enum talk_end end = TALK_DONE;

	t.plan = setup->target->plan;
	t.chosen = arena_array(job->arena, job->recipient_count + 1, sizeof(*t.chosen));
	t.accepted = arena_array(job->arena, job->recipient_count + 1, sizeof(*t.accepted));
	if (!t.chosen || !t.accepted || !kept_key(job, setup->target, t.plan, t.link.key)) {
		failure_ours(why, RELAY_RETRY, "4.3.0", "no memory");
		return TALK_NEXT;
	}
	job->tls_version[0] = '\0';
	if (job->require_tls && !talk_may_require_tls(t.plan) && !may_go_here(&t))
		return TALK_NEXT;
	if (!take_kept(&t))
		end = connect_first(&t);
	if (end == TALK_DONE && t.link.stream && stream_is_tls(t.link.stream))
		(void)snprintf(job->tls_version, sizeof(job->tls_version), "%s", stream_tls_version(t.link.stream));
	if (end == TALK_DONE && results->open > 0)
		end = deliver(&t);
	convert_end(&t.convert);
	end_connection(&t, end);
	return end;
}
