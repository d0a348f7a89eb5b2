/* fuzz/fuzz_smtp.c: an SMTP session fed anything, cut anywhere, in a world that answers at random.
 *
 * The first bytes choose the profile, TLS and a generator of cuts and answers. Beside crashes it looks for: more input used than
 * there was, replies that are not lines, content with a bare CR, LF or NUL, and a turn that makes no progress.
 */
#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/mime/header.h"
#include "daemon/smtp/session.h"

#define CONTENT_MAX 70000u
#define NOW_MS 1767225600000

struct accept {
	struct buf bytes;
	bool cr, binary; /* binary: there was what only such a message may hold */
};

struct world {
	uint32_t random;
	int64_t mono_ms;
	struct session_peer peer;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static uint32_t next_random(struct world *w)
{
	w->random = w->random * 1664525u + 1013904223u;
	return w->random >> 8;
}

static void recipient(void *world, const struct address *address, bool from_nobody, uint64_t size, struct smtp_recipient_verdict *out)
{
	(void)world;
	(void)from_nobody;
	(void)size;
	*out = (struct smtp_recipient_verdict){ .kind = SMTP_RECIPIENT_OK };
	if (address->domain.len > 0 && (address->local.len == 0 || address->local.ptr[0] != 'a'))
		out->kind = (enum smtp_recipient)(address->local.len % (SMTP_RECIPIENT_LATER + 1));
}

static bool may_send_as(void *world, uint64_t account_id, const struct address *address)
{
	(void)world;
	return account_id == 1 && address->local.len > 0 && address->local.ptr[0] == 'a';
}

static bool login_holds(void *world, uint64_t account_id, uint64_t credential)
{
	must(account_id == 1 && credential == 2);
	return next_random(world) % 16 != 0;
}

static bool may_bind(void *world)
{
	return next_random(world) % 2;
}

static void scram_end(void *world)
{
	(void)world;
}

static int64_t real_ms(void *world)
{
	(void)world;
	return NOW_MS;
}

static int64_t mono_ms(void *world)
{
	struct world *w = world;

	w->mono_ms += next_random(w) % 64 == 0 ? 10000 : 1;
	return w->mono_ms;
}

static void new_id(struct queue_id *out)
{
	memset(out->bytes, 1, sizeof(out->bytes));
}

static void end(struct accept **a)
{
	if (*a) {
		buf_clear(&(*a)->bytes);
		free(*a);
	}
	*a = NULL;
}

static enum err begin(void *world, struct accept **out)
{
	if (next_random(world) % 32 == 0)
		return ERR_TEMP;
	must(*out == NULL);
	*out = calloc(1, sizeof(**out));
	must(*out != NULL);
	buf_init(&(*out)->bytes, CONTENT_MAX);
	return ERR_OK;
}

static enum err add(struct accept *a, struct span bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.ptr[i] == '\0' || (bytes.ptr[i] == '\n') != a->cr)
			a->binary = true;
		a->cr = bytes.ptr[i] == '\r';
	}
	buf_add(&a->bytes, bytes);
	return a->bytes.failed ? ERR_LIMIT : ERR_OK;
}

static struct span header(struct accept *a)
{
	return span_take(buf_span(&a->bytes), header_length(buf_span(&a->bytes)));
}

static enum err set_header(struct accept *a, struct span bytes)
{
	must(span_ends(bytes, SPAN("\r\n")));
	return a->bytes.len % 16 == 15 ? ERR_TEMP : ERR_OK;
}

static unsigned received_count(struct accept *a)
{
	return (unsigned)header_count(header(a), SPAN("Received"));
}

/* Whatever the body is: a header that everybody reads in the same way. */
static void check_lines(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		must(text.ptr[i] != '\0');
		must((text.ptr[i] == '\n') == (i > 0 && text.ptr[i - 1] == '\r'));
	}
}

static void check_word(struct span word, size_t max)
{
	must(word.len <= max);
	for (size_t i = 0; i < word.len; i++)
		must((unsigned char)word.ptr[i] > ' ' && word.ptr[i] != 127);
}

/* What goes on to other servers' command lines. */
static void check_wishes(const struct accept_envelope *envelope)
{
	check_word(envelope->envid, 3 * QUEUE_ENVID_MAX);
	must(envelope->priority >= -9 && envelope->priority <= 9);
	must(envelope->release_ms == 0 || envelope->release_ms >= NOW_MS);
	must(envelope->deliver_by_ms == 0 || envelope->deliver_by != 0);
	must(envelope->source == FROM_SUBMISSION || (envelope->priority == 0 && envelope->release_ms == 0 && envelope->deliver_by == 0));
	for (size_t i = 0; i < envelope->recipient_count; i++) {
		check_word(envelope->wishes[i].orcpt, QUEUE_ORCPT_MAX);
		must(envelope->wishes[i].notify < 16 && (!(envelope->wishes[i].notify & NOTIFY_NEVER) || envelope->wishes[i].notify == NOTIFY_NEVER));
		must(envelope->smtputf8 || span_is_ascii(envelope->wishes[i].orcpt));
	}
}

static enum err seal(struct accept *a, const struct accept_envelope *envelope, struct note *why)
{
	size_t at;

	(void)why;
	must(a->bytes.len > 0 && (envelope->body_binary || (!a->binary && !a->cr && span_ends(buf_span(&a->bytes), SPAN("\r\n")))));
	check_lines(header(a));
	check_wishes(envelope);
	must(envelope->recipient_count > 0 && envelope->recipient_count <= QUEUE_MAX_RECIPIENTS);
	must(span_starts(envelope->trace, SPAN("Received: ")) && span_ends(envelope->trace, SPAN("\r\n")));
	must(!span_find(envelope->trace, SPAN("\r\n\r\n"), &at) && !span_find_char(envelope->trace, '\0', &at));
	return ERR_OK;
}

static void limits(void *world, struct smtp_limits *out)
{
	(void)world;
	*out = (struct smtp_limits){ .size_max = 60000, .recipients_max = 100, .commands_max = 2000, .errors_max = 40, .idle_ms = 300000, .message_ms = 600000, .line_max = 2000 };
}

static bool mostly(void *world)
{
	return next_random(world) % 32 != 0;
}

static enum sending_verdict sending(void *world, uint64_t account_id, const struct span *outside, size_t count, int64_t *again_s_out)
{
	must(account_id == 1 && (count == 0 || outside[count - 1].len > 0));
	*again_s_out = (int64_t)(next_random(world) % 100);
	return next_random(world) % 4 ? SENDING_OK : (enum sending_verdict)(next_random(world) % (SENDING_STOPPED + 1));
}

static unsigned unknown_named(void *world)
{
	return next_random(world);
}

static const struct smtp_services services = {
	.limits = limits,
	.recipient = recipient,
	.takes_mail = mostly,
	.has_room = mostly,
	.sending = sending,
	.unknown_named = unknown_named,
	.may_send_as = may_send_as,
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

/* What was said is whole lines that begin with a code. */
static void drain(struct out *out)
{
	char scratch[1024];
	bool line_start = true, cr = false;
	struct span s;

	must(!out->failed);
	while ((s = out_peek(out, scratch, sizeof(scratch))).len > 0) {
		for (size_t i = 0; i < s.len; i++) {
			must(!line_start || (s.ptr[i] >= '2' && s.ptr[i] <= '5'));
			must((s.ptr[i] == '\n') == cr);
			line_start = s.ptr[i] == '\n';
			cr = s.ptr[i] == '\r';
		}
		out_drop(out, s.len);
	}
	must(line_start);
}

static enum step answer(struct world *w, struct smtp_session *s, struct out *out)
{
	const struct smtp_question *q = smtp_session_question(s);
	struct smtp_answer a = { .verdict = (enum smtp_verdict)(next_random(w) % (SMTP_LATER + 1)), .account_id = 1, .credential = 2, .text = SPAN("v=AAAA") };

	must(q->kind != SMTP_ASK_NOTHING);
	if (q->kind == SMTP_ASK_PAUSE)
		must(q->delay_ms > 0 && q->delay_ms <= SMTP_PAUSE_MAX_MS);
	if (q->kind == SMTP_ASK_COMMIT)
		end(q->message);
	else if (next_random(w) % 2)
		a.verdict = SMTP_YES;
	return smtp_session_answer(s, &a, out);
}

/* One piece of input that grew; returns what is left of it. */
static struct span feed(struct world *w, struct smtp_session *s, struct span in, enum step *step, struct out *out)
{
	while (in.len > 0 && *step != STEP_CLOSE) {
		size_t used = 0;

		*step = smtp_session_feed(s, in, &used, out);
		must(used <= in.len);
		in = span_skip(in, used);
		drain(out);
		if (*step == STEP_WAIT)
			*step = answer(w, s, out);
		drain(out);
		if (*step == STEP_STARTTLS) {
			w->peer.tls = true;
			in.len = 0;
			*step = smtp_session_event(s, SESSION_TLS, out);
		}
		must(used > 0 || *step == STEP_REPLY || *step == STEP_CLOSE);
		if (used == 0)
			break;
	}
	return in;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .mono_ms = 1000 };
	struct smtp_setup setup = { .services = &services, .world = &w, .peer = &w.peer, .hostname = SPAN("mx.example"), .start_tls = true };
	struct smtp_session *s = NULL;
	enum step step = STEP_REPLY;
	struct span all, in;
	struct out out;

	if (size < 2)
		return 0;
	log_set_level(LOG_ERROR);
	setup.profile = data[0] & 1 ? SMTP_SUBMISSION : data[0] & 8 ? SMTP_LMTP
								    : SMTP_MX;
	w.peer.trusted = data[0] & 16;
	w.peer.tls = data[0] & 2;
	w.peer.tls_version = "TLSv1.3";
	w.peer.tls_cipher = "X";
	w.peer.remote.family = NET_IPV4;
	w.peer.remote.ip[0] = data[0] & 8 ? 127 : 192;
	w.random = data[1];
	all = span_make((const char *)data + 2, size - 2);
	in = span_take(all, 0);
	out_init(&out);
	must(smtp_session_new(&setup, &s) == ERR_OK);
	(void)smtp_session_event(s, SESSION_START, &out);
	while (step != STEP_CLOSE && in.ptr + in.len < all.ptr + all.len) {
		size_t left = (size_t)(all.ptr + all.len - in.ptr - (ptrdiff_t)in.len);
		size_t more = data[0] & 4 ? left : 1 + next_random(&w) % 40;

		in.len += more < left ? more : left;
		in = feed(&w, s, in, &step, &out);
	}
	if (step != STEP_CLOSE)
		(void)smtp_session_event(s, (enum session_event)(next_random(&w) % 2 ? SESSION_STOP : SESSION_EOF), &out);
	drain(&out);
	smtp_session_free(&s);
	out_clear(&out);
	return 0;
}
