/* chat/chat_smtp.c: the fake world behind an SMTP session.
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
 *   ASK: commit                     ANS: ok | temp
 *   ASK: pause MS                   ANS: ok
 *   CHECK: messages N               CHECK: from PATH       CHECK: rcpt N ADDRESS      CHECK: rcpts N
 *   CHECK: trace PART               CHECK: body PART       CHECK: no-body PART        CHECK: bytes N   (of the last message kept)
 *   CHECK: wish TEXT                CHECK: rcpt-wish N TEXT
 *   set: login over            (after the next look at it)
 *
 * Here are: alice@example.org and bob@example.org (passwords "secret"), the alias all@example.org, sue@example.org (suspended), full@example.org,
 * slow@example.org (can't be looked up), SRS0=x@example.org (for bounces), postmaster; closed.example is ours and disabled. other.example is remote,
 * nomail.example has a null MX, and gone@other.example is suppressed.
 */
#include <stdlib.h>

#include "daemon/mime/header.h"
#include "daemon/smtp/session.h"
#include "tests/chat/chat.h"

#define MESSAGE_MAX (8u * 1024u * 1024u)
#define KEPT_RECIPIENTS 1000

enum fault { FAULT_NONE,
	     FAULT_BEGIN,
	     FAULT_ADD,
	     FAULT_SEAL,
	     FAULT_COMMIT };

struct world {
	enum smtp_profile profile;
	struct net_addr remote;
	bool trusted;
	bool implicit_tls, no_start_tls, login_over, binding;
	bool early, no_room, no_domains;
	unsigned unknown_before, unknown_named;
	struct smtp_limits limits;
	enum sending_verdict sending;
	uint64_t sending_after;
	unsigned exchanges;
	unsigned logins_looked_at;
	enum fault fault;
	int64_t clock_step_ms, mono_ms;
	struct session_peer peer;
	struct smtp_session *session;
	struct smtp_local local; /* of profile local */
	bool one_message;
	unsigned local_messages;
	/* the last message that was committed */
	unsigned messages;
	struct buf body, trace, envelope, wishes;
	size_t recipient_count;
};

struct accept {
	struct world *world;
	struct buf bytes, trace, envelope, wishes;
	size_t recipient_count;
};

/* ---- quick questions ---- */

static struct span write_address(const struct address *address, struct buf *out)
{
	buf_init(out, 1024);
	address_write(address, out);
	return buf_span(out);
}

static enum smtp_recipient find(const struct address *address)
{
	static const char *const here[] = { "alice", "bob", "all", "postmaster", "j\xc3\xbcrgen", "a\"b", "list" };

	if (address->domain.len == 0)
		return SMTP_RECIPIENT_OK;
	if (span_iequals(address->domain, SPAN("closed.example")))
		return SMTP_RECIPIENT_REFUSED;
	if (span_iequals(address->domain, SPAN("nomail.example")))
		return SMTP_RECIPIENT_NO_MAIL;
	if (!span_iequals(address->domain, SPAN("example.org")) && !span_iequals(address->domain, SPAN("xn--bcher-kva.example")))
		return span_equals(address->local, SPAN("gone")) ? SMTP_RECIPIENT_SUPPRESSED : SMTP_RECIPIENT_REMOTE;
	if (span_equals(address->local, SPAN("full")))
		return SMTP_RECIPIENT_OVER_QUOTA;
	if (span_equals(address->local, SPAN("slow")))
		return SMTP_RECIPIENT_LATER;
	if (span_equals(address->local, SPAN("sue")))
		return SMTP_RECIPIENT_SUSPENDED;
	if (span_starts(address->local, SPAN("user")))
		return SMTP_RECIPIENT_OK;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		if (span_iequals(address->local, span_str(here[i])))
			return SMTP_RECIPIENT_OK;
	}
	return SMTP_RECIPIENT_UNKNOWN;
}

static void recipient(void *world, const struct address *address, bool from_nobody, struct smtp_recipient_verdict *out)
{
	(void)world;
	*out = (struct smtp_recipient_verdict){ .kind = find(address), .words = SPAN("550 5.1.1 <gone@other.example> gone\r\n250 Ok") };
	if (from_nobody && span_equals(address->local, SPAN("SRS0=x")))
		out->kind = SMTP_RECIPIENT_OK;
}

static bool takes_mail(void *world)
{
	return !((struct world *)world)->no_domains;
}

static bool has_room(void *world)
{
	return !((struct world *)world)->no_room;
}

static enum sending_verdict may_send(void *world, uint64_t account_id, const struct span *outside, size_t count, int64_t *again_s_out)
{
	const struct world *w = world;

	if (account_id != 7 || (count > 0 && outside[count - 1].len == 0))
		abort();
	*again_s_out = 90;
	return count > w->sending_after || w->sending == SENDING_STOPPED ? w->sending : SENDING_OK;
}

static unsigned unknown_named(void *world)
{
	struct world *w = world;

	return w->unknown_before + ++w->unknown_named;
}

static bool may_send_as(void *world, uint64_t account_id, const struct address *address)
{
	const struct world *w = world;
	struct buf text;
	struct span s = write_address(address, &text);
	bool may = (account_id == 7 || w->profile == SMTP_LOCAL) && (span_iequals(s, SPAN("alice@example.org")) || span_iequals(s, SPAN("all@example.org")));

	buf_clear(&text);
	return may;
}

static bool login_holds(void *world, uint64_t account_id, uint64_t credential)
{
	struct world *w = world;

	return account_id == 7 && credential == 70 && !(w->login_over && w->logins_looked_at++ > 0);
}

static const struct smtp_local *look_up_local(void *world)
{
	struct world *w = world;

	w->local.sender = SPAN("alice@example.org");
	w->local.origin = SPAN("example.org");
	return &w->local;
}

static bool local_may_send_now(void *world)
{
	struct world *w = world;

	return !w->one_message || w->local_messages++ == 0;
}

static bool may_bind(void *world)
{
	const struct world *w = world;

	return w->binding && w->peer.tls;
}

static void scram_end(void *world)
{
	((struct world *)world)->exchanges++;
}

static int64_t real_ms(void *world)
{
	(void)world;
	return 1767225600000; /* 2026-01-01T00:00:00Z */
}

static int64_t mono_ms(void *world)
{
	struct world *w = world;

	w->mono_ms += w->clock_step_ms;
	return w->mono_ms;
}

static void new_id(struct queue_id *out)
{
	memset(out->bytes, 0xab, sizeof(out->bytes));
}

static void end(struct accept **a)
{
	if (!*a)
		return;
	buf_clear(&(*a)->bytes);
	buf_clear(&(*a)->trace);
	buf_clear(&(*a)->envelope);
	buf_clear(&(*a)->wishes);
	free(*a);
	*a = NULL;
}

static enum err begin(void *world, struct accept **out)
{
	struct world *w = world;

	if (w->fault == FAULT_BEGIN)
		return ERR_TEMP;
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return ERR_TEMP;
	(*out)->world = w;
	buf_init(&(*out)->bytes, MESSAGE_MAX);
	buf_init(&(*out)->trace, 8192);
	buf_init(&(*out)->envelope, MESSAGE_MAX);
	buf_init(&(*out)->wishes, MESSAGE_MAX);
	return ERR_OK;
}

static enum err add(struct accept *a, struct span bytes)
{
	if (a->world->fault == FAULT_ADD)
		return ERR_TEMP;
	buf_add(&a->bytes, bytes);
	return a->bytes.failed ? ERR_LIMIT : ERR_OK;
}

/* As the queue has it: always with its empty line. */
static struct span header(struct accept *a)
{
	size_t length = header_length(buf_span(&a->bytes));
	struct buf next;

	if (span_ends(span_take(buf_span(&a->bytes), length), SPAN("\r\n\r\n")) || (length == 2 && a->bytes.ptr[0] == '\r'))
		return span_take(buf_span(&a->bytes), length);
	buf_init(&next, MESSAGE_MAX);
	buf_add(&next, span_take(buf_span(&a->bytes), length));
	buf_add(&next, SPAN("\r\n"));
	buf_add(&next, span_skip(buf_span(&a->bytes), length));
	buf_clear(&a->bytes);
	a->bytes = next;
	return span_take(buf_span(&a->bytes), length + 2);
}

static enum err set_header(struct accept *a, struct span bytes)
{
	size_t length = header(a).len;
	struct buf next;

	buf_init(&next, MESSAGE_MAX);
	buf_add(&next, bytes);
	buf_add(&next, span_skip(buf_span(&a->bytes), length));
	buf_clear(&a->bytes);
	a->bytes = next;
	return next.failed ? ERR_LIMIT : ERR_OK;
}

static unsigned received_count(struct accept *a)
{
	return (unsigned)header_count(header(a), SPAN("Received"));
}

/* "utf8 binary ret=full ..." on the first line, "notify=6 orcpt=..." on those of the recipients. */
static void note_wishes(const struct accept_envelope *e, struct buf *out)
{
	buf_addf(out, "%s%s%s%s%s%s", e->source == FROM_MX ? "outside" : "ours", e->smtputf8 ? " utf8" : "", e->body_8bit ? " 8bit" : "",
		 e->body_binary ? " binary" : "", e->require_tls ? " requiretls" : "",
		 e->ret == RETURN_FULL ? " ret=full" : e->ret == RETURN_HEADERS ? " ret=hdrs"
										: "");
	if (e->envid.len > 0)
		buf_addf(out, " envid=%.*s", (int)e->envid.len, e->envid.ptr);
	if (e->priority != 0)
		buf_addf(out, " priority=%d", e->priority);
	if (e->release_ms != 0)
		buf_addf(out, " release=%lld", (long long)e->release_ms);
	if (e->deliver_by != 0)
		buf_addf(out, " by=%lld/%u", (long long)e->deliver_by_ms, e->deliver_by);
	buf_add_char(out, '\n');
	for (size_t i = 0; i < e->recipient_count; i++)
		buf_addf(out, "notify=%u orcpt=%.*s\n", e->wishes[i].notify, (int)e->wishes[i].orcpt.len, e->wishes[i].orcpt.ptr ? e->wishes[i].orcpt.ptr : "");
}

static enum err seal(struct accept *a, const struct accept_envelope *envelope, struct note *why)
{
	(void)why;
	if (a->world->fault == FAULT_SEAL)
		return ERR_TEMP;
	buf_add(&a->trace, envelope->trace);
	buf_add(&a->envelope, envelope->reverse_path);
	buf_add_char(&a->envelope, '\n');
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		buf_add(&a->envelope, envelope->recipients[i]);
		buf_add_char(&a->envelope, '\n');
	}
	note_wishes(envelope, &a->wishes);
	a->recipient_count = envelope->recipient_count;
	return ERR_OK;
}

static void limits(void *world, struct smtp_limits *out)
{
	const struct world *w = world;

	*out = w->limits;
}

static const struct smtp_services services = {
	.limits = limits,
	.recipient = recipient,
	.takes_mail = takes_mail,
	.has_room = has_room,
	.sending = may_send,
	.unknown_named = unknown_named,
	.may_send_as = may_send_as,
	.local = look_up_local,
	.local_may_send_now = local_may_send_now,
	.login_holds = login_holds,
	.may_bind = may_bind,
	.scram_end = scram_end,
	.real_ms = real_ms,
	.mono_ms = mono_ms,
	.new_id = new_id,
	.accept_begin = begin,
	.accept_add = add,
	.accept_header = header,
	.accept_set_header = set_header,
	.accept_received_count = received_count,
	.accept_seal = seal,
	.accept_end = end,
};

/* ---- the world ---- */

static void *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->limits = (struct smtp_limits){
		.size_max = 100000,
		.recipients_max = QUEUE_MAX_RECIPIENTS,
		.commands_max = 10000,
		.errors_max = 10,
		.idle_ms = 300000,
		.message_ms = 600000,
		.line_max = 65536,
	};
	w->mono_ms = 1000;
	buf_init(&w->body, MESSAGE_MAX);
	buf_init(&w->trace, 8192);
	buf_init(&w->envelope, MESSAGE_MAX);
	buf_init(&w->wishes, MESSAGE_MAX);
	if (net_ip_parse(SPAN("192.0.2.9"), &w->remote) != ERR_OK)
		abort();
	return w;
}

static void world_free(void *world)
{
	struct world *w = world;

	buf_clear(&w->body);
	buf_clear(&w->trace);
	buf_clear(&w->envelope);
	buf_clear(&w->wishes);
	free(w);
}

static enum err set_fault(struct world *w, struct span name)
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

static enum err set_sending(struct world *w, struct span text)
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

static enum err set_number(struct world *w, struct span text)
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
static bool set_flag(struct world *w, struct span text)
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
	struct world *w = world;

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
	struct world *w = world;
	struct smtp_setup setup = {
		.services = &services,
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
	smtp_session_free(&((struct world *)world)->session);
}

static enum step feed(void *world, struct span in, size_t *used_out, struct out *out)
{
	return smtp_session_feed(((struct world *)world)->session, in, used_out, out);
}

static enum step event(void *world, enum session_event which, struct out *out)
{
	struct world *w = world;

	if (which == SESSION_TLS) {
		w->peer.tls = true;
		w->peer.tls_version = "TLSv1.3";
		w->peer.tls_cipher = "TLS_AES_256_GCM_SHA384";
	}
	return smtp_session_event(w->session, which == SESSION_START && w->early ? SESSION_EARLY : which, out);
}

static void question(void *world, struct buf *out)
{
	const struct smtp_question *q = smtp_session_question(((struct world *)world)->session);

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

static void replace(struct buf *to, struct buf *from)
{
	buf_reset(to);
	buf_add(to, buf_span(from));
}

static enum smtp_verdict commit(struct world *w, struct accept **message, bool ok)
{
	enum smtp_verdict verdict = ok && w->fault != FAULT_COMMIT ? SMTP_YES : SMTP_LATER;

	if (verdict == SMTP_YES) {
		w->messages++;
		replace(&w->body, &(*message)->bytes);
		replace(&w->trace, &(*message)->trace);
		replace(&w->envelope, &(*message)->envelope);
		replace(&w->wishes, &(*message)->wishes);
		w->recipient_count = (*message)->recipient_count;
	}
	end(message);
	return verdict;
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
	struct world *w = world;
	const struct smtp_question *q = smtp_session_question(w->session);
	struct smtp_answer a = { .verdict = SMTP_NO, .retry_after_ms = 250000, .login = SPAN("alice@example.org") };
	bool friendly = span_equals(text, SPAN("default"));

	if (q->kind == SMTP_ASK_COMMIT)
		a.verdict = commit(w, q->message, friendly || span_equals(text, SPAN("ok")));
	else if (friendly)
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

static enum err check_recipient(const struct world *w, struct span text)
{
	uint64_t number = 0;
	size_t at;

	if (!span_find_char(text, ' ', &at) || span_to_u64(span_take(text, at), KEPT_RECIPIENTS, &number) != ERR_OK)
		return ERR_SYNTAX;
	return line_is(&w->envelope, (size_t)number, span_skip(text, at + 1)) ? ERR_OK : ERR_NOT_FOUND;
}

static enum err check_rcpt_wish(const struct world *w, struct span text)
{
	uint64_t number = 0;
	size_t at;

	if (!span_find_char(text, ' ', &at) || span_to_u64(span_take(text, at), KEPT_RECIPIENTS, &number) != ERR_OK)
		return ERR_SYNTAX;
	return line_is(&w->wishes, (size_t)number, span_skip(text, at + 1)) ? ERR_OK : ERR_NOT_FOUND;
}

static enum err check(void *world, struct span text, struct note *why)
{
	struct world *w = world;
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
	.world_new = world_new,
	.world_free = world_free,
	.set = set,
	.open = open_session,
	.close = close_session,
	.feed = feed,
	.event = event,
	.question = question,
	.answer = answer,
	.check = check,
};
