/* api/senders.c: /senders: what accounts send outside, and the breaker that stops one whose password was stolen. */
#include <jansson.h>

#include "api/given.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/queue/sending.h"

#define PAGE 100

static json_t *limit_json(int64_t limit)
{
	return limit > 0 ? json_integer((json_int_t)limit) : json_null();
}

static json_t *stop_json(const struct sending_state *s)
{
	return json_pack("{s:o, s:o, s:o, s:I}", "reason", json_span(s->reason), "detail", json_span(s->detail), "since", json_time(s->since_ms), "held", (json_int_t)s->held);
}

static json_t *sender_json(struct api_call *c, const struct sending_state *s, struct span address)
{
	json_t *out = json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:b, s:o}", "id", json_span(arena_printf(&c->arena, "usr_%llu", (unsigned long long)s->account_id)), "user", json_span_or_null(address),
				"hour", (json_int_t)s->hour, "day", (json_int_t)s->day, "new_day", (json_int_t)s->new_day, "failed_day", (json_int_t)s->failed_day, "limit_hour", limit_json(s->limit_hour),
				"limit_day", limit_json(s->limit_day), "limit_new", limit_json(s->limit_new), "stopped", (int)s->stopped, "stop", s->stopped ? stop_json(s) : json_null());

	return out;
}

/* ---- lists ---- */

/* False: not the caller's to see. An account that is gone is nobody's but of those who see all. */
static bool shows(const struct api_call *c, const struct snapshot *s, uint64_t id, struct span *address_out)
{
	const struct account *a = snapshot_account(s, id);

	*address_out = a ? a->address : SPAN("");
	return a ? call_reaches_domain(c, given_domain_of(a->address)) : c->caller.all_domains;
}

struct sender_list {
	struct api_call *c;
	const struct snapshot *s;
	json_t *list;
	size_t limit, taken;
	uint64_t after, last; /* where to go on; the last one on the page */
	bool more;
};

static void take(struct sender_list *l, const struct sending_state *states, size_t count)
{
	struct span address;

	for (size_t i = 0; i < count && !l->more; i++) {
		l->after = states[i].account_id;
		if (!shows(l->c, l->s, states[i].account_id, &address))
			continue;
		if (l->taken == l->limit) {
			l->more = true;
			break;
		}
		json_array_append_new(l->list, given_fields(l->c, sender_json(l->c, &states[i], address)));
		l->last = states[i].account_id;
		l->taken++;
	}
}

void api_senders_list(struct api_call *c)
{
	struct sender_list l = { .c = c, .s = call_directory(c), .list = json_array() };
	struct page page = { .total = -1 };
	struct sending_state *states;
	struct paging paging;
	size_t count = PAGE;
	enum err e = ERR_OK;

	if (!call_paging(c, &paging)) {
		json_decref(l.list);
		call_release(c, &l.s);
		return;
	}
	l.limit = paging.limit;
	if (paging.after.len == 0 || span_to_u64(paging.after, INT64_MAX, &l.after) != ERR_OK)
		l.after = 0;
	while (e == ERR_OK && count == PAGE && !l.more) {
		e = sending_list(c->context->queue, l.after, PAGE, call_query_flag(c, "stopped"), &c->arena, &states, &count);
		if (e == ERR_OK)
			take(&l, states, count);
	}
	call_release(c, &l.s);
	if (e != ERR_OK) {
		json_decref(l.list);
		call_reply_error(c, e, NULL);
		return;
	}
	if (l.more)
		page.next_cursor = cursor_make(c, arena_printf(&c->arena, "%llu", (unsigned long long)l.last));
	page.list = l.list;
	call_reply_page(c, &page);
}

/* ---- one ---- */

struct named {
	uint64_t id;
	struct span address; /* the call's arena */
};

/* False: answered. */
static bool find_user(struct api_call *c, struct named *out)
{
	const struct snapshot *s = call_directory(c);
	const struct account *a = NULL;
	struct note why = { "" };
	enum err e = user_find(c, s, c->args[0], &a, &why);

	if (e == ERR_OK)
		*out = (struct named){ a->id, arena_copy(&c->arena, a->address) };
	call_release(c, &s);
	if (e == ERR_OK)
		return true;
	if (c->open)
		call_abandon(c, e, &why);
	else
		call_reply_error(c, e, &why);
	return false;
}

void api_sender_get(struct api_call *c)
{
	struct sending_state state;
	struct named user;
	json_t *out;
	enum err e;

	if (!find_user(c, &user))
		return;
	e = sending_find(c->context->queue, user.id, &c->arena, &state);
	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	out = sender_json(c, &state, user.address);
	call_reply_json(c, 200, &out);
}

/* The queue has a file of its own: what is done there is done, the audit entry follows. */
static enum err begin(struct api_call *c, struct named *user, struct change *change)
{
	struct sending_state state;
	enum err e;

	if (!call_begin(c) || !find_user(c, user))
		return ERR_DENIED;
	e = sending_find(c->context->queue, user->id, &c->arena, &state);
	if (e != ERR_OK) {
		call_abandon(c, e, NULL);
		return e;
	}
	change->subject = user->address;
	change->domain = given_domain_of(user->address);
	change->before = sender_json(c, &state, user->address);
	return ERR_OK;
}

static void answer_error(struct api_call *c, enum err e, const struct note *why)
{
	const struct note stopped = { "it is stopped already" }, free_to_send = { "it is not stopped" };

	if (e == ERR_EXISTS)
		call_abandon(c, ERR_STATE, &stopped);
	else
		call_abandon(c, e, e == ERR_STATE ? &free_to_send : why);
}

static void end(struct api_call *c, enum err e, const struct note *why, const struct named *user, struct change *change, uint64_t messages)
{
	struct sending_state state = { .account_id = user->id };
	json_t *out;

	if (e == ERR_OK)
		e = sending_find(c->context->queue, user->id, &c->arena, &state);
	if (e != ERR_OK) {
		json_decref(change->before);
		answer_error(c, e, why);
		return;
	}
	change->after = sender_json(c, &state, user->address);
	out = sender_json(c, &state, user->address);
	json_object_set_new(out, "messages", json_integer((json_int_t)(state.stopped ? state.held : messages)));
	call_finish(c, 200, &out, change);
}

void api_sender_stop(struct api_call *c)
{
	struct change change = { .verb = "stop", .event = -1 }; /* the queue itself tells of it */
	struct note why = { "" };
	struct named user;
	enum err e;

	if (begin(c, &user, &change) != ERR_OK)
		return;
	if (c->dry_run)
		e = json_is_true(json_object_get(change.before, "stopped")) ? ERR_EXISTS : ERR_OK;
	else
		e = sending_stop(c->context->queue, user.id, body_text(c, "detail"), &why);
	end(c, e, &why, &user, &change, 0);
}

static void release(struct api_call *c, const char *verb, bool purge)
{
	struct change change = { .verb = verb, .event = -1 };
	struct note why = { "" };
	struct named user;
	uint64_t messages = 0;
	enum err e;

	if (begin(c, &user, &change) != ERR_OK)
		return;
	if (c->dry_run)
		e = json_is_true(json_object_get(change.before, "stopped")) ? ERR_OK : ERR_STATE;
	else
		e = sending_release(c->context->queue, user.id, purge, &messages, &why);
	end(c, e, &why, &user, &change, messages);
}

void api_sender_release(struct api_call *c)
{
	release(c, "release", false);
}

void api_sender_purge(struct api_call *c)
{
	release(c, "purge", true);
}
