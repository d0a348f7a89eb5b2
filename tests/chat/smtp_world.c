/* chat/smtp_world.c: see smtp_world.h.
 *
 * Here are: alice@example.org and bob@example.org (passwords "secret"), the alias all@example.org, sue@example.org (suspended), full@example.org,
 * slow@example.org (can't be looked up), SRS0=x@example.org (for bounces), postmaster; closed.example is ours and disabled. other.example is remote,
 * nomail.example has a null MX, and gone@other.example is suppressed.
 */
#include "tests/chat/smtp_world.h"

#include <stdlib.h>

#include "daemon/mime/header.h"

#define MESSAGE_MAX (8u * 1024u * 1024u)

struct accept {
	struct smtp_world *world;
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

static void recipient(void *world, const struct address *address, bool from_nobody, uint64_t size, struct smtp_recipient_verdict *out)
{
	(void)world;
	(void)size;
	*out = (struct smtp_recipient_verdict){ .kind = find(address), .words = SPAN("550 5.1.1 <gone@other.example> gone\r\n250 Ok") };
	if (from_nobody && span_equals(address->local, SPAN("SRS0=x")))
		out->kind = SMTP_RECIPIENT_OK;
}

static bool takes_mail(void *world)
{
	return !((struct smtp_world *)world)->no_domains;
}

static bool has_room(void *world)
{
	return !((struct smtp_world *)world)->no_room;
}

static enum sending_verdict may_send(void *world, uint64_t account_id, const struct span *outside, size_t count, int64_t *again_s_out)
{
	const struct smtp_world *w = world;

	if (account_id != 7 || (count > 0 && outside[count - 1].len == 0))
		abort();
	*again_s_out = 90;
	return count > w->sending_after || w->sending == SENDING_STOPPED ? w->sending : SENDING_OK;
}

static unsigned unknown_named(void *world)
{
	struct smtp_world *w = world;

	return w->unknown_before + ++w->unknown_named;
}

static bool may_send_as(void *world, uint64_t account_id, const struct address *address)
{
	const struct smtp_world *w = world;
	struct buf text;
	struct span s = write_address(address, &text);
	bool may = (account_id == 7 || w->profile == SMTP_LOCAL) && (span_iequals(s, SPAN("alice@example.org")) || span_iequals(s, SPAN("all@example.org")));

	buf_clear(&text);
	return may;
}

static bool login_holds(void *world, uint64_t account_id, uint64_t credential)
{
	struct smtp_world *w = world;

	return account_id == 7 && credential == 70 && !(w->login_over && w->logins_looked_at++ > 0);
}

static const struct smtp_local *look_up_local(void *world)
{
	struct smtp_world *w = world;

	w->local.sender = SPAN("alice@example.org");
	w->local.origin = SPAN("example.org");
	return &w->local;
}

static bool local_may_send_now(void *world)
{
	struct smtp_world *w = world;

	return !w->one_message || w->local_messages++ == 0;
}

static bool may_bind(void *world)
{
	const struct smtp_world *w = world;

	return w->binding && w->peer.tls;
}

static void scram_end(void *world)
{
	((struct smtp_world *)world)->exchanges++;
}

static int64_t real_ms(void *world)
{
	(void)world;
	return 1767225600000; /* 2026-01-01T00:00:00Z */
}

static int64_t mono_ms(void *world)
{
	struct smtp_world *w = world;

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
	struct smtp_world *w = world;

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
	buf_addf(out, "%s%s%s%s%s%s%s", e->source == FROM_MX ? "outside" : "ours", e->counted ? " counted" : "", e->smtputf8 ? " utf8" : "", e->body_8bit ? " 8bit" : "",
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
	const struct smtp_world *w = world;

	*out = w->limits;
}

const struct smtp_services smtp_world_services = {
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

void *smtp_world_new(void)
{
	struct smtp_world *w = calloc(1, sizeof(*w));

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

void smtp_world_free(void *world)
{
	struct smtp_world *w = world;

	buf_clear(&w->body);
	buf_clear(&w->trace);
	buf_clear(&w->envelope);
	buf_clear(&w->wishes);
	free(w);
}

static void replace(struct buf *to, struct buf *from)
{
	buf_reset(to);
	buf_add(to, buf_span(from));
}

enum smtp_verdict smtp_world_commit(struct smtp_world *w, struct accept **message, bool ok)
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
