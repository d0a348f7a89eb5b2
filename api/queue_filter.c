/* api/queue_filter.c: which messages of the queue are meant. */
#include "api/queue_filter.h"

#include <jansson.h>

#include "api/given.h"
#include "api/user.h"
#include "daemon/mime/date.h"

struct span address_domain(struct span address)
{
	return span_find_char(address, '@', &(size_t){ 0 }) ? given_domain_of(address) : SPAN("");
}

/* ---- patterns ---- */

struct span queue_pattern(struct span text)
{
	return span_starts(text, SPAN("*@")) ? span_skip(text, 1) : text;
}

/* ---- what was asked ---- */

struct source {
	struct api_call *c;
	const json_t *object; /* of the body; null: the query */
	struct arena *a;
};

static struct span text_in(const struct source *s, const char *name)
{
	const json_t *value = json_object_get(s->object, name);

	if (!s->object)
		return arena_copy(s->a, call_query(s->c, name));
	return json_is_string(value) ? arena_copy(s->a, span_make(json_string_value(value), json_string_length(value))) : SPAN("");
}

static int64_t time_in(const struct source *s, const char *name)
{
	int64_t unix_ms = 0;

	if (!s->object)
		return call_query_time(s->c, name);
	return date_parse_rfc3339(text_in(s, name), &unix_ms) == ERR_OK ? unix_ms : 0;
}

/* `older` is the name that it had at first. */
static struct span pattern_in(const struct source *s, const char *name, const char *older)
{
	struct span text = text_in(s, name);

	return arena_copy(s->a, given_pattern(s->c, queue_pattern(text.len ? text : text_in(s, older))));
}

static void read_state(struct span name, struct queue_filter *out)
{
	static const struct {
		const char *name;
		enum recipient_state state;
		enum queue_tried tried;
	} names[] = {
		{ "waiting", RECIPIENT_WAITING, TRIED_NEVER },
		{ "deferred", RECIPIENT_WAITING, TRIED_BEFORE },
		{ "active", RECIPIENT_ACTIVE, TRIED_ANY },
		{ "held", RECIPIENT_HELD, TRIED_ANY },
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (span_equals(name, span_str(names[i].name))) {
			out->has_state = true;
			out->state = names[i].state;
			out->tried = names[i].tried;
		}
	}
}

/* What the caller does not reach, or nobody has, fits nothing. */
static uint64_t account_of(struct api_call *c, struct span name)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct account *a = NULL;
	uint64_t id = UINT64_MAX;

	if (name.len == 0)
		id = 0;
	else if (user_find(c, s, name, &a, NULL) == ERR_OK)
		id = a->id;
	snapshot_release(&s);
	return id;
}

static enum err read_domains(struct api_call *c, struct arena *a, struct queue_wish *out)
{
	size_t count = out->party.len ? 1 : c->caller.domain_count;
	struct span *domains;

	if (c->caller.all_domains && out->party.len == 0)
		return ERR_OK;
	out->filter.local_sender_only = !c->caller.all_domains;
	domains = arena_array(a, count ? count : 1, sizeof *domains);
	if (!domains)
		return ERR_LIMIT;
	domains[0] = SPAN("."); /* is no domain: what fits nothing */
	if (out->party.len && call_reaches_domain(c, out->party))
		domains[0] = out->party;
	for (size_t i = 0; out->party.len == 0 && i < count; i++)
		domains[i] = arena_copy(a, c->caller.domains[i]);
	out->filter.domains = domains;
	out->filter.domain_count = count ? count : 1;
	return ERR_OK;
}

enum err queue_wish_read(struct api_call *c, bool of_body, struct arena *a, struct queue_wish *out)
{
	struct source s = { c, of_body ? json_object_get(c->body, "filter") : NULL, a };
	enum err e;

	*out = (struct queue_wish){
		.filter = {
			.sender = pattern_in(&s, "sender", "from"),
			.recipient = pattern_in(&s, "recipient", "to"),
			.destination = arena_copy(a, given_hop(c, text_in(&s, "destination"))),
			.error = text_in(&s, "error"),
			.accepted_before_ms = time_in(&s, "before"),
			.accepted_after_ms = time_in(&s, "after"),
			.account_id = account_of(c, text_in(&s, "account")),
		},
		.party = text_in(&s, "domain"),
	};
	if (out->party.len)
		out->party = arena_copy(a, given_domain(c, out->party));
	read_state(text_in(&s, "state"), &out->filter);
	e = read_domains(c, a, out);
	return e == ERR_OK && a->failed ? ERR_LIMIT : e;
}

void queue_wish_of(const struct queue_wish *w, const struct queue_entry *e, struct queue_filter *out)
{
	*out = w->filter;
	/* The message is found already: what is left to say is of its recipients. */
	out->domains = NULL;
	out->domain_count = 0;
	if (w->party.len && !span_iequals(w->party, address_domain(e->reverse_path)))
		out->domain = w->party;
}
