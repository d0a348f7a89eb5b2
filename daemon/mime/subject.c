/* mime/subject.c: see the header. The text is case-mapped first, so that the patterns are looked for in capitals. */
#include "daemon/mime/subject.h"

#include "daemon/mime/text.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* (1) Tabs and continuations to spaces, several of them to one. */
static void pack_blanks(struct buf *room)
{
	size_t to = 0;

	for (size_t i = 0; i < room->len; i++) {
		char c = is_blank(room->ptr[i]) ? ' ' : room->ptr[i];

		if (c == ' ' && to && room->ptr[to - 1] == ' ')
			continue;
		room->ptr[to++] = c;
	}
	room->len = to;
}

static bool take(struct span *s, struct span word)
{
	if (!span_starts(*s, word))
		return false;
	*s = span_skip(*s, word.len);
	return true;
}

/* subj-blob = "[" *BLOBCHAR "]" *WSP */
static bool take_blob(struct span *s)
{
	if (!s->len || s->ptr[0] != '[')
		return false;
	for (size_t i = 1; i < s->len && s->ptr[i] != '['; i++)
		if (s->ptr[i] == ']') {
			*s = span_skip(*s, i + 1);
			(void)take(s, SPAN(" "));
			return true;
		}
	return false;
}

/* (2) subj-trailer = "(fwd)" / WSP */
static void cut_trailers(struct base_subject *b)
{
	for (;;) {
		if (span_ends(b->text, SPAN(" "))) {
			b->text.len--;
		} else if (span_ends(b->text, SPAN("(FWD)"))) {
			b->text.len -= 5;
			b->is_reply = true;
		} else {
			return;
		}
	}
}

/* (3) subj-leader = (*subj-blob subj-refwd) / WSP; subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":" */
static bool cut_leader(struct base_subject *b)
{
	bool found = take(&b->text, SPAN(" "));
	struct span s = b->text;

	while (take_blob(&s))
		;
	if (!take(&s, SPAN("RE")) && !take(&s, SPAN("FWD")) && !take(&s, SPAN("FW")))
		return found;
	(void)take(&s, SPAN(" "));
	(void)take_blob(&s);
	if (!take(&s, SPAN(":")))
		return found;
	b->text = s;
	b->is_reply = true;
	return true;
}

/* (4) A blob in front, when something stands behind it. */
static bool cut_blob(struct base_subject *b)
{
	struct span s = b->text;

	if (!take_blob(&s) || !s.len)
		return false;
	b->text = s;
	return true;
}

/* (6) subj-fwd = "[fwd:" subject "]" */
static bool cut_forward(struct base_subject *b)
{
	if (!span_starts(b->text, SPAN("[FWD:")) || !span_ends(b->text, SPAN("]")))
		return false;
	b->text = span_make(b->text.ptr + 5, b->text.len - 6);
	b->is_reply = true;
	return true;
}

void subject_base(struct span decoded, struct buf *room, struct base_subject *out)
{
	bool found;

	buf_reset(room);
	text_casemap(decoded, room);
	pack_blanks(room);
	*out = (struct base_subject){ buf_span(room), false };
	do {
		cut_trailers(out);
		do { /* (5) */
			found = cut_leader(out);
			found = cut_blob(out) || found;
		} while (found);
	} while (cut_forward(out));
}
