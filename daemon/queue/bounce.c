/* queue/bounce.c: a DSN enters by the same door as any message: from us, with the null reverse-path (RFC 5321 6.1), so that it is
 * never answered by another. Sealed here, stored by the flush that stores the failure. */
#include "daemon/queue/notice.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/queue/accept.h"
#include "daemon/queue/content.h"
#include "daemon/queue/dsn.h"

#define DSN_MAX (4u * 1024u * 1024u)
#define DSN_ARENA_MAX (2u * 1024u * 1024u)

static enum err collect(const struct entry *e, const struct notice_recipient *told, size_t count, struct arena *a, struct dsn *d)
{
	struct dsn_recipient *recipients = arena_array(a, count, sizeof(*recipients));

	if (!recipients)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		const struct rcpt *r = &e->detail->rcpts[told[i].n];

		recipients[d->count++] = (struct dsn_recipient){ .address = r->address, .original = r->original, .status = told[i].status, .reply = told[i].reply, .host = told[i].remote ? told[i].host : SPAN(""), .remote = told[i].remote, .last_ms = clock_real_ms() };
	}
	d->recipients = recipients;
	return ERR_OK;
}

bool notice_is_wanted(const struct entry *e, uint32_t n, enum notice_kind kind)
{
	(void)n;
	return kind == NOTICE_FAILED && e->detail->reverse_path.len;
}

static enum err seal(struct queue *q, const struct dsn *d, struct accept_envelope *envelope, struct accept **out, struct note *why)
{
	struct accept *a = NULL;
	struct buf text;
	enum err e;

	buf_init(&text, DSN_MAX);
	e = dsn_write(d, &text, &envelope->smtputf8, &envelope->body_8bit);
	if (!e)
		e = accept_begin(q, &a);
	if (!e)
		accept_is_ours(a);
	if (!e)
		e = accept_add(a, buf_span(&text));
	if (!e)
		e = accept_seal(a, envelope, why);
	buf_clear(&text);
	if (e)
		accept_end(&a);
	*out = a;
	return e;
}

/* A program of this machine without a policy row sends as login@hostname, where nobody has a mailbox: the postmaster is told. */
static struct span who_is_told(const struct snapshot *s, struct span reverse_path)
{
	const struct span hostname = snapshot_hostname(s), postmaster = snapshot_postmaster(s);
	bool is_login_here = reverse_path.len > hostname.len && reverse_path.ptr[reverse_path.len - hostname.len - 1] == '@' && span_iequals(span_skip(reverse_path, reverse_path.len - hostname.len), hostname);

	return is_login_here && postmaster.len && !snapshot_has_domain(s, hostname) ? postmaster : reverse_path;
}

enum err notice_make(struct queue *q, const struct entry *e, enum notice_kind kind, const struct notice_recipient *told_of, size_t count, struct accept **out, struct note *why)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	const struct span told = who_is_told(s, e->detail->reverse_path);
	struct accept_envelope envelope = { .source = FROM_US, .reverse_path = SPAN(""), .recipients = &told, .recipient_count = 1 };
	struct dsn d = { .kind = kind, .hostname = snapshot_hostname(s), .to = e->detail->reverse_path, .now_ms = clock_real_ms(), .arrival_ms = e->accepted_ms };
	char id[QUEUE_ID_TEXT], own[QUEUE_ID_TEXT];
	struct content *c = NULL;
	struct arena a;
	enum err err;

	arena_init(&a, DSN_ARENA_MAX);
	queue_id_new(&envelope.id);
	queue_id_text(&e->id, id);
	queue_id_text(&envelope.id, own);
	d.queue_id = span_str(id);
	d.boundary = span_str(own);
	err = collect(e, told_of, count, &a, &d);
	if (!err)
		err = content_get(q, e, false, &c);
	/* A lost content must not keep the sender from being told. */
	if (err == ERR_CORRUPT)
		err = ERR_OK;
	if (!err) {
		d.header = c ? buf_span(&c->head) : SPAN("\r\n");
		err = seal(q, &d, &envelope, out, why);
	}
	if (!err)
		log_event(LOG_INFO, "queue", "dsn", "qid=%s for=%s to=%s recipients=%zu", own, id, log_quote(e->detail->reverse_path).text, d.count);
	content_release(&c);
	arena_clear(&a);
	snapshot_release(&s);
	return err;
}
