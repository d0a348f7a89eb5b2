/* api/queue_filter.c: which messages of the queue are meant. */
#include "api/queue_filter.h"

#include <jansson.h>

#include "daemon/mime/date.h"

struct span address_domain(struct span address)
{
	size_t at = address.len;

	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	return at > 0 ? span_skip(address, at) : SPAN("");
}

static enum queue_wanted wanted_of(struct span name)
{
	static const struct {
		const char *name;
		enum queue_wanted wanted;
	} names[] = { { "waiting", WANTED_WAITING }, { "deferred", WANTED_DEFERRED }, { "active", WANTED_ACTIVE } };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (span_equals(name, span_str(names[i].name)))
			return names[i].wanted;
	return WANTED_ANY;
}

void queue_filter_of_query(struct api_call *c, struct queue_query *out)
{
	*out = (struct queue_query){ wanted_of(call_query(c, "state")), call_query(c, "from"), call_query(c, "to"), call_query(c, "domain"), call_query_time(c, "before") };
}

static struct span text_in(struct arena *a, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? arena_copy(a, span_make(json_string_value(value), json_string_length(value))) : SPAN("");
}

void queue_filter_of_body(struct api_call *c, struct arena *a, struct queue_query *out)
{
	const json_t *object = json_object_get(c->body, "filter");

	*out = (struct queue_query){ wanted_of(text_in(a, object, "state")), text_in(a, object, "from"), text_in(a, object, "to"), text_in(a, object, "domain"), 0 };
	if (date_parse_rfc3339(text_in(a, object, "before"), &out->before_ms) != ERR_OK)
		out->before_ms = 0;
}

static bool half_fits(struct span pattern, struct span text)
{
	return span_equals(pattern, SPAN("*")) || span_iequals(pattern, text);
}

static bool pattern_fits(struct span pattern, struct span address)
{
	struct span wanted = address_domain(pattern), domain = address_domain(address);

	if (pattern.len == 0 || span_iequals(pattern, address))
		return true;
	if (wanted.len == 0)
		return false;
	return half_fits(wanted, domain) && address.len > domain.len && half_fits(span_take(pattern, pattern.len - wanted.len - 1), span_take(address, address.len - domain.len - 1));
}

static bool state_fits(enum queue_wanted wanted, const struct queue_recipient *r)
{
	switch (wanted) {
	case WANTED_ANY: return true;
	case WANTED_WAITING: return r->state == RECIPIENT_WAITING && r->attempts == 0;
	case WANTED_DEFERRED: return r->state == RECIPIENT_WAITING && r->attempts > 0;
	case WANTED_ACTIVE: return r->state == RECIPIENT_ACTIVE;
	}
	return false;
}

bool queue_filter_fits(const struct queue_query *f, const struct queue_entry *e)
{
	bool in_domain = f->domain.len == 0 || span_iequals(f->domain, address_domain(e->reverse_path)), to_fits = false, state = false;

	if (!pattern_fits(f->from, e->reverse_path) || (f->before_ms && e->accepted_ms >= f->before_ms))
		return false;
	for (size_t i = 0; i < e->recipient_count; i++) {
		const struct queue_recipient *r = &e->recipients[i];

		in_domain = in_domain || span_iequals(f->domain, address_domain(r->address));
		if (pattern_fits(f->to, r->address)) {
			to_fits = true;
			state = state || state_fits(f->state, r);
		}
	}
	return in_domain && to_fits && state;
}
