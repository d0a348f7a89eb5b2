/* queue/dsn.c: a DSN in three parts: words for people, fields for programs, and the header that was sent, or the message where the sender asked for it. */
#include "daemon/queue/dsn.h"

#include "daemon/mime/date.h"
#include "daemon/mime/header.h"
#include "daemon/mime/xtext.h"
#include "daemon/queue/dsn_words.h"

#define RETURNED_HEADER_MAX (64u * 1024u)
#define WORDS_MAX 800u
#define REFERENCE_MAX 500u

/* Words of others on one line: what is not printable would break the field (RFC 3464 2.1.2). `utf8`: characters beyond ASCII may stay (RFC 6533 4). */
static void add_words(struct buf *out, struct span words, bool utf8)
{
	size_t left = WORDS_MAX;

	for (size_t at = 0; at < words.len && left; left--) {
		unsigned char c = (unsigned char)words.ptr[at];
		size_t len = c < 0x80 ? 1 : span_utf8_len(span_skip(words, at));

		if (len > 1 && utf8)
			buf_add(out, span_make(words.ptr + at, len));
		else
			buf_add_char(out, c >= 0x7f ? '?' : c < 0x20 ? ' '
								     : (char)c);
		at += len ? len : 1;
	}
}

/* A mailbox in a field: RFC 3464 2.3.2, beyond ASCII RFC 6533 section 3. */
static void add_address(struct buf *out, const char *name, struct span address, bool utf8)
{
	buf_addf(out, "%s: ", name);
	if (span_is_ascii(address)) {
		buf_add_str(out, "rfc822; ");
		add_words(out, address, false);
	} else {
		buf_add_str(out, "utf-8; ");
		xtext_embed(address, utf8, out);
	}
	buf_add_str(out, "\r\n");
}

/* Original-Recipient (RFC 3461 6.3 (a)): the type as it is, the address decoded. Without ORCPT what the envelope said, where that is another address:
 * as if it had been added when the address was expanded (RFC 3461 5.2.1 allows that). */
static void add_original(struct buf *out, const struct dsn_recipient *r, bool utf8)
{
	size_t at;

	if (r->orcpt.len && span_find_char(r->orcpt, ';', &at)) {
		struct span type = span_take(r->orcpt, at), address = span_skip(r->orcpt, at + 1);

		buf_add_str(out, "Original-Recipient: ");
		add_words(out, type, false);
		buf_add_str(out, "; ");
		if (!span_iequals(type, SPAN("utf-8")))
			xtext_show(address, out);
		else if (utf8 || span_is_ascii(address))
			add_words(out, address, utf8);
		else
			xtext_embed(address, false, out);
		buf_add_str(out, "\r\n");
	} else if (r->original.len && !span_equals(r->original, r->address)) {
		add_address(out, "Original-Recipient", r->original, utf8);
	}
}

static void add_date(struct buf *out, const char *name, int64_t ms)
{
	buf_addf(out, "%s: ", name);
	date_write_header(ms, out);
	buf_add_str(out, "\r\n");
}

static void add_recipient(const struct dsn *d, const struct dsn_recipient *r, bool utf8, struct buf *out)
{
	static const char *const actions[] = { [NOTICE_FAILED] = "failed", [NOTICE_DELAYED] = "delayed", [NOTICE_DELIVERED] = "delivered", [NOTICE_RELAYED] = "relayed", [NOTICE_EXPANDED] = "expanded" };

	buf_add_str(out, "\r\n");
	add_original(out, r, utf8);
	add_address(out, "Final-Recipient", r->address, utf8);
	buf_addf(out, "Action: %s\r\nStatus: %.*s\r\n", actions[d->kind], (int)r->status.len, r->status.ptr);
	if (r->host.len) {
		buf_add_str(out, "Remote-MTA: dns; ");
		add_words(out, r->host, false);
		buf_add_str(out, "\r\n");
	}
	if (r->reply.len) {
		buf_add_str(out, r->remote ? "Diagnostic-Code: smtp; " : "Diagnostic-Code: x-postroom; ");
		add_words(out, r->reply, utf8);
		buf_add_str(out, "\r\n");
	}
	if (r->last_ms)
		add_date(out, "Last-Attempt-Date", r->last_ms);
	if (d->kind == NOTICE_DELAYED && r->until_ms)
		add_date(out, "Will-Retry-Until", r->until_ms);
}

/* A part may say 8bit only when the whole does (RFC 2045 6.4). */
static void add_encoding(struct buf *out, bool eight_bit)
{
	if (eight_bit)
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n");
}

/* Threads the report under the message it tells of. */
static void add_reference(const struct dsn *d, struct buf *out)
{
	struct header_field field;
	struct span id;

	if (!header_find(d->header, SPAN("Message-ID"), 0, &field))
		return;
	id = span_trim(field.value);
	if (id.len < 3 || id.len > REFERENCE_MAX || id.ptr[0] != '<' || id.ptr[id.len - 1] != '>')
		return;
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= 0x20 || id.ptr[i] >= 0x7f)
			return;
	buf_add_str(out, "References: ");
	buf_add(out, id);
	buf_add_str(out, "\r\n");
}

static void add_top(const struct dsn *d, bool utf8, bool eight_bit, struct buf *out)
{
	buf_addf(out, "From: Mail Delivery System <mailer-daemon@%.*s>\r\n", (int)d->hostname.len, d->hostname.ptr);
	buf_add_str(out, "To: <");
	buf_add(out, d->to);
	buf_addf(out, ">\r\nSubject: %s\r\n", dsn_subject(d));
	add_date(out, "Date", d->now_ms);
	buf_addf(out, "Message-ID: <%.*s@%.*s>\r\n", (int)d->boundary.len, d->boundary.ptr, (int)d->hostname.len, d->hostname.ptr);
	add_reference(d, out);
	/* RFC 3834 5: nobody answers this. */
	buf_add_str(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	buf_addf(out, "Content-Type: multipart/report; report-type=%s;\r\n\tboundary=\"=_%.*s\"\r\n", utf8 ? "global-delivery-status" : "delivery-status", (int)d->boundary.len, d->boundary.ptr);
	add_encoding(out, eight_bit);
}

static void add_delimiter(const struct dsn *d, struct buf *out, const char *end)
{
	buf_addf(out, "\r\n--=_%.*s%s\r\n", (int)d->boundary.len, d->boundary.ptr, end);
}

static void add_text(const struct dsn *d, bool eight_bit, struct buf *out)
{
	buf_add_str(out, "Content-Type: text/plain; charset=utf-8\r\n");
	add_encoding(out, eight_bit);
	buf_add_str(out, "\r\n");
	dsn_add_words(d, out);
}

static void add_status(const struct dsn *d, bool utf8, bool eight_bit, struct buf *out)
{
	buf_addf(out, "Content-Type: message/%s\r\n", utf8 ? "global-delivery-status" : "delivery-status");
	add_encoding(out, eight_bit);
	buf_add_str(out, "\r\n");
	if (d->envid.len) {
		buf_add_str(out, "Original-Envelope-Id: ");
		xtext_show(d->envid, out);
		buf_add_str(out, "\r\n");
	}
	buf_addf(out, "Reporting-MTA: dns; %.*s\r\n", (int)d->hostname.len, d->hostname.ptr);
	if (d->from.len) {
		buf_add_str(out, "Received-From-MTA: dns; ");
		add_words(out, d->from, false);
		buf_add_str(out, "\r\n");
	}
	buf_addf(out, "X-Postroom-Queue-ID: %.*s\r\n", (int)d->queue_id.len, d->queue_id.ptr);
	add_date(out, "Arrival-Date", d->arrival_ms);
	for (size_t i = 0; i < d->count; i++)
		add_recipient(d, &d->recipients[i], utf8, out);
}

static struct span returned_header(struct span header)
{
	size_t end = header.len < RETURNED_HEADER_MAX ? header.len : RETURNED_HEADER_MAX;

	while (end < header.len && end > 0 && header.ptr[end - 1] != '\n')
		end--;
	return span_take(header, end);
}

static void add_returned(const struct dsn *d, struct span header, bool utf8, bool eight_bit, struct buf *out)
{
	const char *headers = utf8 ? "message/global-headers" : "text/rfc822-headers", *message = utf8 ? "message/global" : "message/rfc822";

	buf_addf(out, "Content-Type: %s\r\n", d->full ? message : headers);
	add_encoding(out, eight_bit);
	buf_add_str(out, "\r\n");
	buf_add(out, header);
	if (d->full)
		buf_add(out, d->body);
}

enum err dsn_write(const struct dsn *d, struct buf *out, bool *utf8_out, bool *eight_bit_out)
{
	struct span header = d->full ? d->header : returned_header(d->header);
	bool text_8bit = !span_is_ascii(d->to), returned_8bit = !span_is_ascii(header) || (d->full && !span_is_ascii(d->body));
	bool utf8, eight_bit;

	for (size_t i = 0; i < d->count; i++)
		text_8bit |= !span_is_ascii(d->recipients[i].address) || !span_is_ascii(d->recipients[i].original);
	/* RFC 6533 section 4 and 6: the forms for UTF-8 to whom understands them, where there is something to say with them. */
	utf8 = !span_is_ascii(d->to) || (d->utf8_reader && (text_8bit || !span_is_ascii(header)));
	eight_bit = utf8 || text_8bit || returned_8bit;
	add_top(d, utf8, eight_bit, out);
	buf_add_str(out, "\r\nThis is a MIME-encapsulated message.\r\n");
	add_delimiter(d, out, "");
	add_text(d, text_8bit, out);
	add_delimiter(d, out, "");
	add_status(d, utf8, utf8, out);
	add_delimiter(d, out, "");
	add_returned(d, header, utf8, utf8 || returned_8bit, out);
	add_delimiter(d, out, "--");
	/* Only a header field that is not ASCII needs the extension: parts beyond ASCII are content (RFC 6532 3.7), and who takes no SMTPUTF8 shall hear it too. */
	*utf8_out = !span_is_ascii(d->to);
	*eight_bit_out = eight_bit;
	return out->failed ? ERR_LIMIT : ERR_OK;
}
