/* imap/session.c: one connection's IMAP state.
 *
 *   START ──LOGIN, AUTHENTICATE──▶ AUTHED ──SELECT, EXAMINE──▶ SELECTED ──┐
 *     │                              │ ▲                        │   ▲     │ SELECT
 *     │ ◀─────UNAUTHENTICATE─────────┤ └──CLOSE, UNSELECT,──────┤   └─────┘
 *     │                              │    failed SELECT         │
 *     └───────LOGOUT, BYE────────────┴──▶ ENDED ◀───────────────┘
 *
 * Edges are taken by imap_set_state(); input modes by the reader in input.c.
 *
 * (1) A command is whole before it is parsed: its line and literals lie in s->line. Only messages of APPEND and REPLACE stream by.
 * (2) At most one command runs; while it has output to come or a question open, nothing is fed.
 * (3) `view` is open, in the mailbox `at`, in SELECTED and never otherwise.
 * (4) Between commands nothing of a command is held: arena and line are cleared.
 */
#include "daemon/imap/session.h"

#include <stdlib.h>

#include "daemon/base/bug.h"
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/context.h"
#include "daemon/imap/input.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/notify_new.h"
#include "daemon/imap/notify_tell.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

enum err imap_session_new(const struct imap_service *service, void *ctx, const struct session_peer *peer, bool may_starttls,
			  struct imap_session **out)
{
	struct imap_session *s = calloc(1, sizeof *s);

	if (!s)
		return ERR_TEMP;
	s->service = service;
	s->ctx = ctx;
	s->peer = peer;
	s->may_starttls = may_starttls;
	s->state = IMAP_START;
	s->input = INPUT_LINE;
	s->keyword_mask = FLAG_SYSTEM;
	exchange_init(&s->exchange);
	buf_init(&s->line, IMAP_COMMAND_MAX + IMAP_LINE_MAX);
	arena_init(&s->run.arena, IMAP_ARENA_MAX);
	arena_init(&s->run.batch, IMAP_ARENA_MAX);
	arena_init(&s->keyword_arena, 64 * 1024);
	arena_init(&s->saved_arena, IMAP_ARENA_MAX);
	*out = s;
	return ERR_OK;
}

void imap_session_free(struct imap_session **session)
{
	struct imap_session *s = *session;

	*session = NULL;
	if (!s)
		return;
	imap_append_drop(s);
	if (s->run.drop)
		s->run.drop(s);
	if (s->input == INPUT_IDLE)
		imap_idle_end(s);
	context_end_all(s);
	imap_notify_free(s);
	if (s->view)
		s->service->view_close(&s->view);
	imap_place_leave(s);
	imap_places_close(s);
	if (s->store)
		s->service->account_close(s->ctx, &s->store);
	exchange_clear(&s->exchange);
	buf_wipe(&s->line);
	arena_budget_give(s->run.arena.budget, s->line_charged);
	arena_clear(&s->run.arena);
	arena_clear(&s->run.batch);
	arena_clear(&s->keyword_arena);
	arena_clear(&s->saved_arena);
	free(s);
}

bool imap_set_state(struct imap_session *s, enum imap_state to)
{
	static const struct {
		unsigned from, to;
	} edges[] = {
		{ IMAP_START, IMAP_AUTHED | IMAP_ENDED },
		{ IMAP_AUTHED, IMAP_SELECTED | IMAP_START | IMAP_ENDED },
		{ IMAP_SELECTED, IMAP_AUTHED | IMAP_ENDED },
		{ IMAP_ENDED, IMAP_ENDED },
	};

	for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
		if (edges[i].from == s->state && (edges[i].to & to)) {
			s->state = to;
			return true;
		}
	BUG("imap", "edge %d to %d", (int)s->state, (int)to);
	s->state = IMAP_ENDED;
	return false;
}

bool imap_may_login(const struct imap_session *s)
{
	return s->peer->tls || s->peer->remote.family == NET_UNIX || net_is_loopback(&s->peer->remote);
}

void imap_unselect(struct imap_session *s)
{
	context_end_all(s);
	if (s->view)
		s->service->view_close(&s->view);
	imap_place_leave(s);
	s->run.changes = (struct view_changes){ 0 };
	if (s->notify) {
		s->notify->next_uid = 0;
		s->notify->own.message_count = 0;
	}
	arena_clear(&s->keyword_arena);
	s->keywords = NULL;
	s->keyword_count = 0;
	s->keyword_mask = FLAG_SYSTEM;
	s->saved = (struct uid_set){ NULL, 0 };
	arena_clear(&s->saved_arena);
	if (s->state == IMAP_SELECTED)
		imap_set_state(s, IMAP_AUTHED);
}

/* Between commands an idle session holds its structure and nothing else. */
static void run_clear(struct imap_session *s)
{
	struct imap_run *run = &s->run;
	struct arena arena = run->arena, batch = run->batch;

	if (run->drop)
		run->drop(s);
	if (run->command && (run->command->law & SECRET)) {
		buf_wipe(&s->line);
		s->ask = (struct imap_ask){ .kind = IMAP_ASK_PASSWORD };
	}
	buf_clear(&s->line);
	arena_budget_give(run->arena.budget, s->line_charged);
	s->line_charged = s->line_start = 0;
	s->literal_count = 0;
	imap_places_close(s);
	arena_clear(&arena);
	arena_clear(&batch);
	*run = (struct imap_run){ .arena = arena, .batch = batch };
}

enum step imap_bye(struct imap_session *s, struct out *out, const char *text)
{
	if (!s->run.mid_line && s->state != IMAP_ENDED)
		reply_bye(out, text);
	imap_set_state(s, IMAP_ENDED);
	return STEP_CLOSE;
}

static enum step finish_more(struct imap_session *s, struct out *out)
{
	struct imap_run *run = &s->run;
	enum imap_status status = run->status;
	enum step then = run->then;
	bool was_start = s->state == IMAP_START;
	const bool told = s->notify && s->notify->news.begun;

	if ((!told && !imap_sync_emit(s, out)) || (!run->changes.gone && !notify_new_tell(s, out)))
		return STEP_MORE;
	imap_metadata_tell(s, out);
	reply_tagged(out, run->tag[0] ? run->tag : "*", status, run->text);
	if (run->changes.gone) {
		run_clear(s);
		return imap_bye(s, out, imap_gone_text(s));
	}
	run_clear(s);
	s->bad_count = status == IMAP_BAD ? s->bad_count + 1 : was_start ? s->bad_count
									 : 0;
	if (s->bad_count >= (was_start ? IMAP_BAD_START_MAX : IMAP_BAD_MAX))
		return imap_bye(s, out, "Too many bad commands");
	if (s->state == IMAP_ENDED)
		return STEP_CLOSE;
	return s->notify && then == STEP_REPLY ? imap_notify_after(s, out) : then;
}

enum step imap_finish(struct imap_session *s, struct out *out, enum imap_status status, struct span text)
{
	s->run.status = status;
	s->run.text = text;
	s->run.more = finish_more;
	(void)imap_sync_begin(s, !(s->run.command && (s->run.command->law & NO_EXPUNGE)));
	imap_sync_text(s);
	return finish_more(s, out);
}

/* enum err as the peer sees it. */
static const struct {
	enum imap_status status;
	struct span text;
} err_replies[] = {
	[ERR_OK] = { IMAP_OK, SPAN("Done") },
	[ERR_SYNTAX] = { IMAP_NO, SPAN("[CANNOT] That name can't be used") },
	[ERR_STATE] = { IMAP_NO, SPAN("[CANNOT] Not possible as things are") },
	[ERR_DENIED] = { IMAP_NO, SPAN("[NOPERM] Not allowed") },
	[ERR_NOT_FOUND] = { IMAP_NO, SPAN("[NONEXISTENT] No such mailbox") },
	[ERR_EXISTS] = { IMAP_NO, SPAN("[ALREADYEXISTS] The mailbox exists already") },
	[ERR_LIMIT] = { IMAP_NO, SPAN("[LIMIT] Too much") },
	[ERR_TEMP] = { IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later") },
	[ERR_CORRUPT] = { IMAP_NO, SPAN("[CORRUPTION] The mailbox needs its administrator") },
};

enum step imap_finish_err(struct imap_session *s, struct out *out, enum err e, struct span done)
{
	return e ? imap_finish(s, out, err_replies[e].status, err_replies[e].text) : imap_finish(s, out, IMAP_OK, done);
}

/* Over the command as it lies there. */
static struct imap_parser parser_of(struct imap_session *s)
{
	return (struct imap_parser){ buf_span(&s->line), &s->run.arena, s->off, s->enabled };
}

void imap_in_progress(struct imap_session *s, struct out *out, uint64_t done, uint64_t goal)
{
	int64_t now = clock_mono_ms();

	if (!s->run.progress_ms)
		s->run.progress_ms = now;
	if (now - s->run.progress_ms < IMAP_PROGRESS_MS || s->run.mid_line || !imap_has(s, CAP_INPROGRESS))
		return;
	s->run.progress_ms = now;
	reply_in_progress(out, s->run.tag, done, goal);
}

/* tag = 1*<any ASTRING-CHAR except "+">; then SP. */
static bool take_tag(struct imap_session *s, struct imap_parser *p)
{
	struct span tag = { p->rest.ptr, 0 };

	while (tag.len < p->rest.len && tag.len <= IMAP_TAG_MAX && p->rest.ptr[tag.len] != '+' &&
	       (parse_is_atom_char(p->rest.ptr[tag.len]) || p->rest.ptr[tag.len] == ']'))
		tag.len++;
	if (tag.len == 0 || tag.len > IMAP_TAG_MAX)
		return false;
	memcpy(s->run.tag, tag.ptr, tag.len);
	s->run.tag[tag.len] = 0;
	p->rest = span_skip(p->rest, tag.len);
	return true;
}

enum step imap_refuse(struct imap_session *s, struct out *out, enum imap_status status, struct span text)
{
	struct imap_parser p = parser_of(s);

	if (!s->run.tag[0])
		(void)take_tag(s, &p);
	return imap_finish(s, out, status, text);
}

/* The law: what hinders the command here, or null. */
static const char *hindrance(struct imap_session *s, const struct imap_command *c, enum imap_status *status)
{
	*status = IMAP_BAD;
	if (!(c->states & s->state))
		return s->state == IMAP_START ? "Log in first" : c->states == IMAP_SELECTED ? "Select a mailbox first"
											    : "Not possible in this state";
	if ((c->law & BY_SEQUENCE) && (s->enabled & ENABLED_UIDONLY))
		return "[UIDREQUIRED] UIDONLY is on: only by UID";
	*status = IMAP_NO;
	if (c->states == IMAP_SELECTED && !imap_may(s, RIGHT_READ))
		return "[NOPERM] The mailbox is not open to this account any more";
	if ((c->law & NEED_PRIVACY) && !imap_may_login(s))
		return "[PRIVACYREQUIRED] TLS is needed first";
	if ((c->law & NEED_WRITE) && s->read_only)
		return "[READ-ONLY] The mailbox is selected read-only";
	return NULL;
}

/* Tag, verb, law: into s->run. False: run->status and run->text say why not. */
static bool is_lawful(struct imap_session *s, struct imap_parser *p)
{
	struct imap_run *run = &s->run;
	const char *why;

	run->status = IMAP_BAD;
	run->text = SPAN("A command is: tag, space, command");
	if (!take_tag(s, p))
		return false;
	if (!parse_char(p, ' ')) {
		if (p->rest.len)
			run->tag[0] = 0; /* a tag ends in a space: this was none */
		return false;
	}
	run->text = SPAN("Unknown command");
	run->command = imap_command_find(p);
	if (run->command && (s->off & CAP_BIT(run->command->capability)))
		run->command = NULL;
	if (!run->command)
		return false;
	why = hindrance(s, run->command, &run->status);
	if (why)
		run->text = span_str(why);
	return !why;
}

bool imap_is_lawful(struct imap_session *s)
{
	struct imap_parser p = parser_of(s);

	return is_lawful(s, &p);
}

/* The arguments, too. */
static bool prepare(struct imap_session *s, struct imap_parser *p)
{
	struct imap_run *run = &s->run;
	enum err e;

	if (!is_lawful(s, p))
		return false;
	e = run->command->parse ? run->command->parse(p, &run->args) : ERR_OK;
	if (!e)
		return true;
	run->status = e == ERR_DENIED ? IMAP_NO : IMAP_BAD;
	run->text = e == ERR_DENIED ? SPAN("[CANNOT] That name can't be used") : e == ERR_LIMIT ? SPAN("[LIMIT] Too many or too long arguments")
												: SPAN("The arguments are not right");
	return false;
}

enum step imap_dispatch(struct imap_session *s, struct out *out)
{
	struct imap_parser p = parser_of(s);

	if (!prepare(s, &p))
		return imap_finish(s, out, s->run.status, s->run.text);
	if (p.rest.len)
		return imap_finish(s, out, IMAP_BAD, SPAN("The arguments are not right"));
	return s->run.command->run(s, &s->run.args, out);
}

/* Only the verb is looked at: a command of a thousand literals is not parsed a thousand times. */
static bool is_append(struct imap_session *s)
{
	struct imap_parser p = parser_of(s);
	const struct imap_command *c = take_tag(s, &p) && parse_char(&p, ' ') ? imap_command_find(&p) : NULL;

	return c && (c->run == imap_run_append || c->run == imap_run_replace);
}

enum imap_append_try imap_try_append(struct imap_session *s)
{
	struct imap_parser p = parser_of(s);

	if (!is_append(s))
		return APPEND_NOT_YET;
	if (prepare(s, &p))
		return imap_append_begin(s, (size_t)(p.rest.ptr - s->line.ptr)) ? APPEND_BEGUN : APPEND_REFUSED;
	if (!s->run.command)
		return APPEND_NOT_YET;
	/* The parser stops at a literal that is not there yet: the last of the line. */
	return parse_peek(&p, '{') && !memchr(p.rest.ptr + 1, '{', p.rest.len - 1) ? APPEND_NOT_YET : APPEND_REFUSED;
}

enum step imap_session_feed(struct imap_session *s, struct span in, size_t *used_out, struct out *out)
{
	*used_out = 0;
	if (s->state == IMAP_ENDED) {
		*used_out = in.len;
		return STEP_CLOSE;
	}
	if (s->run.more)
		return STEP_MORE;
	return imap_input_feed(s, in, used_out, out);
}

enum step imap_session_more(struct imap_session *s, struct out *out)
{
	if (s->state == IMAP_ENDED)
		return STEP_CLOSE;
	return s->run.more ? s->run.more(s, out) : STEP_REPLY;
}

enum step imap_session_answer(struct imap_session *s, const struct imap_answer *answer, struct out *out)
{
	return imap_login_answer(s, answer, out);
}

/* A mailbox or a grant has changed. */
static enum step wake(struct imap_session *s, struct out *out)
{
	if (s->run.more)
		return STEP_MORE;
	if (s->view && s->input == INPUT_LINE && !s->line.len && !s->append && !imap_may(s, RIGHT_READ))
		return imap_bye(s, out, imap_gone_text(s));
	if (s->notify)
		return imap_notify_wake(s, out);
	return s->input == INPUT_IDLE ? imap_idle_wake(s, out) : STEP_REPLY;
}

enum step imap_session_event(struct imap_session *s, enum session_event event, struct out *out)
{
	switch (event) {
	case SESSION_START:
		reply_greeting(s, out);
		return STEP_REPLY;
	case SESSION_EARLY: return imap_bye(s, out, "You spoke before the greeting");
	case SESSION_TLS: return STEP_REPLY; /* RFC 3501 6.2.1: no greeting again, the state is as at the start */
	case SESSION_TIMEOUT: return imap_bye(s, out, "Idle for too long");
	case SESSION_STOP: return imap_bye(s, out, "The server closes the connection");
	case SESSION_NUDGE:
		if (s->input == INPUT_IDLE && !s->run.more)
			reply_untagged(out, "OK Still here");
		return STEP_REPLY;
	case SESSION_EOF:
		imap_append_drop(s);
		s->run.mid_line = true; /* nobody reads a BYE */
		return imap_bye(s, out, "");
	case SESSION_WAKE: return wake(s, out);
	}
	return STEP_CLOSE;
}

int64_t imap_session_deadline_ms(const struct imap_session *s)
{
	if (s->state == IMAP_START)
		return IMAP_DEADLINE_START_MS;
	return s->input == INPUT_APPEND || s->input == INPUT_SWALLOW || s->input == INPUT_LITERAL ? IMAP_DEADLINE_LITERAL_MS : IMAP_DEADLINE_MS;
}

/* While it waits for news only: else the client is not waiting, and wakes us itself. */
int64_t imap_session_nudge_ms(const struct imap_session *s)
{
	return s->input == INPUT_IDLE ? IMAP_IDLE_NUDGE_MS : 0;
}
