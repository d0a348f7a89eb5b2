/* mime/transfer.c: see the header. */
#include "daemon/mime/transfer.h"

#include "daemon/base/encode.h"

bool transfer_decoder_init(struct transfer_decoder *d, struct span encoding)
{
	static const struct {
		struct span name;
		enum transfer_kind kind;
	} known[] = {
		{ SPAN(""), TRANSFER_AS_IS },
		{ SPAN("7bit"), TRANSFER_AS_IS },
		{ SPAN("8bit"), TRANSFER_AS_IS },
		{ SPAN("binary"), TRANSFER_AS_IS },
		{ SPAN("base64"), TRANSFER_BASE64 },
		{ SPAN("quoted-printable"), TRANSFER_QUOTED },
	};

	encoding = span_trim(encoding);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_iequals(encoding, known[i].name)) {
			*d = (struct transfer_decoder){ .kind = known[i].kind };
			return true;
		}
	return false;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63
					: -1;
}

/* '=' drops the bits left over: several encoded texts may stand behind each other. */
static void feed_base64(struct transfer_decoder *d, struct span in, struct buf *out)
{
	char *to = buf_reserve(out, in.len);
	size_t len = 0;

	if (!to)
		return;
	for (size_t i = 0; i < in.len; i++) {
		int value = base64_value(in.ptr[i]);

		if (in.ptr[i] == '=')
			d->have = 0;
		if (value < 0)
			continue;
		d->bits = d->bits << 6 | (uint32_t)value;
		d->have += 6;
		if (d->have >= 8) {
			d->have -= 8;
			to[len++] = (char)(d->bits >> d->have & 0xff);
		}
	}
	buf_grew(out, len);
}

static void flush_blanks(struct transfer_decoder *d, struct buf *out)
{
	buf_add(out, span_make(d->blanks, d->blank_count));
	d->blank_count = 0;
}

static void text_char(struct transfer_decoder *d, char c, struct buf *out)
{
	if (c == ' ' || c == '\t') {
		if (d->blank_count == sizeof(d->blanks))
			flush_blanks(d, out);
		d->blanks[d->blank_count++] = c;
		return;
	}
	if (c == '\r' || c == '\n')
		d->blank_count = 0; /* RFC 2045 6.7 (3) */
	else
		flush_blanks(d, out);
	if (c == '=')
		d->place = AT_EQUALS;
	else
		buf_add_char(out, c);
}

/* Behind "=". True: it was taken. */
static bool behind_equals(struct transfer_decoder *d, char c, struct buf *out)
{
	const bool blank = c == ' ' || c == '\t' || c == '\r';

	d->first = c;
	d->place = hex_digit(c) < 16 ? AT_DIGIT : blank ? AT_BREAK
							: AT_TEXT;
	if (d->place != AT_TEXT || c == '\n')
		return true;
	buf_add_char(out, '=');
	return false;
}

static void quoted_char(struct transfer_decoder *d, char c, struct buf *out)
{
	switch (d->place) {
	case AT_TEXT: break;
	case AT_EQUALS:
		if (behind_equals(d, c, out))
			return;
		break;
	case AT_DIGIT:
		d->place = AT_TEXT;
		if (hex_digit(c) < 16) {
			buf_add_char(out, (char)(hex_digit(d->first) << 4 | hex_digit(c)));
			return;
		}
		buf_add_char(out, '=');
		buf_add_char(out, d->first);
		break;
	case AT_BREAK:
		if (c == ' ' || c == '\t' || c == '\r')
			return;
		d->place = AT_TEXT;
		if (c == '\n')
			return;
		buf_add_char(out, '=');
		break;
	}
	text_char(d, c, out);
}

static bool is_plain(char c)
{
	return c != '=' && c != ' ' && c != '\t' && c != '\r' && c != '\n';
}

static void feed_quoted(struct transfer_decoder *d, struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		size_t run = 0;

		while (d->place == AT_TEXT && d->blank_count == 0 && i + run < in.len && is_plain(in.ptr[i + run]))
			run++;
		buf_add(out, span_make(in.ptr + i, run));
		i += run;
		if (i < in.len)
			quoted_char(d, in.ptr[i], out);
	}
}

void transfer_decoder_feed(struct transfer_decoder *d, struct span in, struct buf *out)
{
	switch (d->kind) {
	case TRANSFER_AS_IS: buf_add(out, in); break;
	case TRANSFER_BASE64: feed_base64(d, in, out); break;
	case TRANSFER_QUOTED: feed_quoted(d, in, out); break;
	}
}

void transfer_decoder_end(struct transfer_decoder *d, struct buf *out)
{
	if (d->kind == TRANSFER_QUOTED && d->place == AT_DIGIT) {
		buf_add_char(out, '=');
		buf_add_char(out, d->first);
	}
	d->place = AT_TEXT;
	d->blank_count = 0;
	d->have = 0;
}
