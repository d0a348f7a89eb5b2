/* api/probe.c: /relays:probe: would mail to an address go out, and if not, where does it stop? Nothing is sent. */
#include <jansson.h>

#include "api/probes.h"
#include "api/reply.h"
#include "api/resources.h"
#include "daemon/directory/directory.h"

#define BUSY_S 5

static const char *result_name(enum probe_result result)
{
	switch (result) {
	case PROBE_OK: return "ok";
	case PROBE_WARNING: return "warning";
	case PROBE_FAILED: return "failed";
	case PROBE_NOTE: return "note";
	}
	return "note";
}

static void answer(struct api_call *c)
{
	const struct probe *p = probes_result(c);
	json_t *steps = json_array(), *out;

	for (size_t i = 0; p && i < p->count; i++) {
		const struct probe_step *s = &p->steps[i];

		json_array_append_new(steps, json_pack("{s:s, s:s, s:o, s:o, s:o, s:I}", "step", s->step, "result", result_name(s->result), "host", json_span_or_null(s->host), "words", json_span(s->words), "reply",
						       json_span_or_null(s->reply), "took_ms", (json_int_t)s->took_ms));
	}
	out = json_pack("{s:o, s:b, s:o}", "address", json_span(body_text(c, "address")), "deliverable", p && p->deliverable, "steps", steps);
	if (p) {
		call_reply_json(c, 200, &out);
	} else {
		json_decref(out);
		call_reply_error(c, ERR_TEMP, NULL);
	}
	probes_done(c);
}

/* Local mail never leaves. */
static bool is_ours(struct api_call *c, const struct address *to)
{
	const struct snapshot *s = call_directory(c);
	bool ours = snapshot_has_domain(s, to->domain);

	call_release(c, &s);
	return ours;
}

static struct span sender_of(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct span sender = body_has(c, "sender") ? body_text(c, "sender") : arena_copy(&c->arena, snapshot_postmaster(s));

	call_release(c, &s);
	return sender;
}

void api_relay_probe(struct api_call *c)
{
	struct span recipient = body_text(c, "address"), sender = sender_of(c);
	struct address to, from;
	enum err e;

	if (address_parse(recipient, &c->arena, &to) != ERR_OK) {
		call_reply_problem(c, 422, "invalid", "address", "not an address: local@domain");
		return;
	}
	if (span_starts(to.domain, SPAN("["))) {
		call_reply_problem(c, 422, "invalid", "address", "an address literal is no recipient");
		return;
	}
	if (is_ours(c, &to)) {
		call_reply_problem(c, 422, "invalid", "address", "a domain of this server: mail to it never leaves");
		return;
	}
	if (sender.len > 0 && address_parse(sender, &c->arena, &from) != ERR_OK) {
		call_reply_problem(c, 422, "invalid", "sender", "not an address: local@domain, or \"\" for the null sender");
		return;
	}
	e = c->context->probes ? probes_ask(c, sender, recipient, answer) : ERR_TEMP;
	if (e == ERR_LIMIT) {
		call_reply_problem(c, 429, "too_many_probes", NULL, "%d probes run already", PROBES_MAX);
		reply_retry_after(c, BUSY_S);
	} else if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
	}
}
