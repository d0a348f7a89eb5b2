/* mime/text.c: transfer encodings, charsets through iconv, case mapping and normal forms through utf8proc.
 *
 * Only charsets of the list below reach iconv: some of its many converters have hung or aborted on crafted input, and mail uses few.
 */
#include "daemon/mime/text.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "daemon/mime/transfer.h"

#define PIECE_BYTES 4096
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* As much as there is room for: the end of a search text is no failure. */
static void add_some(struct buf *out, struct span s)
{
	if (!out->failed)
		buf_add(out, span_take(s, out->max - out->len));
}

/* All of it or nothing: for a character of UTF-8. */
static bool add_whole(struct buf *out, const char *ptr, size_t len)
{
	if (out->failed || out->max - out->len < len)
		return false;
	buf_add(out, span_make(ptr, len));
	return !out->failed;
}

void text_decode_transfer(struct span encoding, struct span in, struct buf *out)
{
	struct transfer_decoder d;
	struct buf piece;

	if (!transfer_decoder_init(&d, encoding) || d.kind == TRANSFER_AS_IS) {
		add_some(out, in);
		return;
	}
	/* It never becomes more than it was. */
	if (in.len <= out->max - out->len) {
		transfer_decoder_feed(&d, in, out);
		transfer_decoder_end(&d, out);
		return;
	}
	buf_init(&piece, 2 * PIECE_BYTES);
	while (in.len > 0 && out->len < out->max && !out->failed) {
		buf_reset(&piece);
		transfer_decoder_feed(&d, span_take(in, PIECE_BYTES), &piece);
		in = span_skip(in, PIECE_BYTES);
		if (in.len == 0)
			transfer_decoder_end(&d, &piece);
		add_some(out, buf_span(&piece));
	}
	buf_clear(&piece);
}

/* Names as they appear in mail, and what iconv calls them. */
static const struct charset {
	const char *name, *iconv_name;
	size_t unit; /* bytes to skip where iconv finds no character */
} charsets[] = {
	{ "big5", "BIG5", 1 },
	{ "big5-hkscs", "BIG5-HKSCS", 1 },
	{ "cp1250", "CP1250", 1 },
	{ "cp1251", "CP1251", 1 },
	{ "cp1252", "CP1252", 1 },
	{ "cp437", "CP437", 1 },
	{ "cp850", "CP850", 1 },
	{ "cp852", "CP852", 1 },
	{ "cp866", "CP866", 1 },
	{ "cp932", "CP932", 1 },
	{ "cp936", "CP936", 1 },
	{ "cp949", "CP949", 1 },
	{ "cp950", "BIG5", 1 },
	{ "euc-jp", "EUC-JP", 1 },
	{ "euc-kr", "CP949", 1 },
	{ "gb18030", "GB18030", 1 },
	{ "gb2312", "GBK", 1 },
	{ "gbk", "GBK", 1 },
	{ "ibm850", "CP850", 1 },
	{ "iso-2022-jp", "ISO-2022-JP-2", 1 },
	{ "iso-2022-kr", "ISO-2022-KR", 1 },
	{ "iso-8859-10", "ISO-8859-10", 1 },
	{ "iso-8859-11", "ISO-8859-11", 1 },
	{ "iso-8859-13", "ISO-8859-13", 1 },
	{ "iso-8859-14", "ISO-8859-14", 1 },
	{ "iso-8859-15", "ISO-8859-15", 1 },
	{ "iso-8859-16", "ISO-8859-16", 1 },
	{ "iso-8859-2", "ISO-8859-2", 1 },
	{ "iso-8859-3", "ISO-8859-3", 1 },
	{ "iso-8859-4", "ISO-8859-4", 1 },
	{ "iso-8859-5", "ISO-8859-5", 1 },
	{ "iso-8859-6", "ISO-8859-6", 1 },
	{ "iso-8859-7", "ISO-8859-7", 1 },
	{ "iso-8859-8", "ISO-8859-8", 1 },
	{ "iso-8859-8-i", "ISO-8859-8", 1 },
	{ "iso-8859-9", "ISO-8859-9", 1 },
	{ "koi8-r", "KOI8-R", 1 },
	{ "koi8-u", "KOI8-U", 1 },
	{ "ks_c_5601-1987", "CP949", 1 },
	{ "macintosh", "MACINTOSH", 1 },
	{ "shift-jis", "CP932", 1 },
	{ "shift_jis", "CP932", 1 },
	{ "tis-620", "TIS-620", 1 },
	{ "utf-16", "UTF-16", 2 },
	{ "utf-16be", "UTF-16BE", 2 },
	{ "utf-16le", "UTF-16LE", 2 },
	{ "utf-32", "UTF-32", 4 },
	{ "utf-7", "UTF-7", 1 },
	{ "viscii", "VISCII", 1 },
	{ "windows-1250", "CP1250", 1 },
	{ "windows-1251", "CP1251", 1 },
	{ "windows-1252", "CP1252", 1 },
	{ "windows-1253", "CP1253", 1 },
	{ "windows-1254", "CP1254", 1 },
	{ "windows-1255", "CP1255", 1 },
	{ "windows-1256", "CP1256", 1 },
	{ "windows-1257", "CP1257", 1 },
	{ "windows-1258", "CP1258", 1 },
	{ "windows-31j", "CP932", 1 },
	{ "windows-874", "CP874", 1 },
};

static const struct charset *charset_find(struct span name)
{
	for (size_t i = 0; i < sizeof(charsets) / sizeof(charsets[0]); i++)
		if (span_iequals(name, span_str(charsets[i].name)))
			return &charsets[i];
	return NULL;
}

static bool is_utf8_name(struct span name)
{
	return span_iequals(name, SPAN("utf-8")) || span_iequals(name, SPAN("utf8"));
}

static bool is_ascii_name(struct span name)
{
	return span_iequals(name, SPAN("us-ascii")) || span_iequals(name, SPAN("ascii"));
}

static bool is_latin1_name(struct span name)
{
	return span_iequals(name, SPAN("iso-8859-1")) || span_iequals(name, SPAN("latin1"));
}

bool text_charset_known(struct span charset)
{
	charset = span_trim(charset);
	return is_utf8_name(charset) || is_ascii_name(charset) || is_latin1_name(charset) || charset_find(charset) != NULL;
}

static void decode_utf8(struct span in, struct buf *out)
{
	while (in.len > 0) {
		size_t run = 0;
		int32_t c = -1;

		/* Runs of good characters go in one piece. */
		while (run < in.len) {
			utf8proc_ssize_t n = in.ptr[run] & 0x80 ? utf8proc_iterate((const utf8proc_uint8_t *)in.ptr + run, (utf8proc_ssize_t)(in.len - run), &c) : 1;

			if (n <= 0 || run + (size_t)n > out->max - out->len)
				break;
			run += (size_t)n;
		}
		if (!add_whole(out, in.ptr, run))
			return;
		in = span_skip(in, run);
		if (in.len == 0)
			return;
		if (!(in.ptr[0] & 0x80) || utf8proc_iterate((const utf8proc_uint8_t *)in.ptr, (utf8proc_ssize_t)in.len, &c) > 0)
			return; /* it was the room that ended the run */
		if (!add_whole(out, REPLACEMENT, 3))
			return;
		in = span_skip(in, 1);
	}
}

static void decode_latin1(struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.ptr[i];
		char two[2] = { (char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f)) };

		if (!(c < 0x80 ? add_whole(out, in.ptr + i, 1) : add_whole(out, two, 2)))
			return;
	}
}

/* The converted bytes of one step; false when the room is used up. */
static bool add_converted(struct buf *out, const char *chunk, size_t len)
{
	struct span s = span_make(chunk, len);

	if (len <= out->max - out->len)
		return add_whole(out, chunk, len);
	decode_utf8(s, out); /* cuts at a character */
	return false;
}

static void decode_iconv(const struct charset *charset, iconv_t cd, struct span in, struct buf *out)
{
	char chunk[2048];
	char *from = (char *)(uintptr_t)in.ptr; /* iconv does not write there */
	size_t left = in.len;
	bool more = true;

	while (more) {
		char *to = chunk;
		size_t room = sizeof(chunk), before = left;
		size_t rc = left > 0 ? iconv(cd, &from, &left, &to, &room) : iconv(cd, NULL, NULL, &to, &room);
		int cause = rc == (size_t)-1 ? errno : 0;

		if (!add_converted(out, chunk, (size_t)(to - chunk)))
			return;
		if (cause == 0) {
			more = before > 0; /* one more turn for what the converter holds back */
		} else if (cause == E2BIG) {
			if (to == chunk && left == before)
				return;
		} else {
			size_t skip = charset->unit < left ? charset->unit : left;

			if (!add_whole(out, REPLACEMENT, 3))
				return;
			from += skip;
			left -= skip;
			more = left > 0 && cause == EILSEQ; /* EINVAL: a character cut off by the end */
		}
	}
}

void text_decode_charset(struct span charset, struct span in, struct buf *out)
{
	const struct charset *known;
	iconv_t cd;

	charset = span_trim(charset);
	if (out->failed)
		return;
	if (is_utf8_name(charset)) {
		decode_utf8(in, out);
		return;
	}
	known = charset_find(charset);
	cd = known ? iconv_open("UTF-8", known->iconv_name) : (iconv_t)-1;
	if (cd != (iconv_t)-1) {
		decode_iconv(known, cd, in, out);
		(void)iconv_close(cd);
	} else if (!is_latin1_name(charset) && span_is_utf8(in)) {
		decode_utf8(in, out);
	} else {
		decode_latin1(in, out);
	}
}

/* A character with its combining marks, put in canonical order (Unicode D109) before it is written. */
#define MARKS_MAX 32

struct mapped {
	utf8proc_int32_t points[MARKS_MAX];
	size_t count;
};

static bool mapped_flush(struct mapped *m, struct buf *out)
{
	bool fits = true;

	for (size_t i = 0; i < m->count && fits; i++) {
		utf8proc_uint8_t bytes[4];
		utf8proc_ssize_t n = utf8proc_encode_char(m->points[i], bytes);

		fits = add_whole(out, (const char *)bytes, (size_t)n);
	}
	m->count = 0;
	return fits;
}

static bool mapped_add(struct mapped *m, utf8proc_int32_t point, struct buf *out)
{
	utf8proc_propval_t order = utf8proc_get_property(point)->combining_class;
	size_t at;

	if ((order == 0 || m->count == MARKS_MAX) && !mapped_flush(m, out))
		return false;
	at = m->count++;
	while (order > 0 && at > 0 && utf8proc_get_property(m->points[at - 1])->combining_class > order) {
		m->points[at] = m->points[at - 1];
		at--;
	}
	m->points[at] = point;
	return true;
}

/* Titlecase, then the canonical decomposition, of one character. */
static bool mapped_char(struct mapped *m, utf8proc_int32_t point, struct buf *out)
{
	utf8proc_int32_t parts[32];
	int boundclass = UTF8PROC_BOUNDCLASS_START;
	utf8proc_ssize_t n = utf8proc_decompose_char(utf8proc_totitle(point), parts, 32, UTF8PROC_DECOMPOSE, &boundclass);

	if (n < 0 || n > 32)
		return mapped_add(m, point, out);
	for (utf8proc_ssize_t i = 0; i < n; i++)
		if (!mapped_add(m, parts[i], out))
			return false;
	return true;
}

/* ASCII needs no table: up to the first other byte, in pieces. */
static size_t casemap_ascii(struct span in, struct buf *out)
{
	char chunk[512];
	size_t len = 0;

	while (len < in.len && len < sizeof(chunk) && !(in.ptr[len] & 0x80)) {
		chunk[len] = ascii_upper(in.ptr[len]);
		len++;
	}
	add_some(out, span_make(chunk, len));
	return len;
}

void text_casemap(struct span in, struct buf *out)
{
	struct mapped m = { .count = 0 };

	while (in.len > 0 && out->len < out->max && !out->failed) {
		utf8proc_int32_t point = 0xFFFD;
		utf8proc_ssize_t n;

		if (!(in.ptr[0] & 0x80)) {
			if (!mapped_flush(&m, out))
				return;
			in = span_skip(in, casemap_ascii(in, out));
			continue;
		}
		n = utf8proc_iterate((const utf8proc_uint8_t *)in.ptr, (utf8proc_ssize_t)in.len, &point);
		if (!mapped_char(&m, n > 0 ? point : 0xFFFD, out))
			return;
		in = span_skip(in, n > 0 ? (size_t)n : 1);
	}
	(void)mapped_flush(&m, out);
}

enum err text_nfc(struct span in, struct buf *out)
{
	utf8proc_uint8_t *composed = NULL;
	utf8proc_ssize_t n;

	if (!span_is_utf8(in))
		return ERR_SYNTAX;
	if (span_is_ascii(in)) {
		buf_add(out, in);
		return out->failed ? ERR_LIMIT : ERR_OK;
	}
	n = utf8proc_map((const utf8proc_uint8_t *)in.ptr, (utf8proc_ssize_t)in.len, &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (n >= 0)
		buf_add(out, span_make((const char *)composed, (size_t)n));
	free(composed);
	if (n < 0)
		return n == UTF8PROC_ERROR_NOMEM ? ERR_TEMP : ERR_SYNTAX;
	return out->failed ? ERR_LIMIT : ERR_OK;
}
