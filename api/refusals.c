/* api/refusals.c: /refusals: whom the throttle of logins delays or refuses, and letting them in again. */
#include <jansson.h>
#include <stdlib.h>

#include "api/listing.h"
#include "api/resources.h"
#include "daemon/auth/refusals.h"
#include "daemon/events/events.h"

#define SHOWN_MAX 5000

static json_t *refusal_json(struct api_call *c, const struct refusal *r)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = r->account_id ? snapshot_account(s, r->account_id) : NULL;
	struct span network = r->subject;
	json_t *out;
	size_t at;

	network = r->account_id ? (span_find_char(network, '@', &at) ? span_skip(network, at + 1) : SPAN("")) : span_skip(network, sizeof("network:") - 1);
	out = json_pack("{s:o, s:o, s:o, s:I, s:b, s:o}", "id", json_span(r->subject), "user", a ? json_span(a->address) : json_null(), "network",
			network.len ? json_span(network) : json_null(), "failures", (json_int_t)r->failures, "refused", r->until_ms != 0, "until", json_time(r->until_ms));
	call_release(c, &s);
	return out;
}

struct refusal_list {
	struct api_call *c;
	struct refusal *refusals;
	int refused; /* -1: any */
};

static bool fits(void *arg, size_t i)
{
	const struct refusal_list *l = arg;

	return l->refused < 0 || (l->refusals[i].until_ms != 0) == (l->refused != 0);
}

static struct span key(void *arg, size_t i)
{
	return ((const struct refusal_list *)arg)->refusals[i].subject;
}

static int compare(void *arg, size_t i, struct span after)
{
	return span_compare(key(arg, i), after);
}

static json_t *show(void *arg, size_t i)
{
	const struct refusal_list *l = arg;

	return refusal_json(l->c, &l->refusals[i]);
}

static int by_subject(const void *a, const void *b)
{
	return span_compare(((const struct refusal *)a)->subject, ((const struct refusal *)b)->subject);
}

void api_refusals_list(struct api_call *c)
{
	struct refusal_list l = { .c = c, .refused = call_has_query(c, "refused") ? call_query_flag(c, "refused") : -1 };
	struct listing listing = { .arg = &l, .fits = fits, .key = key, .compare = compare, .show = show };
	enum err e = refusals_list(c->context->auth, SHOWN_MAX, &c->arena, &l.refusals, &listing.count);

	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	qsort(l.refusals, listing.count, sizeof *l.refusals, by_subject);
	listing_reply(c, &listing);
}

static json_t *find_json(struct api_call *c, enum err *e_out)
{
	struct refusal *list;
	size_t count;

	*e_out = refusals_list(c->context->auth, SHOWN_MAX, &c->arena, &list, &count);
	for (size_t i = 0; !*e_out && i < count; i++) {
		if (span_equals(list[i].subject, c->args[0]))
			return refusal_json(c, &list[i]);
	}
	*e_out = *e_out ? *e_out : ERR_NOT_FOUND;
	return NULL;
}

void api_refusal_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .subject = c->args[0], .event = -1 };
	const struct note why = { "nothing is counted of that" };
	enum err e;

	if (!call_begin(c))
		return;
	change.before = find_json(c, &e);
	/* It acts at once: a dry run only looks. */
	if (change.before && !c->dry_run)
		e = refusals_clear(c->context->auth, c->args[0]);
	if (e) {
		json_decref(change.before);
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
	} else {
		(void)call_finish(c, 204, NULL, &change);
	}
}
