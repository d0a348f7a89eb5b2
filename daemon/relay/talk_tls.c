/* relay/talk_tls.c: see talk_tls.h.
 *
 * (1) Where something demands TLS, nothing is said without it: the host is put off.
 * (2) Where only chance has it, a server whose TLS is broken gets the mail in plain (RFC 7435), over a new connection.
 * (3) What came in plain behind the answer to STARTTLS was put there to be believed inside TLS: nothing goes to that host now.
 */
#include "daemon/relay/talk_tls.h"

#include "daemon/base/counter.h"
#include "daemon/relay/tls_report.h"

static bool is_must(const struct talk *t)
{
	return t->plan->demand == DEMAND_ENCRYPTED || t->plan->demand == DEMAND_VERIFIED || t->plan->demand == DEMAND_DANE;
}

bool talk_wants_tls(const struct talk *t)
{
	return t->plan->demand != DEMAND_PLAIN && (is_must(t) || !t->setup->plain);
}

bool talk_may_require_tls(const struct tls_plan *plan)
{
	if (plan->demand == DEMAND_DANE)
		return true;
	/* A relay host's name comes from the administrator and not out of the DNS. */
	return plan->demand == DEMAND_VERIFIED && (plan->mx_secure || plan->sts_enforced || plan->kind == POLICY_RELAY_HOST);
}

/* ---- notes for reports (RFC 8460) ---- */

/* A relay host is no business of the recipient's domain. result_type null: a success. */
static void note_session(const struct talk *t, const char *result_type)
{
	static const char *const policy_types[] = {
		[POLICY_NONE] = "no-policy-found",
		[POLICY_DANE] = "tlsa",
		[POLICY_STS] = "sts",
		[POLICY_RULE] = "no-policy-found",
	};
	struct tls_note note;

	if (t->plan->kind == POLICY_RELAY_HOST || t->setup->probe)
		return;
	note = (struct tls_note){
		.domain = t->job->domain,
		.policy_type = policy_types[t->plan->kind],
		.policy = t->plan->policy,
		.mx = t->plan->policy_mx.len > 0 ? t->plan->policy_mx : span_str(t->setup->target->host),
		.success = !result_type,
		.result_type = result_type,
		.sending = stream_local(t->link.stream),
		.mx_addr = t->setup->target->addr,
		.mx_host = t->setup->target->host,
		.reason = result_type ? span_str(t->note.text) : SPAN(""),
	};
	tls_report_note(t->relay, &note);
}

static const char *result_type(enum tls_trouble trouble)
{
	switch (trouble) {
	case TLS_TROUBLE_HOST_MISMATCH: return "certificate-host-mismatch";
	case TLS_TROUBLE_EXPIRED: return "certificate-expired";
	case TLS_TROUBLE_NOT_TRUSTED: return "certificate-not-trusted";
	case TLS_TROUBLE_NONE:
	case TLS_TROUBLE_TLSA:
	case TLS_TROUBLE_OTHER: break;
	}
	return "validation-failure";
}

/* ---- the handshake ---- */

enum talk_end talk_without_tls(struct talk *t)
{
	t->note.text[0] = '\0';
	note_session(t, "starttls-not-supported");
	talk_tell(t, "tls", is_must(t) ? PROBE_FAILED : PROBE_WARNING, t->answer.code != 250, "%s", is_must(t) ? "TLS is required and not offered" : "no TLS is offered");
	if (!is_must(t))
		return TALK_DONE;
	failure_ours(t->why, RELAY_RETRY, "4.7.4", "%s: TLS is required and not offered", t->setup->target->host);
	return TALK_NEXT;
}

static struct tls_expect expectation(const struct talk *t)
{
	const struct tls_plan *plan = t->plan;
	struct tls_expect expect = { .verify = TLS_VERIFY_NONE, .sni = t->setup->target->host, .names = plan->names, .name_count = plan->name_count };

	switch (plan->demand) {
	case DEMAND_PLAIN:
	case DEMAND_NOTHING:
	case DEMAND_ENCRYPTED:
		/* To be told of, and for passwords. */
		if (plan->sts_testing || t->job->via)
			expect.verify = TLS_VERIFY_TRY;
		break;
	case DEMAND_VERIFIED: expect.verify = TLS_VERIFY_NAME; break;
	case DEMAND_DANE:
		expect.verify = TLS_VERIFY_DANE;
		expect.tlsa = plan->tlsa;
		expect.tlsa_count = plan->tlsa_count;
		/* RFC 7672 section 8.1: the TLSA base domain. */
		if (plan->name_count > 0)
			expect.sni = plan->names[0];
		break;
	}
	return expect;
}

static enum talk_end injected(struct talk *t)
{
	counter_add(COUNTER_RELAY_INJECTED, 1);
	t->broken = true;
	note_set(&t->note, "plain text behind the answer to STARTTLS");
	note_session(t, "validation-failure");
	talk_tell(t, "tls", PROBE_FAILED, false, "%s", t->note.text);
	failure_ours(t->why, RELAY_RETRY, "4.7.0", "%s: %s", t->setup->target->host, t->note.text);
	return TALK_NEXT;
}

static enum talk_end succeeded(struct talk *t, const struct tls_expect *expect, enum tls_trouble trouble)
{
	bool verified = stream_is_verified(t->link.stream);
	const char *wrong = NULL;

	if (t->plan->mx_unlisted) {
		note_set(&t->note, "the policy does not name this host");
		wrong = "validation-failure";
	} else if (t->plan->tlsa_unusable) {
		note_set(&t->note, "no TLSA record can be used");
		wrong = "tlsa-invalid";
	} else if (t->plan->sts_testing && !verified) {
		wrong = result_type(trouble);
	}
	note_session(t, wrong);
	talk_tell(t, "tls", wrong ? PROBE_WARNING : PROBE_OK, false, "%s, certificate %s%s", stream_tls_version(t->link.stream),
		  verified                            ? "verified"
		  : expect->verify == TLS_VERIFY_NONE ? "not looked at"
						      : "not verified",
		  expect->verify == TLS_VERIFY_DANE ? " by DANE" : "");
	return TALK_DONE;
}

enum talk_end talk_secure(struct talk *t, bool asked)
{
	struct tls_expect expect = expectation(t);
	enum tls_trouble trouble;

	if (asked && stream_has_buffered(t->link.stream))
		return injected(t);
	t->note.text[0] = '\0';
	if (stream_start_tls(t->link.stream, t->relay->config.tls, &expect, talk_step_ms(t, RELAY_CONNECT_MS), &trouble, &t->note) == ERR_OK)
		return succeeded(t, &expect, trouble);
	t->broken = true;
	note_session(t, result_type(trouble));
	talk_tell(t, "tls", asked && !is_must(t) ? PROBE_WARNING : PROBE_FAILED, false, "handshake failed: %s", t->note.text);
	failure_ours(t->why, RELAY_RETRY, "4.7.5", "%s: TLS handshake failed: %s", t->setup->target->host, t->note.text);
	return asked && !is_must(t) ? TALK_PLAIN : TALK_NEXT;
}
