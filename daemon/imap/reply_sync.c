/* imap/reply_sync.c: lines of RFC 7162. */
#include "daemon/imap/reply_sync.h"

#include "daemon/imap/reply.h"

#define LINE_RANGES 400 /* about what RFC 7162 4 allows a line of a client; longer lists go on in the next line */

static void add_range(struct buf *text, struct uid_range r, bool first)
{
	buf_addf(text, first ? "%u" : ",%u", r.first);
	if (r.last != r.first)
		buf_addf(text, ":%u", r.last);
}

size_t reply_vanished(struct out *out, const struct uid_range *ranges, size_t count, bool earlier)
{
	struct buf text;
	size_t n = count < LINE_RANGES ? count : LINE_RANGES;

	buf_init(&text, 64 + LINE_RANGES * 24);
	buf_add_str(&text, earlier ? "* VANISHED (EARLIER) " : "* VANISHED ");
	for (size_t i = 0; i < n; i++)
		add_range(&text, ranges[i], i == 0);
	buf_add_str(&text, "\r\n");
	if (text.failed)
		out_fail(out); /* no memory: a client must not believe that it knows all */
	else
		reply_add(out, buf_span(&text));
	buf_clear(&text);
	return n;
}

void reply_limit(struct out *out, uint32_t limit, uint32_t lowest_uid)
{
	out_addf(out, "* NO [MESSAGELIMIT %u %u] Only the last messages\r\n", limit, lowest_uid);
}

void reply_noupdate(struct out *out, const char *tag)
{
	out_addf(out, "* NO [NOUPDATE \"%s\"] Too much to be kept up to date\r\n", tag);
}

void reply_fetch_modseq(const struct imap_session *s, struct out *out, uint32_t sequence, uint32_t uid, uint64_t modseq, bool with_uid)
{
	reply_fetch_begin(s, out, sequence, uid);
	if (with_uid && !(s->enabled & ENABLED_UIDONLY)) {
		reply_add(out, SPAN("UID "));
		reply_number(out, uid);
		reply_add(out, SPAN(" "));
	}
	reply_modseq(out, modseq);
	reply_add(out, SPAN(")\r\n"));
}

struct span reply_modified(struct arena *a, const struct uid_range *ranges, size_t count, bool some_gone)
{
	struct buf text;
	struct span result;

	buf_init(&text, OUT_MAX / 2);
	buf_add_str(&text, "[MODIFIED ");
	for (size_t i = 0; i < count; i++)
		add_range(&text, ranges[i], i == 0);
	buf_add_str(&text, some_gone ? "] Some of the messages no longer exist" : "] Not all was stored");
	result = text.failed ? span_make(NULL, 0) : arena_copy(a, buf_span(&text));
	buf_clear(&text);
	return result;
}
