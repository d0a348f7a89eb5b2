/* relay/talk_hello.c: see talk_hello.h.
 *
 *   connect -> [TLS] -> greeting -> EHLO (HELO) -> [STARTTLS -> EHLO] -> [AUTH]
 *
 * RFC 7504: 521 at the greeting is this host's last word, 556 that of the whole domain.
 */
#include "daemon/relay/talk_hello.h"

#include "daemon/directory/directory.h"
#include "daemon/relay/talk_auth.h"
#include "daemon/relay/talk_tls.h"

#define SUBMISSIONS_PORT 465 /* RFC 8314: TLS from the first byte */

static enum talk_end say_helo(struct talk *t, struct span name)
{
	enum err e = talk_send_line(t, "HELO %.*s", (int)name.len, name.ptr);

	if (e == ERR_OK)
		e = talk_read(t, talk_step_ms(t, RELAY_COMMAND_MS));
	if (e != ERR_OK)
		return talk_lost(t, "HELO", e);
	return answer_is(&t->answer, 2) ? TALK_DONE : talk_refused(t);
}

/* RFC 5321 3.2: who doesn't know EHLO is asked with HELO. What refuses all mail is no such answer. */
static bool is_without_ehlo(const struct talk *t)
{
	return answer_is(&t->answer, 5) && t->answer.code != 521 && t->answer.code != 554 && t->answer.code != 556;
}

static enum talk_end say_hello(struct talk *t)
{
	struct span name = t->job->helo;
	struct net_addr local = stream_local(t->link.stream);
	struct net_addr_text literal = net_literal_text(&local);
	enum talk_end end;
	enum err e;

	if (name.len == 0)
		name = span_str(literal.text);
	memset(&t->link.offers, 0, sizeof(t->link.offers));
	e = talk_silent(t);
	if (e == ERR_OK)
		e = talk_send_line(t, "EHLO %.*s", (int)name.len, name.ptr);
	if (e == ERR_OK)
		e = talk_read_lines(t, talk_step_ms(t, RELAY_COMMAND_MS), offers_read, &t->link.offers);
	if (e != ERR_OK)
		return talk_lost(t, "EHLO", e);
	if (answer_is(&t->answer, 2)) {
		talk_tell(t, "ehlo", PROBE_OK, true, "%s", stream_is_tls(t->link.stream) ? "greeted again inside TLS" : "greeted");
		return TALK_DONE;
	}
	/* What a refusal said is no offer. */
	memset(&t->link.offers, 0, sizeof(t->link.offers));
	end = is_without_ehlo(t) && !stream_is_tls(t->link.stream) ? say_helo(t, name) : talk_refused(t);
	talk_tell(t, "ehlo", end == TALK_DONE ? PROBE_WARNING : PROBE_FAILED, true, "%s", end == TALK_DONE ? "the server has no extensions" : "the server refused us");
	return end;
}

/* Also says EHLO again. */
static enum talk_end start_tls(struct talk *t)
{
	enum talk_end end;
	enum err e;

	if (stream_is_tls(t->link.stream) || !talk_wants_tls(t))
		return TALK_DONE;
	if (!t->link.offers.start_tls)
		return talk_without_tls(t);
	e = talk_command(t, "STARTTLS");
	if (e != ERR_OK)
		return talk_lost(t, "STARTTLS", e);
	if (t->answer.code != 220)
		return talk_without_tls(t);
	end = talk_secure(t, true);
	return end == TALK_DONE ? say_hello(t) : end;
}

static const struct net_addr *source_of(const struct talk *t)
{
	return t->setup->target->addr.family == NET_IPV6 ? &t->job->source6 : &t->job->source4;
}

static enum talk_end connect_to(struct talk *t)
{
	const struct route_target *target = t->setup->target;
	struct net_addr_text where = net_addr_text(&target->addr);
	enum err e = stream_connect_from(source_of(t), &target->addr, talk_step_ms(t, t->setup->connect_ms), &t->link.stream, &t->note);

	if (e == ERR_OK) {
		talk_tell(t, "connect", PROBE_OK, false, "connected to %s", where.text);
		return TALK_DONE;
	}
	t->broken = true;
	failure_ours(t->why, RELAY_RETRY, "4.4.1", "%s (%s): %s", target->host, where.text, t->note.text);
	talk_tell(t, "connect", PROBE_FAILED, false, "%s: %s", where.text, t->note.text);
	return TALK_NEXT;
}

static enum talk_end read_greeting(struct talk *t)
{
	enum err e = talk_read(t, talk_step_ms(t, RELAY_GREETING_MS));
	enum talk_end end = e == ERR_OK ? TALK_DONE : talk_lost(t, "greeting", e);

	if (e == ERR_OK && !answer_is(&t->answer, 2)) {
		end = talk_refused(t);
		if (t->answer.code == 556) {
			results_fail_rest(t->results, t->why);
			end = TALK_DONE;
		}
	}
	talk_tell(t, "greeting", end == TALK_DONE && t->results->open > 0 ? PROBE_OK : PROBE_FAILED, e == ERR_OK, "%s", e == ERR_OK ? "" : t->note.text);
	return end;
}

enum talk_end talk_begin(struct talk *t)
{
	bool implicit = t->plan->demand != DEMAND_PLAIN && t->job->via && t->job->via->port == SUBMISSIONS_PORT;
	enum talk_end end = connect_to(t);

	if (end == TALK_DONE && implicit)
		end = talk_secure(t, false);
	if (end == TALK_DONE)
		end = read_greeting(t);
	if (end != TALK_DONE || t->results->open == 0)
		return end;
	end = say_hello(t);
	if (end == TALK_DONE)
		end = start_tls(t);
	return end == TALK_DONE ? talk_authenticate(t) : end;
}
