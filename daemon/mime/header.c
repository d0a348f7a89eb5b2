/* mime/header.c: cutting a header section into fields, and reading their values. */
#include "daemon/mime/header.h"

#include "daemon/base/encode.h"
#include "daemon/mime/text.h"

/* Length of the first line with its line end. */
static size_t line_length(struct span s)
{
	const char *lf = s.len > 0 ? memchr(s.ptr, '\n', s.len) : NULL;

	return lf ? (size_t)(lf - s.ptr) + 1 : s.len;
}

/* field-name = 1*ftext, then the blanks that RFC 5322 4.5.8 allowed, then ':' within the line. */
static bool name_length(struct span line, size_t *name_out, size_t *colon_out)
{
	size_t i = 0;

	while (i < line.len && line.ptr[i] > 32 && line.ptr[i] < 127 && line.ptr[i] != ':')
		i++;
	*name_out = i;
	while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'))
		i++;
	*colon_out = i;
	return *name_out > 0 && i < line.len && line.ptr[i] == ':';
}

bool header_next(struct span *rest, struct header_field *out)
{
	size_t line = line_length(*rest), name, colon;
	struct span value;

	if (!name_length(span_take(*rest, line), &name, &colon))
		return false;
	while (line < rest->len && (rest->ptr[line] == ' ' || rest->ptr[line] == '\t'))
		line += line_length(span_skip(*rest, line));
	out->whole = span_take(*rest, line);
	out->name = span_take(*rest, name);
	value = span_skip(out->whole, colon + 1);
	if (value.len > 0 && value.ptr[value.len - 1] == '\n')
		value.len -= value.len > 1 && value.ptr[value.len - 2] == '\r' ? 2 : 1;
	out->value = value;
	*rest = span_skip(*rest, line);
	return true;
}

size_t header_length(struct span message)
{
	struct span rest = message;
	struct header_field field;

	while (header_next(&rest, &field))
		;
	if (span_starts(rest, SPAN("\r\n")))
		rest = span_skip(rest, 2);
	else if (span_starts(rest, SPAN("\n")))
		rest = span_skip(rest, 1);
	return message.len - rest.len;
}

bool header_find(struct span header, struct span name, size_t nth, struct header_field *out)
{
	struct header_field field;

	while (header_next(&header, &field))
		if (span_iequals(field.name, name) && nth-- == 0) {
			*out = field;
			return true;
		}
	return false;
}

size_t header_count(struct span header, struct span name)
{
	struct header_field field;
	size_t count = 0;

	while (header_next(&header, &field))
		count += span_iequals(field.name, name) ? 1 : 0;
	return count;
}

static struct span unfold(struct arena *a, struct span raw_value, bool is_plain)
{
	struct span s = span_trim(raw_value);
	char *copy;
	size_t len = 0;

	if (s.len == 0)
		return span_make("", 0);
	if (!memchr(s.ptr, '\n', s.len))
		return s;
	copy = arena_alloc(a, s.len);
	if (!copy)
		return span_make(NULL, 0);
	while (s.len > 0) {
		size_t line = line_length(s), text = line;

		/* Within a field every line end is followed by a blank. */
		if (s.ptr[text - 1] == '\n')
			text -= text > 1 && s.ptr[text - 2] == '\r' ? 2 : 1;
		memcpy(copy + len, s.ptr, text);
		len += text;
		s = span_skip(s, line);
		if (!is_plain || s.len == 0)
			continue;
		copy[len++] = ' ';
		while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
			s = span_skip(s, 1);
	}
	return span_make(copy, len);
}

struct span header_unfold(struct arena *a, struct span raw_value)
{
	return unfold(a, raw_value, false);
}

struct span header_unfold_plain(struct arena *a, struct span raw_value)
{
	return unfold(a, raw_value, true);
}

/* encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?=" (RFC 2047 2, RFC 2231 5) */
struct encoded_word {
	struct span charset, text;
	bool base64;
	size_t length; /* of the whole */
};

static bool word_parse(struct span s, struct encoded_word *out)
{
	const size_t charset_max = 64;
	size_t mark, star, end;

	if (!span_starts(s, SPAN("=?")))
		return false;
	if (!span_find_char(span_take(span_skip(s, 2), charset_max), '?', &mark) || mark == 0)
		return false;
	out->charset = span_make(s.ptr + 2, mark);
	if (span_find_char(out->charset, '*', &star))
		out->charset.len = star;
	mark += 2;
	if (s.len < mark + 3 || s.ptr[mark + 2] != '?')
		return false;
	out->base64 = ascii_upper(s.ptr[mark + 1]) == 'B';
	if (!out->base64 && ascii_upper(s.ptr[mark + 1]) != 'Q')
		return false;
	out->text = span_skip(s, mark + 3);
	if (!span_find_char(out->text, '?', &end) || end + 1 >= out->text.len || out->text.ptr[end + 1] != '=')
		return false;
	out->text.len = end;
	out->length = mark + 3 + end + 2;
	return text_charset_known(out->charset);
}

static bool is_space_of_word(char c)
{
	return c == '_' || c == ' ' || c == '\t';
}

/* The Q encoding is quoted-printable with '_' for a space, and a blank that should not be in it is one: there is no line for it to end. */
static void word_bytes(const struct encoded_word *w, struct buf *out)
{
	struct span rest = w->text, run;

	if (w->base64) {
		text_decode_transfer(SPAN("base64"), w->text, out);
		return;
	}
	while (rest.len > 0) {
		for (run = rest, run.len = 0; run.len < rest.len && !is_space_of_word(rest.ptr[run.len]);)
			run.len++;
		text_decode_transfer(SPAN("quoted-printable"), run, out);
		for (rest = span_skip(rest, run.len); rest.len > 0 && is_space_of_word(rest.ptr[0]); rest = span_skip(rest, 1))
			buf_add_char(out, rest.ptr[0] == '_' ? ' ' : rest.ptr[0]);
	}
}

/* Line ends and other controls that hid inside an encoded word could forge lines wherever the text is shown. */
static void blank_controls(struct buf *b, size_t from)
{
	for (size_t i = from; i < b->len; i++)
		if ((unsigned char)b->ptr[i] < 32 || b->ptr[i] == 127)
			b->ptr[i] = ' ';
}

/* One encoded word and all that follow it with blanks between, as long as the charset stays: a multibyte character may be split
 * between two words. Returns what was taken, without the blanks behind the last word. */
static size_t words_decode(struct span s, struct buf *bytes, struct buf *out)
{
	struct encoded_word first, next;
	size_t used, from = out->len;

	if (!word_parse(s, &first))
		return 0;
	buf_reset(bytes);
	word_bytes(&first, bytes);
	used = first.length;
	for (;;) {
		size_t gap = used;

		while (gap < s.len && (s.ptr[gap] == ' ' || s.ptr[gap] == '\t'))
			gap++;
		if (!word_parse(span_skip(s, gap), &next) || !span_iequals(first.charset, next.charset))
			break;
		word_bytes(&next, bytes);
		used = gap + next.length;
	}
	text_decode_charset(first.charset, buf_span(bytes), out);
	blank_controls(out, from);
	return used;
}

/* Blanks between two encoded words are not shown (RFC 2047 6.2), whatever their charsets. */
static size_t blanks_before_word(struct span s)
{
	struct encoded_word word;
	size_t gap = 0;

	while (gap < s.len && (s.ptr[gap] == ' ' || s.ptr[gap] == '\t'))
		gap++;
	return gap > 0 && word_parse(span_skip(s, gap), &word) ? gap : 0;
}

struct span header_decode(struct arena *a, struct span unfolded)
{
	struct buf out, bytes;
	struct span rest = unfolded, result;
	size_t at;

	if (span_is_ascii(unfolded) && !span_find(unfolded, SPAN("=?"), &at))
		return unfolded;
	/* A byte of a charset gives three of UTF-8 at most, but for rarities that are then cut. */
	buf_init(&out, unfolded.len * 4 + 16);
	buf_init(&bytes, unfolded.len + 16);
	while (rest.len > 0) {
		size_t used;

		if (!span_find(rest, SPAN("=?"), &at))
			at = rest.len;
		text_decode_charset(SPAN("utf-8"), span_take(rest, at), &out);
		rest = span_skip(rest, at);
		used = words_decode(rest, &bytes, &out);
		if (used > 0)
			used += blanks_before_word(span_skip(rest, used));
		else if (rest.len > 0)
			buf_add(&out, span_take(rest, used = 2));
		rest = span_skip(rest, used);
	}
	result = arena_copy(a, buf_span(&out));
	buf_clear(&out);
	buf_clear(&bytes);
	return result;
}
