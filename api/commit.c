/* api/commit.c: changes of a call: one batch of the directory, its audit entries, the kept answer, and what is said after the commit.
 *
 *   call_begin --> OPEN --call_change...--> call_finish --commit--> answered, events raised
 *                   +--call_abandon, a false call_if_match, dry run--> rolled back, answered
 *
 * (1) An audit entry is part of the batch of its change. (2) No event is raised for what was not committed.
 */
#include "api/commit.h"

#include <jansson.h>

#include "api/idempotency.h"
#include "api/reply.h"
#include "api/routes.h"
#include "api/value.h"
#include "daemon/events/audit.h"
#include "daemon/events/events.h"

/* Changes of a dry run that are told with before and after: JSON takes a lot of room. */
#define PLAN_DETAILED 5000
#define VALUE_MAX (1024u * 1024u)

/* One change, until it is committed; in the call's arena. */
struct planned {
	struct planned *next;
	const char *verb;
	struct span subject, domain;
	json_t *before, *after; /* of a dry run */
	int event;
};

bool call_begin(struct api_call *c)
{
	struct note why = { "" };
	enum err e = directory_begin(c->context->directory, &why);

	c->open = e == ERR_OK;
	c->planned = NULL;
	c->planned_last = &c->planned;
	c->planned_count = 0;
	c->change_error = ERR_OK;
	if (e != ERR_OK)
		call_reply_error(c, e, &why);
	return c->open;
}

static void forget_plan(struct api_call *c)
{
	for (struct planned *p = c->planned; p; p = p->next) {
		json_decref(p->before);
		json_decref(p->after);
		p->before = p->after = NULL;
	}
}

static void roll_back(struct api_call *c)
{
	if (c->open)
		directory_end(c->context->directory);
	c->open = false;
	c->staged = NULL;
	forget_plan(c);
}

void call_abandon(struct api_call *c, enum err e, const struct note *why)
{
	roll_back(c);
	call_reply_error(c, e, why);
}

/* ---- the audit ---- */

enum err commit_audit(struct directory *d, struct audit_entry *entry, const struct change *change)
{
	struct buf before, after;
	enum err e = ERR_TEMP;

	buf_init(&before, VALUE_MAX);
	buf_init(&after, VALUE_MAX);
	if ((!change->before || json_write(change->before, &before)) && (!change->after || json_write(change->after, &after))) {
		entry->subject = change->subject;
		entry->domain = change->domain;
		entry->before = buf_span(&before);
		entry->after = buf_span(&after);
		e = audit_add(d, entry);
	}
	buf_clear(&before);
	buf_clear(&after);
	return e;
}

static enum err audit(struct api_call *c, const struct change *change)
{
	struct net_addr_text peer = net_ip_text(&c->request->peer);
	struct audit_entry entry = {
		.actor = c->caller.name,
		.actor_account = c->caller.account_id,
		.via = c->caller.via,
		.peer = c->request->peer.family == NET_NONE ? SPAN("") : span_str(peer.text),
		.request_id = c->request->request_id,
		.operation = span_str(routes[c->operation].name),
	};

	return commit_audit(c->context->directory, &entry, change);
}

void call_change(struct api_call *c, struct change *change)
{
	struct planned *p = arena_alloc(&c->arena, sizeof *p);

	if (p) {
		*p = (struct planned){ .verb = change->verb, .subject = arena_copy(&c->arena, change->subject), .domain = arena_copy(&c->arena, change->domain), .event = change->event };
		*c->planned_last = p;
		c->planned_last = &p->next;
	}
	if (c->change_error == ERR_OK && !p)
		c->change_error = ERR_LIMIT;
	if (c->change_error == ERR_OK && !c->dry_run)
		c->change_error = audit(c, change);
	if (p && c->dry_run && c->planned_count++ < PLAN_DETAILED) {
		p->before = change->before;
		p->after = change->after;
	} else {
		json_decref(change->before);
		json_decref(change->after);
	}
	change->before = change->after = NULL;
}

/* ---- conditions ---- */

static bool needs_condition(enum operation operation)
{
	return operation == OP_settings_update || operation == OP_apply_create;
}

/* Only as the GET of the same thing writes it: then the tags are the same. */
static bool is_current(struct api_call *c, const json_t *now)
{
	struct buf text;
	bool current = false;

	buf_init(&text, API_RESPONSE_MAX);
	if (now && !json_is_null(now) && json_write(now, &text)) { /* RFC 9110 13.1.1: nothing there, nothing fits */
		buf_add_char(&text, '\n');
		current = !text.failed && reply_tag_matches(c->request->if_match, reply_etag(&c->arena, buf_span(&text)), false);
	}
	buf_clear(&text);
	return current;
}

bool call_if_match(struct api_call *c, json_t *now)
{
	if (c->request->if_match.len == 0 && !needs_condition(c->operation))
		return true;
	if (c->request->if_match.len > 0 && is_current(c, now))
		return true;
	roll_back(c);
	if (c->request->if_match.len == 0)
		call_reply_problem(c, 428, "if_match_required", NULL, "send If-Match with the ETag of what you have read");
	else
		call_reply_problem(c, 412, "etag_mismatch", NULL, "it has changed since: read it again");
	return false;
}

/* ---- the end ---- */

static void reply_plan(struct api_call *c)
{
	json_t *list = json_array(), *out;

	for (struct planned *p = c->planned; p; p = p->next) {
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o}", "verb", p->verb, "subject", json_span(p->subject), "before", p->before ? p->before : json_null(), "after",
						      p->after ? p->after : json_null()));
		p->before = p->after = NULL;
	}
	out = json_pack("{s:b, s:o}", "dry_run", 1, "changes", list);
	reply_reset(c->response);
	call_reply_json(c, 200, &out);
}

void commit_raise(struct events *events, int type, struct span subject, struct span domain, const char *verb, struct span actor)
{
	struct event event = { .type = (enum event_type)type, .subject = subject, .domain = domain, .field_count = 2 };

	if (type < 0)
		return;
	event.fields[0] = (struct event_field){ "verb", span_str(verb) };
	event.fields[1] = (struct event_field){ "actor", actor };
	events_raise(events, &event);
}

static void answer(struct api_call *c, int status, json_t **value)
{
	if (value && *value)
		call_reply_json(c, status, value);
	else
		call_reply_empty(c);
}

bool call_finish(struct api_call *c, int status, json_t **value, struct change *change)
{
	struct note why = { "" };
	enum err e;

	if (change)
		call_change(c, change);
	e = c->change_error;
	if (e != ERR_OK || c->dry_run) {
		if (value)
			json_decref(*value);
		if (e != ERR_OK)
			call_abandon(c, e, &why);
		else
			reply_plan(c);
		roll_back(c);
		return false;
	}
	answer(c, status, value);
	e = idempotency_keep(c);
	if (e == ERR_OK)
		e = directory_commit(c->context->directory, &why);
	else
		directory_end(c->context->directory);
	c->open = false;
	c->staged = NULL;
	if (e != ERR_OK) {
		c->idempotency.kept = false;
		reply_reset(c->response);
		call_reply_error(c, e, &why);
		return false;
	}
	for (const struct planned *p = c->planned; p; p = p->next)
		commit_raise(c->context->events, p->event, p->subject, p->domain, p->verb, c->caller.name);
	return true;
}

const struct snapshot *call_directory(struct api_call *c)
{
	if (c->open && directory_staged(c->context->directory, &c->staged, NULL) == ERR_OK)
		return c->staged;
	c->staged = NULL;
	return directory_hold(c->context->directory);
}

void call_release(struct api_call *c, const struct snapshot **s)
{
	if (*s && *s == c->staged)
		*s = NULL;
	else
		snapshot_release(s);
}
