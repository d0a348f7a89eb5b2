/* queue/dsn.c: a DSN in three parts: words for people, fields for programs, the header that was sent. Only the header goes back
 * (a bounce must not be a way to mail ten megabytes to somebody else). */
#include "daemon/queue/dsn.h"

#include "daemon/mime/date.h"

#define RETURNED_HEADER_MAX (64u * 1024u)
#define WORDS_MAX 800u

/* The remote's words on one line: what is not printable ASCII would break the field (RFC 3464 2.1.2). */
static void add_words(struct buf *out, struct span words)
{
	words = span_take(words, WORDS_MAX);
	for (size_t i = 0; i < words.len; i++) {
		unsigned char c = (unsigned char)words.ptr[i];

		buf_add_char(out, c >= 0x7f ? '?' : c < 0x20 ? ' '
							     : (char)c);
	}
}

/* Address fields: RFC 3464 2.3.2, for UTF-8 RFC 6533 3. */
static void add_address(struct buf *out, const char *name, struct span address)
{
	buf_addf(out, "%s: %s", name, span_is_ascii(address) ? "rfc822; " : "utf-8; ");
	buf_add(out, address);
	buf_add_str(out, "\r\n");
}

/* A part may say 8bit only when the whole does (RFC 2045 6.4). */
static void add_encoding(struct buf *out, bool eight_bit)
{
	if (eight_bit)
		buf_add_str(out, "Content-Transfer-Encoding: 8bit\r\n");
}

static void add_top(const struct dsn *d, bool utf8, bool eight_bit, struct buf *out)
{
	buf_addf(out, "From: Mail Delivery System <mailer-daemon@%.*s>\r\n", (int)d->hostname.len, d->hostname.ptr);
	buf_add_str(out, "To: <");
	buf_add(out, d->to);
	buf_add_str(out, ">\r\nSubject: Undelivered mail: returned to sender\r\nDate: ");
	date_write_header(d->now_ms, out);
	buf_addf(out, "\r\nMessage-ID: <%.*s@%.*s>\r\n", (int)d->boundary.len, d->boundary.ptr, (int)d->hostname.len, d->hostname.ptr);
	/* RFC 3834 5: nobody answers this. */
	buf_add_str(out, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	buf_addf(out, "Content-Type: multipart/report; report-type=%s;\r\n\tboundary=\"=_%.*s\"\r\n", utf8 ? "global-delivery-status" : "delivery-status", (int)d->boundary.len, d->boundary.ptr);
	add_encoding(out, eight_bit);
}

static void add_delimiter(const struct dsn *d, struct buf *out, const char *end)
{
	buf_addf(out, "\r\n--=_%.*s%s\r\n", (int)d->boundary.len, d->boundary.ptr, end);
}

static void add_text(const struct dsn *d, bool utf8, struct buf *out)
{
	buf_add_str(out, "Content-Type: text/plain; charset=utf-8\r\n");
	add_encoding(out, utf8);
	buf_add_str(out, "\r\n");
	buf_addf(out, "This is the mail system at %.*s.\r\n\r\n", (int)d->hostname.len, d->hostname.ptr);
	buf_add_str(out, "Your message could not be delivered to the recipients below, and no more\r\nattempts will be made. The header of your message is attached.\r\n");
	for (size_t i = 0; i < d->count; i++) {
		const struct dsn_recipient *r = &d->recipients[i];

		buf_add_str(out, "\r\n<");
		buf_add(out, r->original.len ? r->original : r->address);
		buf_add_str(out, ">\r\n    ");
		if (r->remote && r->host.len) {
			buf_add_str(out, "the server ");
			add_words(out, r->host);
			buf_add_str(out, " answered: ");
		}
		add_words(out, r->reply.len ? r->reply : SPAN("delivery failed"));
		if (span_equals(r->status, SPAN("4.4.7")))
			buf_add_str(out, "\r\n    (tried until the message was too old)");
		buf_add_str(out, "\r\n");
	}
}

static void add_recipient(const struct dsn *d, const struct dsn_recipient *r, struct buf *out)
{
	buf_add_str(out, "\r\n");
	if (r->original.len && !span_equals(r->original, r->address))
		add_address(out, "Original-Recipient", r->original);
	add_address(out, "Final-Recipient", r->address);
	buf_addf(out, "Action: failed\r\nStatus: %.*s\r\n", (int)r->status.len, r->status.ptr);
	if (r->remote && r->host.len) {
		buf_add_str(out, "Remote-MTA: dns; ");
		add_words(out, r->host);
		buf_add_str(out, "\r\n");
	}
	if (r->reply.len) {
		buf_add_str(out, r->remote ? "Diagnostic-Code: smtp; " : "Diagnostic-Code: x-postroom; ");
		add_words(out, r->reply);
		buf_add_str(out, "\r\n");
	}
	buf_add_str(out, "Last-Attempt-Date: ");
	date_write_header(d->now_ms, out);
	buf_add_str(out, "\r\n");
}

static void add_status(const struct dsn *d, bool utf8, struct buf *out)
{
	buf_addf(out, "Content-Type: message/%s\r\n", utf8 ? "global-delivery-status" : "delivery-status");
	add_encoding(out, utf8);
	buf_addf(out, "\r\nReporting-MTA: dns; %.*s\r\n", (int)d->hostname.len, d->hostname.ptr);
	buf_addf(out, "X-Postroom-Queue-ID: %.*s\r\nArrival-Date: ", (int)d->queue_id.len, d->queue_id.ptr);
	date_write_header(d->arrival_ms, out);
	buf_add_str(out, "\r\n");
	for (size_t i = 0; i < d->count; i++)
		add_recipient(d, &d->recipients[i], out);
}

static struct span returned_header(struct span header)
{
	size_t end = header.len < RETURNED_HEADER_MAX ? header.len : RETURNED_HEADER_MAX;

	while (end < header.len && end > 0 && header.ptr[end - 1] != '\n')
		end--;
	return span_take(header, end);
}

enum err dsn_write(const struct dsn *d, struct buf *out, bool *utf8_out, bool *eight_bit_out)
{
	struct span header = returned_header(d->header);
	bool utf8 = !span_is_ascii(d->to), eight_bit;

	for (size_t i = 0; i < d->count; i++)
		utf8 |= !span_is_ascii(d->recipients[i].address) || !span_is_ascii(d->recipients[i].original);
	eight_bit = utf8 || !span_is_ascii(header);
	add_top(d, utf8, eight_bit, out);
	buf_add_str(out, "\r\nThis is a MIME-encapsulated message.\r\n");
	add_delimiter(d, out, "");
	add_text(d, utf8, out);
	add_delimiter(d, out, "");
	add_status(d, utf8, out);
	add_delimiter(d, out, "");
	buf_addf(out, "Content-Type: %s\r\n", utf8 ? "message/global-headers" : "text/rfc822-headers");
	add_encoding(out, eight_bit);
	buf_add_str(out, "\r\n");
	buf_add(out, header);
	add_delimiter(d, out, "--");
	*utf8_out = utf8;
	*eight_bit_out = eight_bit;
	return out->failed ? ERR_LIMIT : ERR_OK;
}
