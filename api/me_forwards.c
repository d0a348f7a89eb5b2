/* api/me_forwards.c: /me/forwards: where one's own mail goes on to. */
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"

static json_t *forwards_json(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = snapshot_account(s, c->caller.account_id);
	json_t *out = a ? json_pack("{s:o, s:b}", "forwards", json_spans(a->forwards, a->forward_count), "keeps", (int)a->forward_keeps) : NULL;

	call_release(c, &s);
	return out;
}

void api_me_forwards_get(struct api_call *c)
{
	json_t *out = forwards_json(c);

	call_reply_json(c, 200, &out);
}

void api_me_forwards_put(struct api_call *c)
{
	struct change change = { .verb = "update", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	struct note why = { "" };
	const struct span *targets;
	size_t count;
	json_t *out;
	enum err e;

	if (!call_begin(c))
		return;
	change.before = forwards_json(c);
	if (!call_if_match(c, change.before)) {
		json_decref(change.before);
		return;
	}
	targets = body_texts(c, "forwards", &count);
	e = directory_account_set_forwards(c->context->directory, c->caller.account_id, targets, count, !body_has(c, "keeps") || body_flag(c, "keeps"), &why);
	if (e) {
		json_decref(change.before);
		given_is_wrong(c, e, "forwards", &why);
		return;
	}
	out = forwards_json(c);
	change.after = json_incref(out);
	(void)call_finish(c, 200, &out, given_real_change(&change));
}
