/* relay/probe.c: see probe.h. The route as a delivery would find it, and the dialogue of a delivery, listened to. */
#include "daemon/relay/probe.h"

#include "daemon/base/clock.h"
#include "daemon/directory/directory.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/talk.h"

struct listener {
	struct relay_job *job;
	struct probe *out;
	const struct route_target *target; /* spoken with now; null: none yet */
	int64_t since_ms;                  /* monotonic: when the step began */
};

static void add_step(struct listener *l, const char *step, enum probe_result result, struct span words, struct span reply)
{
	int64_t now_ms = clock_mono_ms();
	struct probe_step *s;

	if (l->out->count >= PROBE_STEPS_MAX)
		return;
	s = &l->out->steps[l->out->count++];
	*s = (struct probe_step){ .step = step, .result = result, .took_ms = now_ms - l->since_ms };
	s->words = arena_copy(l->job->arena, words);
	s->reply = arena_copy(l->job->arena, reply);
	if (l->target)
		s->host = arena_printf(l->job->arena, "%s (%s)", l->target->host, net_ip_text(&l->target->addr).text);
	l->since_ms = now_ms;
}

static void on_step(void *arg, const char *step, enum probe_result result, struct span words, struct span reply)
{
	add_step(arg, step, result, words, reply);
}

/* ---- the route ---- */

static struct span route_words(const struct relay_job *job, const struct route *route)
{
	const struct tls_plan *plan = route->count > 0 ? route->targets[0].plan : NULL;

	if (job->via)
		return arena_printf(job->arena, "relay host %.*s, port %u", (int)job->via->host.len, job->via->host.ptr, (unsigned)job->via->port);
	if (job->domain.len > 0 && job->domain.ptr[0] == '[')
		return SPAN("an address literal");
	return arena_printf(job->arena, "mail servers of %.*s%s", (int)job->domain.len, job->domain.ptr, plan && plan->mx_secure ? ", signed by DNSSEC" : "");
}

static struct span demand_words(enum tls_demand demand)
{
	switch (demand) {
	case DEMAND_PLAIN: return SPAN("no TLS");
	case DEMAND_NOTHING: return SPAN("TLS when it is offered");
	case DEMAND_ENCRYPTED: return SPAN("TLS, whoever the server is");
	case DEMAND_VERIFIED: return SPAN("TLS with a verified certificate");
	case DEMAND_DANE: break;
	}
	return SPAN("TLS with a certificate of its TLSA records");
}

static struct span policy_words(const struct tls_plan *plan)
{
	switch (plan->kind) {
	case POLICY_NONE: break;
	case POLICY_DANE: return plan->demand == DEMAND_DANE ? SPAN("DANE") : SPAN("DANE with records that can't be used");
	case POLICY_STS:
		return plan->sts_enforced ? SPAN("MTA-STS") : plan->mx_unlisted ? SPAN("MTA-STS in testing mode, which does not name this host")
										: SPAN("MTA-STS in testing mode");
	case POLICY_RULE: return SPAN("a rule for the domain");
	case POLICY_RELAY_HOST: return SPAN("the relay host's setting");
	}
	return SPAN("no policy");
}

static void tell_plan(struct listener *l, const struct tls_plan *plan)
{
	struct span policy = policy_words(plan), demand = demand_words(plan->demand);

	add_step(l, "tls_policy", plan->mx_unlisted ? PROBE_WARNING : PROBE_OK, arena_printf(l->job->arena, "%.*s: %.*s", (int)policy.len, policy.ptr, (int)demand.len, demand.ptr), SPAN(""));
}

static void tell_route(struct listener *l, const struct route *route)
{
	add_step(l, "route", PROBE_OK, route_words(l->job, route), SPAN(""));
	for (size_t i = 0; i < route->count; i++) {
		l->target = &route->targets[i];
		add_step(l, "address", PROBE_OK, l->job->via ? SPAN("address of the relay host") : arena_printf(l->job->arena, "preference %u", (unsigned)l->target->preference), SPAN(""));
	}
	l->target = NULL;
	if (route->put_off)
		add_step(l, "mx", PROBE_WARNING, span_str(route->why_put_off.text), SPAN(""));
}

/* ---- the dialogue ---- */

static enum talk_end try_target(struct listener *l, struct relay *r, const struct route_target *target, int64_t until_ms, struct results *results, struct failure *why)
{
	const struct talk_watch watch = { on_step, l };
	struct talk_setup setup = { .relay = r, .target = target, .fresh = true, .connect_ms = RELAY_CONNECT_FIRST_MS, .until_ms = until_ms, .probe = true, .watch = &watch };
	enum talk_end end;

	l->target = target;
	tell_plan(l, target->plan);
	do
		end = talk_with(&setup, results, why);
	while (talk_goes_again(&setup, end) && !relay_is_cancelled(r));
	return end;
}

static void tell_result(struct listener *l, bool decided, const struct failure *why)
{
	const struct relay_recipient *to = &l->job->recipients[0];
	enum relay_outcome outcome = decided ? to->outcome : why->outcome;
	struct span words = decided ? to->reply : span_str(why->text), reply = SPAN("");

	/* The server's words are its own. */
	if (decided ? to->remote : why->remote) {
		reply = words;
		words = SPAN("as the server says");
	}
	l->out->deliverable = outcome == RELAY_DELIVERED;
	switch (outcome) {
	case RELAY_DELIVERED: words = SPAN("the server takes mail to this address"); break;
	case RELAY_RETRY: words = arena_printf(l->job->arena, "mail would wait and be tried again: %.*s", (int)words.len, words.ptr); break;
	case RELAY_FAILED: words = arena_printf(l->job->arena, "mail would come back: %.*s", (int)words.len, words.ptr); break;
	}
	add_step(l, "result", l->out->deliverable ? PROBE_OK : PROBE_FAILED, words, reply);
}

static bool try_all(struct listener *l, struct relay *r, const struct route *route, struct results *results, struct failure *why)
{
	int64_t until_ms = clock_mono_ms() + PROBE_MS;

	for (size_t i = 0; i < route->count && clock_mono_ms() < until_ms && !relay_is_cancelled(r); i++) {
		if (try_target(l, r, &route->targets[i], until_ms, results, why) == TALK_DONE)
			return true;
	}
	l->target = NULL;
	return false;
}

void relay_probe(struct relay *r, struct relay_job *job, struct probe *out)
{
	struct listener l = { .job = job, .out = out, .since_ms = clock_mono_ms() };
	struct results results;
	struct failure why;
	struct route route;
	bool decided = false;

	*out = (struct probe){ .deliverable = false };
	if (results_begin(&results, job) != ERR_OK)
		return;
	failure_ours(&why, RELAY_RETRY, "4.4.1", "no host could be reached");
	stream_thread_cancel(r->cancel_fd);
	if (route_find(r, job, &route, &why)) {
		tell_route(&l, &route);
		decided = try_all(&l, r, &route, &results, &why);
	} else {
		add_step(&l, "route", PROBE_FAILED, span_str(why.text), SPAN(""));
	}
	stream_thread_cancel(-1);
	tell_result(&l, decided, &why);
}
