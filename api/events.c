/* api/events.c: /events: what happens, as server-sent events (HTML Living Standard 9.2).
 *
 *   retry: 2000                                    once
 *   id: 17 / data: {"id":17,"type":...}            an event, one line
 *   event: lost / data: {"after":12}               older ones than are kept were asked for, or a crash took some
 *   : / id: 40                                     a heartbeat, so that who comes back has not to look at what was not for them
 *
 * (1) A stream belongs to who may read it: at each heartbeat it is looked whether session or token, account, role and domains are still what
 *     they were. Whoever has lost something comes again and is judged anew.
 * (2) A session is not kept from running out by a page that listens.
 */
#include <jansson.h>
#include <stdlib.h>

#include "api/policy.h"
#include "api/resources.h"
#include "api/stream.h"
#include "daemon/auth/token.h"
#include "daemon/auth/web_session.h"
#include "daemon/base/clock.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"
#include "daemon/ops/event_json.h"

#define RETRY_MS 2000
#define READ_EVENTS 2000 /* looked at in one read */
#define STREAM_ARENA_MAX (256u * 1024u)
#define HOUR_MS 3600000LL

struct api_stream {
	struct arena arena;
	const struct api_context *context;
	struct caller caller; /* in the arena */
	enum role role;       /* of the account; a token may make less of it */
	size_t granted_count;
	bool types[EVENT_COUNT];
	uint64_t after;
	uint64_t until; /* the last that is told, without `follows` */
	bool begun, follows;
	struct events_watch *watch;
};

/* ---- rights ---- */

static bool token_holds(const struct api_stream *s, struct arena *a)
{
	struct token *tokens;
	size_t count;

	if (token_list(s->context->auth, s->caller.account_id, a, &tokens, &count) != ERR_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		if (tokens[i].id == s->caller.token_id)
			return tokens[i].expires_ms == 0 || tokens[i].expires_ms > clock_real_ms();
	return false;
}

static bool session_holds(const struct api_stream *s, int64_t idle_hours, struct arena *a)
{
	struct web_session *sessions;
	size_t count;

	if (web_session_list(s->context->auth, s->caller.account_id, a, &sessions, &count) != ERR_OK)
		return false;
	for (size_t i = 0; i < count; i++)
		if (sessions[i].id == s->caller.session_id)
			return sessions[i].seen_ms + idle_hours * HOUR_MS > clock_real_ms();
	return false;
}

static bool is_granted(const struct account *account, struct span domain)
{
	for (size_t i = 0; i < account->granted_count; i++)
		if (span_equals(account->granted[i], domain))
			return true;
	return false;
}

/* The account is what it was. */
static bool account_holds(const struct api_stream *s, const struct account *account)
{
	if (!account || account->disabled || account->is_shared || account->role != s->role || account->granted_count != s->granted_count)
		return false;
	for (size_t i = 0; account->role == ROLE_DOMAIN_ADMIN && i < s->caller.domain_count; i++)
		if (!is_granted(account, s->caller.domains[i]))
			return false;
	return true;
}

static bool may_still(const struct api_stream *s)
{
	const struct snapshot *snapshot;
	int64_t idle_hours;
	struct arena a;
	bool may;

	if (s->caller.kind == CALLER_LOCAL)
		return true;
	snapshot = directory_hold(s->context->directory);
	may = account_holds(s, snapshot_account(snapshot, s->caller.account_id));
	idle_hours = snapshot_number(snapshot, SETTING_SESSION_IDLE_HOURS);
	snapshot_release(&snapshot);
	arena_init(&a, STREAM_ARENA_MAX);
	if (may)
		may = s->caller.kind == CALLER_TOKEN ? token_holds(s, &a) : session_holds(s, idle_hours, &a);
	arena_clear(&a);
	return may;
}

/* Of no domain: for those who see all. */
static bool is_theirs(const struct api_stream *s, const struct event *event)
{
	if (s->caller.all_domains)
		return true;
	for (size_t i = 0; i < s->caller.domain_count; i++)
		if (event->domain.len && span_iequals(s->caller.domains[i], event->domain))
			return true;
	return false;
}

/* ---- the stream ---- */

struct reading {
	struct api_stream *s;
	struct buf *out;
	size_t end; /* enough, when out is as long */
};

static bool take(void *arg, const struct event *event)
{
	struct reading *r = arg;
	size_t before = r->out->len;

	if (before >= r->end)
		return false;
	if (r->s->types[event->type] && is_theirs(r->s, event)) {
		buf_addf(r->out, "id: %llu\ndata: ", (unsigned long long)event->id);
		if (event_json(event, r->out))
			buf_add_str(r->out, "\n\n");
		/* Whole events only: what does not fit comes with the next read. */
		if (r->out->failed) {
			r->out->len = before;
			r->out->failed = false;
			if (before > 0)
				return false;
		}
	}
	r->s->after = event->id;
	return true;
}

/* A comment, where nothing else is to be said yet: who is given something comes back for more, and need not look at the same again after a break. */
static void say_how_far(const struct api_stream *s, struct buf *out)
{
	if (s->follows && s->after < events_last_id(s->context->events))
		buf_addf(out, ":\nid: %llu\n\n", (unsigned long long)s->after);
}

static void say_lost(struct api_stream *s, uint64_t after, bool said_nothing, struct buf *out)
{
	/* Said at the end of what is there: whoever hears it reads anew what it shows. */
	if (s->after == after && said_nothing)
		s->after = events_last_id(s->context->events);
	buf_addf(out, "event: lost\nid: %llu\ndata: {\"after\":%llu}\n\n", (unsigned long long)s->after, (unsigned long long)after);
}

enum err stream_read(struct api_stream *s, size_t max, struct buf *out)
{
	struct reading r = { s, out, out->len + max };
	size_t before = out->len;
	uint64_t after = s->after, last;
	bool lost = false;
	enum err e;

	if (!s->begun)
		buf_addf(out, "retry: %d\n\n", RETRY_MS);
	s->begun = true;
	do {
		last = s->after;
		e = events_read(s->context->events, s->after, READ_EVENTS, take, &r, &lost);
		if (e != ERR_OK)
			return e;
	} while (!s->follows && !lost && out->len == before && s->after != last && s->after < s->until);
	if (lost)
		say_lost(s, after, out->len == before, out);
	if (out->len == before && s->after != after)
		say_how_far(s, out);
	if (out->failed)
		return ERR_TEMP;
	return s->follows || (s->after < s->until && s->after != last) ? ERR_OK : ERR_STATE;
}

enum err stream_heartbeat(struct api_stream *s, struct buf *out)
{
	if (!may_still(s))
		return ERR_STATE;
	buf_addf(out, ":\nid: %llu\n\n", (unsigned long long)s->after);
	return out->failed ? ERR_TEMP : ERR_OK;
}

void stream_on_news(struct api_stream *s, void (*news)(void *arg), void *arg)
{
	/* Without memory the heartbeats still end it when its time comes; the next request finds more. */
	if (events_watch(s->context->events, news, arg, &s->watch) != ERR_OK)
		s->watch = NULL;
}

void stream_free(struct api_stream **stream)
{
	struct api_stream *s = *stream;

	*stream = NULL;
	if (!s)
		return;
	events_unwatch(s->context->events, &s->watch);
	arena_clear(&s->arena);
	free(s);
}

/* ---- asking for one ---- */

static bool choose_types(struct api_call *c, struct api_stream *s)
{
	size_t count;
	const struct span *patterns = call_query_list(c, "types", &count);

	for (size_t i = 0; i < count; i++) {
		if (!event_pattern_is_known(patterns[i])) {
			call_reply_problem(c, 400, "bad_query", "types", "there are no events of the type %.*s", (int)patterns[i].len, patterns[i].ptr);
			return false;
		}
	}
	for (int type = 0; type < EVENT_COUNT; type++)
		for (size_t i = 0; count == 0 ? i == 0 : i < count; i++)
			s->types[type] |= count == 0 || event_pattern_fits(patterns[i], (enum event_type)type);
	return true;
}

/* Last-Event-ID is the browser's, when it comes back; `after` is for everybody else. Neither: from now on. */
static bool choose_start(struct api_call *c, struct api_stream *s)
{
	struct span last = c->request->last_event_id;
	uint64_t id = 0;

	s->after = events_last_id(c->context->events);
	s->until = s->after;
	s->follows = !call_has_query(c, "follow") || call_query_flag(c, "follow");
	if (call_has_query(c, "after"))
		s->after = (uint64_t)call_query_number(c, "after");
	if (last.len == 0)
		return true;
	if (span_to_u64(last, INT64_MAX, &id) != ERR_OK) {
		call_reply_problem(c, 400, "bad_query", "Last-Event-ID", "it is the number of an event");
		return false;
	}
	s->after = id;
	return true;
}

static enum err copy_caller(struct api_call *c, struct api_stream *s)
{
	const struct snapshot *snapshot = directory_hold(c->context->directory);
	const struct account *account = snapshot_account(snapshot, c->caller.account_id);
	struct span *domains = arena_array(&s->arena, c->caller.domain_count, sizeof *domains);

	if (account) {
		s->role = account->role;
		s->granted_count = account->granted_count;
	}
	snapshot_release(&snapshot);
	s->caller = c->caller;
	for (size_t i = 0; domains && i < c->caller.domain_count; i++)
		domains[i] = arena_copy(&s->arena, c->caller.domains[i]);
	s->caller.domains = domains;
	s->caller.name = s->caller.via = SPAN("");
	return s->arena.failed ? ERR_LIMIT : ERR_OK;
}

void api_events_watch(struct api_call *c)
{
	struct api_stream *s = calloc(1, sizeof *s);
	enum err e = s ? ERR_OK : ERR_TEMP;

	if (s) {
		arena_init(&s->arena, STREAM_ARENA_MAX);
		s->context = c->context;
		if (!choose_types(c, s) || !choose_start(c, s)) {
			stream_free(&s);
			return;
		}
		e = copy_caller(c, s);
	}
	if (e != ERR_OK) {
		stream_free(&s);
		call_reply_error(c, e, NULL);
		return;
	}
	c->response->status = 200;
	c->response->content_type = "text/event-stream";
	c->response->stream = s;
	call_header(c, "Cache-Control", SPAN("no-cache"));
}
