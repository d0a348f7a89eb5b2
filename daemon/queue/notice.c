/* queue/notice.c: a notice enters by the same door as any message: from us, with the null reverse-path (RFC 5321 6.1), so that it is never answered by
 * another. Sealed here, stored by the flush that stores what it tells of.
 *
 * (1) Nothing is said to the null reverse-path. A notice of ours that fails goes to the postmaster, once: of one to the postmaster there is only a line in
 *     the log. So a notice leads to one more at most.
 * (2) The message itself comes back only when the sender asked (RET=FULL), of a failure alone (RFC 3461 4.3), and up to a size: a bounce must not be a way
 *     to mail ten megabytes to somebody else.
 * (3) Who asked for protected connections gets the notice over such, too (RFC 8689 section 5).
 */
#include "daemon/queue/notice.h"

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/mime/header.h"
#include "daemon/queue/accept.h"
#include "daemon/queue/content.h"
#include "daemon/queue/dsn.h"

#define NOTICE_MAX (4u * 1024u * 1024u)
#define NOTICE_ARENA_MAX (2u * 1024u * 1024u)
#define RETURNED_MAX (1024u * 1024u)
#define LINE_MAX_BYTES 998u /* RFC 5322 2.1.1 */
#define PIECE 65536u

bool notice_is_wanted(const struct entry *e, uint32_t n, enum notice_kind kind)
{
	unsigned notify = e->detail->rcpts[n].notify;

	if (!e->detail->reverse_path.len)
		return e->detail->source == FROM_US && kind == NOTICE_FAILED;
	switch (kind) {
	case NOTICE_FAILED: return !notify || (notify & NOTIFY_FAILURE);
	case NOTICE_DELAYED: return !notify || (notify & NOTIFY_DELAY);
	case NOTICE_DELIVERED:
	case NOTICE_RELAYED:
	case NOTICE_EXPANDED: return notify & NOTIFY_SUCCESS;
	}
	return false;
}

static enum err collect(const struct entry *e, enum notice_kind kind, const struct notice_recipient *told, size_t count, struct arena *a, struct dsn *d)
{
	struct dsn_recipient *recipients = arena_array(a, count, sizeof(*recipients));

	if (!recipients)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		const struct rcpt *r = &e->detail->rcpts[told[i].n];

		recipients[i] = (struct dsn_recipient){ .address = r->address, .original = r->original, .orcpt = r->orcpt, .status = told[i].status, .reply = told[i].reply, .remote = told[i].remote, .until_ms = told[i].until_ms };
		if (told[i].remote)
			recipients[i].host = told[i].host;
		if (kind == NOTICE_FAILED || kind == NOTICE_DELAYED)
			recipients[i].last_ms = told[i].last_ms;
	}
	d->recipients = recipients;
	d->count = count;
	return ERR_OK;
}

/* CRLF lines of a length that every server takes. */
static bool is_plain(struct span body)
{
	size_t length = 0;

	for (size_t i = 0; i < body.len; i++) {
		char c = body.ptr[i];

		if (c == '\0' || (c == '\n' && (i == 0 || body.ptr[i - 1] != '\r')) || (c == '\r' && (i + 1 == body.len || body.ptr[i + 1] != '\n')))
			return false;
		length = c == '\n' ? 0 : length + 1;
		if (length > LINE_MAX_BYTES + 1)
			return false;
	}
	return true;
}

/* Into `body`. False: it cannot come back. */
static bool read_body(const struct content *c, struct buf *body)
{
	struct content_reader reader;
	enum err e = content_reader_open(c, &reader);
	uint64_t at = c->head.len;
	size_t got = 1;
	char *to;

	if (e)
		return false;
	while (!e && got) {
		to = buf_reserve(body, PIECE);
		if (!to)
			break;
		e = content_read(&reader, at, to, PIECE, &got);
		if (!e)
			buf_grew(body, got);
		at += got;
	}
	content_reader_close(&reader);
	return !e && !body->failed && is_plain(buf_span(body));
}

/* The name by which the other server went, in the first field: ours. */
static struct span came_from(const struct entry *e, struct span header, struct arena *a)
{
	struct header_field field;
	struct span value, word;

	if (e->detail->source != FROM_MX || !header_find(header, SPAN("Received"), 0, &field))
		return SPAN("");
	value = header_unfold(a, field.value);
	if (!span_istarts(value, SPAN("from ")))
		return SPAN("");
	value = span_trim(span_skip(value, 5));
	return span_split(&value, ' ', &word) && word.len <= 255 ? word : SPAN("");
}

static void describe_message(const struct entry *e, enum notice_kind kind, const struct content *c, struct buf *body, struct arena *a, struct dsn *d)
{
	d->envid = e->detail->envid;
	d->utf8_reader = e->smtputf8;
	d->header = SPAN("\r\n");
	if (!c)
		return;
	d->header = buf_span(&c->head);
	d->from = came_from(e, d->header, a);
	d->full = kind == NOTICE_FAILED && e->detail->ret == RETURN_FULL && !e->body_binary && c->head.len + c->body_size <= RETURNED_MAX && read_body(c, body);
	if (d->full)
		d->body = buf_span(body);
}

static enum err seal(struct queue *q, const struct dsn *d, struct accept_envelope *envelope, struct accept **out, struct note *why)
{
	struct accept *a = NULL;
	struct buf text;
	enum err e;

	buf_init(&text, NOTICE_MAX);
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

/* Was it one that told the postmaster? */
static bool was_for(const struct entry *e, const struct notice_recipient *told, size_t count, struct span postmaster)
{
	for (size_t i = 0; i < count; i++)
		if (span_iequals(e->detail->rcpts[told[i].n].original, postmaster))
			return true;
	return false;
}

/* With `d` complete but for its addressee. */
static enum err tell(struct queue *q, const struct entry *e, struct dsn *d, struct span to, struct accept **out, struct note *why)
{
	struct accept_envelope envelope = { .source = FROM_US, .reverse_path = SPAN(""), .recipients = &to, .recipient_count = 1, .require_tls = e->require_tls };
	char own[QUEUE_ID_TEXT];
	enum err err;

	queue_id_new(&envelope.id);
	queue_id_text(&envelope.id, own);
	d->boundary = span_str(own);
	err = seal(q, d, &envelope, out, why);
	d->boundary = SPAN(""); /* its text ends here */
	if (!err)
		log_event(LOG_INFO, "queue", "dsn", "qid=%s for=%.*s to=%s recipients=%zu", own, (int)d->queue_id.len, d->queue_id.ptr, log_quote(to).text, d->count);
	return err;
}

/* To whom it may concern. What can be told to the sender neither now nor later is told to the postmaster. */
static enum err tell_somebody(struct queue *q, const struct snapshot *s, const struct entry *e, struct dsn *d, struct accept **out, struct note *why)
{
	struct span postmaster = snapshot_postmaster(s);
	enum err err = ERR_NOT_FOUND;

	if (e->detail->reverse_path.len) {
		d->to = e->detail->reverse_path;
		err = tell(q, e, d, who_is_told(s, d->to), out, why);
	}
	if (err && err != ERR_TEMP) {
		d->double_bounce = true;
		d->to = postmaster;
		err = postmaster.len ? tell(q, e, d, postmaster, out, why) : ERR_NOT_FOUND;
	}
	if (err && err != ERR_TEMP) {
		log_event(LOG_ERROR, "queue", "dsn_dropped", "for=%.*s error=%s why=%s", (int)d->queue_id.len, d->queue_id.ptr, err_name(err), why ? log_quote(span_str(why->text)).text : "");
		err = ERR_OK;
	}
	return err;
}

enum err notice_make(struct queue *q, const struct entry *e, enum notice_kind kind, const struct notice_recipient *recipients, size_t count, struct accept **out, struct note *why)
{
	const struct snapshot *s = directory_hold(q->config.directory);
	struct dsn d = { .kind = kind, .hostname = snapshot_hostname(s), .now_ms = clock_real_ms(), .arrival_ms = e->accepted_ms };
	char id[QUEUE_ID_TEXT];
	struct content *c = NULL;
	struct buf body;
	struct arena a;
	enum err err;

	*out = NULL;
	arena_init(&a, NOTICE_ARENA_MAX);
	buf_init(&body, RETURNED_MAX + PIECE);
	queue_id_text(&e->id, id);
	d.queue_id = span_str(id);
	if (!e->detail->reverse_path.len && was_for(e, recipients, count, snapshot_postmaster(s))) {
		log_event(LOG_WARN, "queue", "dsn_dropped", "for=%s error=double_bounce", id);
		err = ERR_OK;
	} else {
		err = collect(e, kind, recipients, count, &a, &d);
		if (!err)
			err = content_get(q, e, false, &c);
		/* A lost content must not keep the sender from being told. */
		if (err == ERR_CORRUPT)
			err = ERR_OK;
		if (!err) {
			describe_message(e, kind, c, &body, &a, &d);
			err = tell_somebody(q, s, e, &d, out, why);
		}
	}
	content_release(&c);
	buf_clear(&body);
	arena_clear(&a);
	snapshot_release(&s);
	return err;
}
