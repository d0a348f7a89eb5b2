/* mime/words.c: text into header fields. */
#include "daemon/mime/words.h"

#include "daemon/base/encode.h"

#define LINE_MAX_CHARS 76 /* RFC 2047 2: of a line with an encoded word */
#define WORD_FRAME 12     /* =?UTF-8?B? and ?= */
#define WORD_BYTES_MAX 45 /* 60 characters of base64 */
#define RUN_MAX 900       /* without a blank: RFC 5322 2.1.1 ends a line at 998 */
#define PIECE_MAX 50      /* characters of a parameter's piece */

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

/* Can it stand as it is? Not what would be read as an encoded word, nor blanks that folding or trimming would lose. */
static bool is_plain(struct span text)
{
	size_t run = 0, at;

	if (text.len == 0)
		return true;
	if (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ' || span_find(text, SPAN("=?"), &at))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_printable(text.ptr[i]))
			return false;
		run = text.ptr[i] == ' ' ? 0 : run + 1;
		if (run > RUN_MAX)
			return false;
	}
	return true;
}

/* Folds in front of blanks: unfolding gives the same text. */
static void write_folded(struct span text, size_t column, struct buf *out)
{
	size_t at = 0;

	while (at < text.len) {
		size_t end = at;

		while (end < text.len && text.ptr[end] == ' ')
			end++;
		while (end < text.len && text.ptr[end] != ' ')
			end++;
		if (at > 0 && column + (end - at) > LINE_MAX_CHARS) {
			buf_add_str(out, "\r\n");
			column = 0;
		}
		buf_add(out, span_take(span_skip(text, at), end - at));
		column += end - at;
		at = end;
	}
}

/* The next bytes for one encoded word: whole characters. */
static size_t chunk_of(struct span text, size_t room)
{
	size_t len = 0;

	while (len < text.len) {
		size_t step = span_utf8_len(span_skip(text, len));

		step = step ? step : 1;
		if (len + step > room && len > 0)
			break;
		len += step;
	}
	return len;
}

static void write_word(struct span chunk, struct buf *out)
{
	char clean[WORD_BYTES_MAX + 4];
	size_t len = 0;

	for (size_t i = 0; i < chunk.len && len < sizeof clean;) {
		size_t step = span_utf8_len(span_skip(chunk, i));

		if (step == 0 || (step == 1 && !is_printable(chunk.ptr[i]))) {
			clean[len++] = step ? ' ' : '?';
			i++;
			continue;
		}
		memcpy(clean + len, chunk.ptr + i, step);
		len += step;
		i += step;
	}
	buf_add_str(out, "=?UTF-8?B?");
	base64_encode(span_make(clean, len), out);
	buf_add_str(out, "?=");
}

static void write_encoded(struct span text, size_t column, struct buf *out)
{
	while (text.len > 0) {
		size_t left = column + WORD_FRAME + 4 < LINE_MAX_CHARS ? (LINE_MAX_CHARS - column - WORD_FRAME) / 4 * 3 : 0;
		size_t room = left < WORD_BYTES_MAX ? left : WORD_BYTES_MAX, len;

		if (room < 4) { /* not even one character of four bytes */
			buf_add_str(out, "\r\n ");
			column = 1;
			continue;
		}
		len = chunk_of(text, room);
		write_word(span_take(text, len), out);
		text = span_skip(text, len);
		column = LINE_MAX_CHARS;
	}
}

void words_write(struct span text, size_t column, struct buf *out)
{
	if (is_plain(text))
		write_folded(text, column, out);
	else
		write_encoded(text, column, out);
}

/* RFC 5322 3.2.3 */
static bool is_atext(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

void words_write_phrase(struct span text, size_t column, struct buf *out)
{
	bool atoms = text.len > 0;

	if (!is_plain(text)) {
		write_encoded(text, column, out);
		return;
	}
	for (size_t i = 0; i < text.len; i++)
		atoms = atoms && (is_atext(text.ptr[i]) || text.ptr[i] == ' ');
	if (!atoms)
		buf_add_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (!atoms && (text.ptr[i] == '"' || text.ptr[i] == '\\'))
			buf_add_char(out, '\\');
		buf_add_char(out, text.ptr[i]);
	}
	if (!atoms)
		buf_add_char(out, '"');
}

/* RFC 2231 section 7: attribute-char. */
static bool is_attribute_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr("!#$&+-.^_`{|}~", c) != NULL);
}

/* One piece goes without a section number: more programs read that form (RFC 2231 4, and 3 for several). */
static void write_pieces(const char *name, struct span value, struct buf *out)
{
	size_t at = 0, whole = 0;

	for (size_t i = 0; i < value.len; i++)
		whole += is_attribute_char(value.ptr[i]) ? 1 : 3;
	for (unsigned n = 0; at < value.len; n++) {
		size_t used = 0;

		if (whole <= PIECE_MAX)
			buf_addf(out, ";\r\n\t%s*=UTF-8''", name);
		else
			buf_addf(out, ";\r\n\t%s*%u*=%s", name, n, n == 0 ? "UTF-8''" : "");
		while (at < value.len && used < PIECE_MAX) {
			char c = value.ptr[at++];

			if ((unsigned char)c < 0x20 || c == 0x7f)
				c = ' ';
			if (is_attribute_char(c))
				buf_add_char(out, c);
			else
				buf_addf(out, "%%%02X", (unsigned char)c);
			used += is_attribute_char(c) ? 1 : 3;
		}
	}
}

void words_write_parameter(const char *name, struct span value, struct buf *out)
{
	bool quotable = value.len <= PIECE_MAX;

	for (size_t i = 0; i < value.len; i++)
		quotable = quotable && is_printable(value.ptr[i]);
	if (!quotable) {
		write_pieces(name, value, out);
		return;
	}
	buf_addf(out, ";\r\n\t%s=\"", name);
	for (size_t i = 0; i < value.len; i++) {
		if (value.ptr[i] == '"' || value.ptr[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, value.ptr[i]);
	}
	buf_add_char(out, '"');
}
