/* chat/chat_smtp.c: an SMTP session in the fake world of smtp_world.h.
 *
 *   set: profile local (uid 1000, sends as alice@example.org)   set: local outside | denied | one-message
 *   set: profile mx|submission|lmtp set: tls on            (implicit TLS)     set: no-starttls
 *   set: peer ADDRESS|trusted       set: early             (it spoke before the greeting)
 *   set: commands N                 set: errors N          set: line N        set: recipients N
 *   set: no-room                    set: no-domains        set: unknown N     (that many were named from the address before)
 *   set: sending hour|day|new|stopped [AFTER]              (recipients outside that are taken before; again in 90 s)
 *   set: size N                     set: fail begin|add|seal|commit           set: clock N (mono ms between two looks)
 *   ASK: auth LOGIN PASSWORD        ANS: ok | wrong | suspended | busy | refused | app-password
 *   ASK: scram-first MESSAGE        ANS: says MESSAGE | malformed | one of those above
 *   ASK: scram-plus-first MESSAGE   ASK: scram-final MESSAGE    CHECK: exchanges N (that were ended)
 *   set: binding                    (with TLS there is something to bind to)
 *   ASK: commit                     ANS: ok | temp | limited | stopped
 *   ASK: pause MS                   ANS: ok
 *   CHECK: messages N               CHECK: from PATH       CHECK: rcpt N ADDRESS      CHECK: rcpts N
 *   CHECK: trace PART               CHECK: body PART       CHECK: no-body PART        CHECK: bytes N   (of the last message kept)
 *   CHECK: wish TEXT                CHECK: rcpt-wish N TEXT
 *   set: login over            (after the next look at it)
 *
 * Who is here: smtp_world.c.
 */
#include "tests/chat/chat.h"
#include "tests/chat/smtp_world.h"

#define KEPT_RECIPIENTS 1000

static enum err set_fault(struct smtp_world *w, struct span name)
{
	static const char *const names[] = { "none", "begin", "add", "seal", "commit" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_equals(name, span_str(names[i]))) {
			w->fault = (enum fault)i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

static enum err set_sending(struct smtp_world *w, struct span text)
{
	static const char *const names[] = { "ok", "hour", "day", "new", "stopped" };
	struct span name;

	if (!span_split(&text, ' ', &name))
		return ERR_SYNTAX;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_equals(name, span_str(names[i]))) {
			w->sending = (enum sending_verdict)i;
			return text.ptr ? span_to_u64(text, 1000, &w->sending_after) : ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

static enum err set_number(struct smtp_world *w, struct span text)
{
	struct span name;
	uint64_t number;

	if (!span_split(&text, ' ', &name) || !text.ptr || span_to_u64(text, UINT32_MAX, &number) != ERR_OK)
		return ERR_SYNTAX;
	if (span_equals(name, SPAN("size")))
		w->limits.size_max = number;
	else if (span_equals(name, SPAN("recipients")))
		w->limits.recipients_max = (size_t)number;
	else if (span_equals(name, SPAN("commands")))
		w->limits.commands_max = (unsigned)number;
	else if (span_equals(name, SPAN("errors")))
		w->limits.errors_max = (unsigned)number;
	else if (span_equals(name, SPAN("line")))
		w->limits.line_max = (size_t)number;
	else if (span_equals(name, SPAN("clock")))
		w->clock_step_ms = (int64_t)number;
	else if (span_equals(name, SPAN("unknown")))
		w->unknown_before = (unsigned)number;
	else
		return ERR_SYNTAX;
	return ERR_OK;
}

/* Words that switch something on. */
static bool set_flag(struct smtp_world *w, struct span text)
{
	const struct {
		const char *word;
		bool *flag;
	} flags[] = {
		{ "tls on", &w->implicit_tls },
		{ "binding", &w->binding },
		{ "no-starttls", &w->no_start_tls },
		{ "login over", &w->login_over },
		{ "early", &w->early },
		{ "no-room", &w->no_room },
		{ "no-domains", &w->no_domains },
		{ "peer trusted", &w->trusted },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (span_equals(text, span_str(flags[i].word))) {
			*flags[i].flag = true;
			return true;
		}
	}
	return false;
}

static enum err set(void *world, struct span text)
{
	struct smtp_world *w = world;

	if (set_flag(w, text))
		return ERR_OK;
	if (span_equals(text, SPAN("profile mx"))) {
		w->profile = SMTP_MX;
	} else if (span_equals(text, SPAN("profile submission"))) {
		w->profile = SMTP_SUBMISSION;
	} else if (span_equals(text, SPAN("profile lmtp"))) {
		w->profile = SMTP_LMTP;
	} else if (span_equals(text, SPAN("profile local"))) {
		w->profile = SMTP_LOCAL;
		w->no_start_tls = w->local.allowed = true;
	} else if (span_starts(text, SPAN("local "))) {
		w->local.allowed = !span_ends(text, SPAN("denied"));
		w->local.sends_outside = span_ends(text, SPAN("outside"));
		w->one_message = span_ends(text, SPAN("one-message"));
	} else if (span_starts(text, SPAN("peer "))) {
		return net_ip_parse(span_skip(text, 5), &w->remote);
	} else if (span_starts(text, SPAN("sending "))) {
		return set_sending(w, span_skip(text, 8));
	} else if (span_starts(text, SPAN("fail "))) {
		return set_fault(w, span_skip(text, 5));
	} else {
		return set_number(w, text);
	}
	return ERR_OK;
}

static enum err open_session(void *world)
{
	struct smtp_world *w = world;
	struct smtp_setup setup = {
		.services = &smtp_world_services,
		.world = w,
		.profile = w->profile,
		.peer = &w->peer,
		.hostname = SPAN("mail.example.org"),
		.start_tls = !w->no_start_tls,
	};

	memset(&w->peer, 0, sizeof(w->peer));
	w->peer.remote = w->remote;
	w->peer.trusted = w->trusted;
	if (net_ip_parse(SPAN("192.0.2.1"), &w->peer.local) != ERR_OK)
		return ERR_CORRUPT;
	if (w->profile == SMTP_LOCAL)
		w->peer.remote = net_addr_of_uid(1000);
	w->peer.tls = w->implicit_tls;
	w->peer.tls_version = w->implicit_tls ? "TLSv1.3" : NULL;
	w->peer.tls_cipher = w->implicit_tls ? "TLS_AES_256_GCM_SHA384" : NULL;
	return smtp_session_new(&setup, &w->session);
}

static void close_session(void *world)
{
	smtp_session_free(&((struct smtp_world *)world)->session);
}

static enum step feed(void *world, struct span in, size_t *used_out, struct out *out)
{
	return smtp_session_feed(((struct smtp_world *)world)->session, in, used_out, out);
}

static enum step event(void *world, enum session_event which, struct out *out)
{
	struct smtp_world *w = world;

	if (which == SESSION_TLS) {
		w->peer.tls = true;
		w->peer.tls_version = "TLSv1.3";
		w->peer.tls_cipher = "TLS_AES_256_GCM_SHA384";
	}
	return smtp_session_event(w->session, which == SESSION_START && w->early ? SESSION_EARLY : which, out);
}

static void question(void *world, struct buf *out)
{
	const struct smtp_question *q = smtp_session_question(((struct smtp_world *)world)->session);

	switch (q->kind) {
	case SMTP_ASK_NOTHING: buf_add_str(out, "nothing"); break;
	case SMTP_ASK_COMMIT: buf_add_str(out, "commit"); break;
	case SMTP_ASK_PAUSE: buf_addf(out, "pause %lld", (long long)q->delay_ms); break;
	case SMTP_ASK_PASSWORD:
		buf_add_str(out, "auth ");
		buf_add(out, q->login);
		buf_add_char(out, ' ');
		buf_add(out, q->password);
		break;
	case SMTP_ASK_SCRAM_FIRST:
		buf_add_str(out, q->scram_plus ? "scram-plus-first " : "scram-first ");
		buf_add(out, q->scram);
		break;
	case SMTP_ASK_SCRAM_FINAL:
		buf_add_str(out, "scram-final ");
		buf_add(out, q->scram);
		break;
	}
}

static enum err verdict_of(struct span text, struct smtp_answer *out)
{
	static const struct {
		const char *word;
		enum smtp_verdict verdict;
	} words[] = {
		{ "ok", SMTP_YES },
		{ "wrong", SMTP_NO },
		{ "suspended", SMTP_SUSPENDED },
		{ "busy", SMTP_LATER },
		{ "refused", SMTP_REFUSED },
		{ "app-password", SMTP_WANTS_APP_PASSWORD },
		{ "malformed", SMTP_MALFORMED },
		{ "limited", SMTP_LIMITED },
		{ "stopped", SMTP_STOPPED },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (span_equals(text, span_str(words[i].word))) {
			out->verdict = words[i].verdict;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

static enum err answer(void *world, struct span text, enum step *step_out, struct out *out)
{
	struct smtp_world *w = world;
	const struct smtp_question *q = smtp_session_question(w->session);
	struct smtp_answer a = { .verdict = SMTP_NO, .retry_after_ms = 250000, .login = SPAN("alice@example.org") };
	bool friendly = span_equals(text, SPAN("default"));

	if (q->kind == SMTP_ASK_COMMIT) {
		a.verdict = smtp_world_commit(w, q->message, friendly || span_equals(text, SPAN("ok")));
		if (a.verdict != SMTP_YES && verdict_of(text, &a) != ERR_OK)
			a.verdict = SMTP_LATER;
	} else if (friendly)
		a.verdict = span_equals(q->login, SPAN("alice@example.org")) && span_equals(q->password, SPAN("secret")) ? SMTP_YES : SMTP_NO;
	else if (span_starts(text, SPAN("says ")))
		a = (struct smtp_answer){ .verdict = SMTP_YES, .text = span_skip(text, 5) };
	else if (verdict_of(text, &a) != ERR_OK)
		return ERR_SYNTAX;
	a.account_id = a.verdict == SMTP_YES && q->kind != SMTP_ASK_SCRAM_FIRST ? 7 : 0;
	a.credential = a.account_id * 10;
	*step_out = smtp_session_answer(w->session, &a, out);
	return ERR_OK;
}

/* ---- what it saw ---- */

static bool line_is(const struct buf *lines, size_t wanted, struct span text)
{
	struct span rest = buf_span(lines), line;

	for (size_t i = 0; span_split(&rest, '\n', &line); i++) {
		if (i == wanted)
			return span_equals(line, text);
	}
	return false;
}

static void unescape(struct span text, struct buf *out)
{
	for (; text.len > 0; text = span_skip(text, 1)) {
		if (span_starts(text, SPAN("\\r")) || span_starts(text, SPAN("\\n")) || span_starts(text, SPAN("\\t"))) {
			buf_add_char(out, text.ptr[1] == 'r' ? '\r' : text.ptr[1] == 'n' ? '\n'
											 : '\t');
			text = span_skip(text, 1);
		} else {
			buf_add_char(out, text.ptr[0]);
		}
	}
}

static bool has(const struct buf *bytes, struct span escaped)
{
	struct buf part;
	size_t at;
	bool found;

	buf_init(&part, 65536);
	unescape(escaped, &part);
	found = span_find(buf_span(bytes), buf_span(&part), &at);
	buf_clear(&part);
	return found;
}

static enum err check_number(uint64_t have, struct span text, struct note *why)
{
	uint64_t want = 0;

	if (span_to_u64(text, UINT64_MAX, &want) == ERR_OK && want == have)
		return ERR_OK;
	note_set(why, "it is %llu, not", (unsigned long long)have);
	return ERR_NOT_FOUND;
}

static enum err check_recipient(const struct smtp_world *w, struct span text)
{
	uint64_t number = 0;
	size_t at;

	if (!span_find_char(text, ' ', &at) || span_to_u64(span_take(text, at), KEPT_RECIPIENTS, &number) != ERR_OK)
		return ERR_SYNTAX;
	return line_is(&w->envelope, (size_t)number, span_skip(text, at + 1)) ? ERR_OK : ERR_NOT_FOUND;
}

static enum err check_rcpt_wish(const struct smtp_world *w, struct span text)
{
	uint64_t number = 0;
	size_t at;

	if (!span_find_char(text, ' ', &at) || span_to_u64(span_take(text, at), KEPT_RECIPIENTS, &number) != ERR_OK)
		return ERR_SYNTAX;
	return line_is(&w->wishes, (size_t)number, span_skip(text, at + 1)) ? ERR_OK : ERR_NOT_FOUND;
}

static enum err check(void *world, struct span text, struct note *why)
{
	struct smtp_world *w = world;
	struct span what, rest = text;
	bool good;

	if (!span_split(&rest, ' ', &what))
		return ERR_SYNTAX;
	if (span_equals(what, SPAN("messages")))
		return check_number(w->messages, rest, why);
	if (span_equals(what, SPAN("exchanges")))
		return check_number(w->exchanges, rest, why);
	if (span_equals(what, SPAN("rcpts")))
		return check_number(w->recipient_count, rest, why);
	if (span_equals(what, SPAN("bytes")))
		return check_number(w->body.len, rest, why);
	if (span_equals(what, SPAN("rcpt")))
		return check_recipient(w, rest);
	if (span_equals(what, SPAN("rcpt-wish")))
		return check_rcpt_wish(w, rest);
	if (span_equals(what, SPAN("wish")))
		good = line_is(&w->wishes, 0, rest);
	else if (span_equals(what, SPAN("from")))
		good = line_is(&w->envelope, 0, rest.ptr ? rest : SPAN(""));
	else if (span_equals(what, SPAN("trace")))
		good = has(&w->trace, rest);
	else if (span_equals(what, SPAN("body")))
		good = has(&w->body, rest);
	else if (span_equals(what, SPAN("no-body")))
		good = !has(&w->body, rest);
	else
		return ERR_SYNTAX;
	return good ? ERR_OK : ERR_NOT_FOUND;
}

const struct chat_protocol chat_smtp = {
	.name = "smtp",
	.world_new = smtp_world_new,
	.world_free = smtp_world_free,
	.set = set,
	.open = open_session,
	.close = close_session,
	.feed = feed,
	.event = event,
	.question = question,
	.answer = answer,
	.check = check,
};
