/* queue/dsn_words.c: the sentences. A reader has no idea of SMTP and wants to know: did it arrive, if not why, and what now. */
#include "daemon/queue/dsn_words.h"

#include "daemon/mime/date.h"

#define WORDS_MAX 600u
#define LINE_MAX_CHARS 76u

const char *dsn_subject(const struct dsn *d)
{
	if (d->double_bounce)
		return "Undeliverable report: nobody could be told";
	switch (d->kind) {
	case NOTICE_FAILED: return "Undelivered mail: returned to sender";
	case NOTICE_DELAYED: return "Delayed mail: still being tried";
	case NOTICE_DELIVERED: return "Delivery report: delivered";
	case NOTICE_RELAYED: return "Delivery report: passed on";
	case NOTICE_EXPANDED: return "Delivery report: sent on to several recipients";
	}
	return "";
}

/* What to do, by the enhanced status code (RFC 3463 and its registry); the first that fits, ".*" any. */
struct advice {
	const char *status, *words, *ours; /* ours: what is said instead when no other server has refused it; null: the same */
};
static const struct advice advices[] = {
	{ "X.1.1", "There is no such mailbox. Look for a typing mistake in the address, or ask the recipient in another way for the right one.", NULL },
	{ "X.1.2", "There is no such domain, or it has no mail server. Look for a typing mistake behind the @.", NULL },
	{ "X.1.3", "The address cannot be right as it is written. Look for a typing mistake.", NULL },
	{ "X.1.6", "The mailbox has moved. Ask the recipient in another way for the new address.", NULL },
	{ "X.1.8", "The recipient's server does not accept your address. Tell the administrator of your mail server.", NULL },
	{ "X.1.10", "This domain takes no mail. Look for a typing mistake behind the @, or ask the recipient in another way for the right address.", NULL },
	{ "X.2.1", "The mailbox exists but takes no mail at present. Reach the recipient in another way.", NULL },
	{ "X.2.2", "The mailbox is full. Tell the recipient in another way, and send the message again later.", NULL },
	{ "X.2.3", "The message is too large for this mailbox. Send it in parts, or send a link to the file.", NULL },
	{ "X.3.4", "The message is too large for the recipient's server. Send it in parts, or send a link to the file.", NULL },
	{ "X.4.6", "The message went round in a circle: two addresses send their mail on to each other. Tell the recipient or the administrator.", NULL },
	{ "X.4.7", "The time for delivery was over. Send the message again if it is still of use.", NULL },
	{ "4.", "It could not be delivered in all that time. Send it again later, or reach the recipient in another way.", NULL },
	{ "X.6.7", "The recipient's server does not take international addresses. Ask the recipient for an address in plain letters.", NULL },
	{ "X.6.", "The recipient's server cannot take the message in this form. Send it as a simpler message.", NULL },
	{ "X.7.30", "You asked that the message travels over protected connections only, and the recipient's server has none. Send it without that demand if you may.", NULL },
	{ "X.7.1", "The recipient's server does not want this message. Its words above say why, if anything does; its administrator decides.", "The administrator of this mail system decides about that. Ask there if you think it is wrong." },
	{ "X.7.", "A rule of the recipient's server stands against this message. Its words above say which; show them to your administrator.", "The administrator of this mail system decides about that. Ask there if you think it is wrong." },
	{ "X.4.", "The way to the recipient's server is broken. Send the message again later, or tell your administrator.", NULL },
	{ "", "The words above say why. If they do not help, show this message to your administrator.", NULL },
};

static bool fits(struct span status, const char *pattern)
{
	struct span p = span_str(pattern);
	bool whole = p.len && p.ptr[p.len - 1] != '.';

	if (!p.len)
		return true;
	if (p.ptr[0] != 'X')
		return span_starts(status, p);
	if (!status.len)
		return false;
	return whole ? span_equals(span_skip(status, 1), span_skip(p, 1)) : span_starts(span_skip(status, 1), span_skip(p, 1));
}

static const char *advice_for(struct span status, bool remote)
{
	size_t at = 0;

	/* Given up after days: whatever the code of the last answer. */
	if (span_equals(status, SPAN("4.4.7")))
		status = SPAN("4.");
	while (!fits(status, advices[at].status))
		at++;
	return !remote && advices[at].ours ? advices[at].ours : advices[at].words;
}

/* A paragraph, broken at blanks. */
static void add_lines(struct buf *out, const char *indent, struct span words)
{
	size_t column = 0, indent_len = strlen(indent);
	struct span word;

	while (span_split(&words, ' ', &word)) {
		if (!word.len)
			continue;
		if (column && column + 1 + word.len > LINE_MAX_CHARS) {
			buf_add_str(out, "\r\n");
			column = 0;
		}
		if (column) {
			buf_add_char(out, ' ');
			column++;
		} else {
			buf_add_str(out, indent);
			column = indent_len;
		}
		buf_add(out, word);
		column += word.len;
	}
	buf_add_str(out, "\r\n");
}

static void add_paragraph(struct buf *out, const char *words)
{
	add_lines(out, "", span_str(words));
	buf_add_str(out, "\r\n");
}

/* Words of others, on one line, so that a search finds them: nothing in them makes a line or moves the cursor. */
static void add_quoted(struct buf *out, const char *lead, struct span host, struct span words)
{
	struct buf text;

	buf_init(&text, 2 * WORDS_MAX);
	buf_add_str(&text, lead);
	if (host.len) {
		buf_add_char(&text, ' ');
		buf_add(&text, span_take(host, 255));
	}
	if (words.len) {
		buf_add_str(&text, host.len ? " answered: " : " ");
		buf_add(&text, span_take(words, WORDS_MAX));
	}
	for (size_t i = 0; i < text.len; i++)
		text.ptr[i] = (unsigned char)text.ptr[i] >= 0x7f ? '?' : (unsigned char)text.ptr[i] < 0x20 ? ' '
													   : text.ptr[i];
	buf_add_str(out, "    ");
	buf_add(out, buf_span(&text));
	buf_add_str(out, "\r\n");
	buf_clear(&text);
}

static void add_until(struct buf *out, int64_t until_ms)
{
	buf_add_str(out, "    It is tried until ");
	date_write_header(until_ms, out);
	buf_add_str(out, ".\r\n");
}

static void add_recipient(const struct dsn *d, const struct dsn_recipient *r, struct buf *out)
{
	buf_add_char(out, '<');
	buf_add(out, r->original.len ? r->original : r->address);
	buf_add_str(out, ">\r\n");
	switch (d->kind) {
	case NOTICE_FAILED:
	case NOTICE_DELAYED:
		if (r->remote && r->host.len)
			add_quoted(out, "The server", r->host, r->reply.len ? r->reply : SPAN("(nothing)"));
		else
			add_quoted(out, "What went wrong:", SPAN(""), r->reply.len ? r->reply : SPAN("the message could not be delivered"));
		if (d->kind == NOTICE_FAILED)
			add_lines(out, "    ", span_str(advice_for(r->status, r->remote)));
		else if (r->until_ms)
			add_until(out, r->until_ms);
		break;
	case NOTICE_RELAYED:
		if (r->host.len)
			add_quoted(out, "Taken by the server", r->host, SPAN(""));
		break;
	case NOTICE_DELIVERED:
	case NOTICE_EXPANDED: break;
	}
	buf_add_str(out, "\r\n");
}

static const char *opening(const struct dsn *d)
{
	if (d->double_bounce)
		return "This is for the postmaster. A report to the sender of a message could not be delivered to the address below, so nobody has heard of what it says. "
		       "Often such a sender is forged, and there is nothing to do. If it is a user of yours, tell them; the report is attached. Nothing more will be sent about it.";
	switch (d->kind) {
	case NOTICE_FAILED: return "Your message could not be delivered to the recipients below, and no more attempts will be made.";
	case NOTICE_DELAYED:
		return "Your message has not been delivered yet to the recipients below. You need not send it again: more attempts will be made, and you will hear if they all fail.";
	case NOTICE_DELIVERED: return "You asked to hear of it: your message was put into the mailboxes of the recipients below. Whether they have read it is another matter.";
	case NOTICE_RELAYED:
		return "You asked to hear of it: your message was handed to the mail servers of the recipients below. Those servers do not send such reports: you will hear no "
		       "more unless the message is returned.";
	case NOTICE_EXPANDED:
		return "You asked to hear of it: your message arrived at the addresses below, which stand for several recipients, and was sent on to them. You will hear no more "
		       "unless it is returned.";
	}
	return "";
}

void dsn_add_words(const struct dsn *d, struct buf *out)
{
	buf_addf(out, "This is the mail system at %.*s.\r\n\r\n", (int)d->hostname.len, d->hostname.ptr);
	add_paragraph(out, opening(d));
	for (size_t i = 0; i < d->count; i++)
		add_recipient(d, &d->recipients[i], out);
	buf_add_str(out, d->full ? "Your message is attached.\r\n" : d->double_bounce ? "The header of the report is attached.\r\n"
										      : "The header of your message is attached.\r\n");
}
