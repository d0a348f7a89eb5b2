/* mime/preview.c: see the header. */
#include "daemon/mime/preview.h"

#include "daemon/base/encode.h"
#include "daemon/mime/text.h"

#define FIRST_TRY 2048 /* mostly enough */
#define TEXT_MAX (2u * PREVIEW_RAW_MAX)

/* Text on its way into a preview: blanks are folded into one, none stands at the ends. */
struct folding {
	struct buf *out;
	size_t chars;
	bool blank;
};

static bool is_full(const struct folding *f)
{
	return f->chars >= MIME_PREVIEW_CHARS;
}

/* Characters that show nothing; senders fill the beginning of HTML with them. */
static bool is_invisible(struct span c)
{
	static const struct span list[] = { SPAN("\xC2\xAD"), SPAN("\xCD\x8F"), SPAN("\xE2\x80\x8B"), SPAN("\xE2\x80\x8C"), SPAN("\xE2\x80\x8D"),
					    SPAN("\xE2\x80\x8E"), SPAN("\xE2\x80\x8F"), SPAN("\xE2\x81\xA0"), SPAN("\xEF\xBB\xBF") };

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (span_equals(c, list[i]))
			return true;
	return false;
}

static bool is_blank(struct span c)
{
	return (unsigned char)c.ptr[0] <= ' ' || c.ptr[0] == 127 || span_equals(c, SPAN("\xC2\xA0")) ||
	       (c.len == 2 && c.ptr[0] == '\xC2' && (unsigned char)c.ptr[1] < 0xA0);
}

static void fold_char(struct folding *f, struct span c)
{
	if (is_invisible(c) || is_full(f))
		return;
	if (is_blank(c)) {
		f->blank = f->chars > 0;
		return;
	}
	if (f->blank && f->chars + 1 >= MIME_PREVIEW_CHARS) {
		f->chars = MIME_PREVIEW_CHARS; /* no blank at the end */
		return;
	}
	if (f->blank) {
		buf_add_char(f->out, ' ');
		f->chars++;
		f->blank = false;
	}
	if (!is_full(f)) {
		buf_add(f->out, c);
		f->chars++;
	}
}

/* The character at the front of valid UTF-8. */
static struct span first_char(struct span text)
{
	size_t len = span_utf8_len(text);

	return span_take(text, len ? len : 1);
}

static void fold_all(struct folding *f, struct span text)
{
	while (text.len > 0 && !is_full(f)) {
		struct span c = first_char(text);

		fold_char(f, c);
		text = span_skip(text, c.len);
	}
}

static void fold_plain(struct folding *f, struct span text, bool quotes)
{
	struct span line;

	while (!is_full(f) && span_split(&text, '\n', &line)) {
		if (!quotes && span_starts(line, SPAN(">")))
			continue;
		fold_all(f, line);
		f->blank = f->chars > 0;
	}
}

/* ---- HTML ---- */

static const struct {
	struct span name, text;
} entities[] = {
	{ SPAN("amp"), SPAN("&") },
	{ SPAN("lt"), SPAN("<") },
	{ SPAN("gt"), SPAN(">") },
	{ SPAN("quot"), SPAN("\"") },
	{ SPAN("apos"), SPAN("'") },
	{ SPAN("nbsp"), SPAN(" ") },
	{ SPAN("shy"), SPAN("\xC2\xAD") },
	{ SPAN("zwnj"), SPAN("\xE2\x80\x8C") },
	{ SPAN("zwj"), SPAN("\xE2\x80\x8D") },
	{ SPAN("ndash"), SPAN("\xE2\x80\x93") },
	{ SPAN("mdash"), SPAN("\xE2\x80\x94") },
	{ SPAN("hellip"), SPAN("\xE2\x80\xA6") },
	{ SPAN("lsquo"), SPAN("\xE2\x80\x98") },
	{ SPAN("rsquo"), SPAN("\xE2\x80\x99") },
	{ SPAN("ldquo"), SPAN("\xE2\x80\x9C") },
	{ SPAN("rdquo"), SPAN("\xE2\x80\x9D") },
	{ SPAN("euro"), SPAN("\xE2\x82\xAC") },
	{ SPAN("copy"), SPAN("\xC2\xA9") },
	{ SPAN("auml"), SPAN("\xC3\xA4") },
	{ SPAN("ouml"), SPAN("\xC3\xB6") },
	{ SPAN("uuml"), SPAN("\xC3\xBC") },
	{ SPAN("Auml"), SPAN("\xC3\x84") },
	{ SPAN("Ouml"), SPAN("\xC3\x96") },
	{ SPAN("Uuml"), SPAN("\xC3\x9C") },
	{ SPAN("szlig"), SPAN("\xC3\x9F") },
	{ SPAN("eacute"), SPAN("\xC3\xA9") },
	{ SPAN("egrave"), SPAN("\xC3\xA8") },
};

static struct span encode_point(uint32_t point, char out[4])
{
	if (point < 0x20 || (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF)
		return SPAN(" ");
	if (point < 0x80) {
		out[0] = (char)point;
		return span_make(out, 1);
	}
	if (point < 0x800) {
		out[0] = (char)(0xC0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3F));
		return span_make(out, 2);
	}
	if (point < 0x10000) {
		out[0] = (char)(0xE0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3F));
		out[2] = (char)(0x80 | (point & 0x3F));
		return span_make(out, 3);
	}
	out[0] = (char)(0xF0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3F));
	out[2] = (char)(0x80 | (point >> 6 & 0x3F));
	out[3] = (char)(0x80 | (point & 0x3F));
	return span_make(out, 4);
}

/* "#8212" or "#x2014"; false: it is no number. */
static bool numeric_entity(struct span name, uint32_t *point_out)
{
	bool hex = name.len > 1 && ascii_lower(name.ptr[1]) == 'x';
	unsigned base = hex ? 16 : 10;
	uint32_t point = 0;

	name = span_skip(name, hex ? 2 : 1);
	for (size_t i = 0; i < name.len; i++) {
		unsigned digit = hex_digit(name.ptr[i]);

		if (digit >= base || point > 0x10FFFF)
			return false;
		point = point * base + digit;
	}
	*point_out = point;
	return name.len > 0;
}

/* At '&': what it stands for is folded in; the length of what was read. */
static size_t fold_entity(struct folding *f, struct span text)
{
	const size_t name_max = 10;
	struct span name;
	uint32_t point;
	char bytes[4];
	size_t end;

	if (span_find_char(span_take(text, name_max + 2), ';', &end)) {
		name = span_take(span_skip(text, 1), end - 1);
		if (span_starts(name, SPAN("#")) && numeric_entity(name, &point)) {
			fold_char(f, encode_point(point, bytes));
			return end + 1;
		}
		for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
			if (span_equals(name, entities[i].name)) {
				fold_char(f, entities[i].text);
				return end + 1;
			}
	}
	fold_char(f, SPAN("&"));
	return 1;
}

static bool is_one_of(struct span name, const struct span *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_iequals(name, list[i]))
			return true;
	return false;
}

/* Behind the end tag of an element whose content is no text; all that is left when it has none. */
static size_t skip_content(struct span text, struct span name)
{
	for (size_t i = 0; i + 2 + name.len <= text.len; i++)
		if (text.ptr[i] == '<' && text.ptr[i + 1] == '/' && span_iequals(span_take(span_skip(text, i + 2), name.len), name))
			return i;
	return text.len;
}

/* Length of the tag up to and with its '>', which may stand in a quoted attribute too. */
static size_t tag_length(struct span text)
{
	char quote = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			return i + 1;
	}
	return text.len;
}

/* At '<': the length of what shows nothing. */
static size_t skip_tag(struct folding *f, struct span text)
{
	static const struct span hidden[] = { SPAN("style"), SPAN("script"), SPAN("head"), SPAN("title"), SPAN("blockquote") };
	static const struct span inside_words[] = { SPAN("a"), SPAN("b"), SPAN("i"), SPAN("u"), SPAN("em"), SPAN("strong"), SPAN("span"), SPAN("font"),
						    SPAN("small"), SPAN("big"), SPAN("sub"), SPAN("sup"), SPAN("code"), SPAN("wbr") };
	bool closing = span_starts(text, SPAN("</"));
	struct span name = span_skip(text, closing ? 2 : 1);
	size_t length, at = 0;

	if (span_starts(text, SPAN("<!--")))
		return span_find(text, SPAN("-->"), &at) ? at + 3 : text.len;
	while (at < name.len && (ascii_is_alpha(name.ptr[at]) || ascii_is_digit(name.ptr[at])))
		at++;
	name = span_take(name, at);
	if (!name.len && !span_starts(text, SPAN("<!")) && !span_starts(text, SPAN("<?"))) {
		fold_char(f, SPAN("<"));
		return 1;
	}
	length = tag_length(text);
	if (!is_one_of(name, inside_words, sizeof(inside_words) / sizeof(inside_words[0])))
		f->blank = f->chars > 0;
	if (!closing && is_one_of(name, hidden, sizeof(hidden) / sizeof(hidden[0])))
		length += skip_content(span_skip(text, length), name);
	return length;
}

static void fold_html(struct folding *f, struct span text)
{
	while (text.len > 0 && !is_full(f)) {
		struct span c = first_char(text);
		size_t length = c.len;

		if (c.ptr[0] == '<')
			length = skip_tag(f, text);
		else if (c.ptr[0] == '&')
			length = fold_entity(f, text);
		else
			fold_char(f, c);
		text = span_skip(text, length);
	}
}

/* ---- parts ---- */

bool preview_may_be(const struct mime_part *part, bool is_root)
{
	if (part->kind != MIME_LEAF || !span_iequals(part->type, SPAN("text")) || (!is_root && part->name.len))
		return false;
	return span_iequals(part->subtype, SPAN("plain")) || span_iequals(part->subtype, SPAN("html"));
}

static bool write_from(const struct mime_part *part, struct span raw, struct buf *out)
{
	struct folding f = { .out = out };
	struct buf content, text;

	buf_init(&content, PREVIEW_RAW_MAX);
	buf_init(&text, TEXT_MAX);
	text_decode_transfer(part->encoding, raw, &content);
	text_decode_charset(part->charset, buf_span(&content), &text);
	buf_clear(&content);
	if (span_iequals(part->subtype, SPAN("html"))) {
		fold_html(&f, buf_span(&text));
	} else {
		fold_plain(&f, buf_span(&text), false);
		if (f.chars == 0)
			fold_plain(&f, buf_span(&text), true);
	}
	buf_clear(&text);
	return is_full(&f);
}

void preview_write(const struct mime_part *part, struct span raw, struct buf *out)
{
	raw = span_take(raw, PREVIEW_RAW_MAX);
	if (raw.len > FIRST_TRY) {
		size_t before = out->len;

		if (write_from(part, span_take(raw, FIRST_TRY), out))
			return;
		out->len = before;
	}
	(void)write_from(part, raw, out);
}

void preview_taker_init(struct preview_taker *t)
{
	*t = (struct preview_taker){ .taking = false };
	buf_init(&t->raw, PREVIEW_RAW_MAX);
	buf_init(&t->text, PREVIEW_MAX);
}

void preview_taker_clear(struct preview_taker *t)
{
	buf_clear(&t->raw);
	buf_clear(&t->text);
}

void preview_taker_begin(struct preview_taker *t, const struct mime_part *part, uint32_t index)
{
	if (t->taking || t->text.len || !preview_may_be(part, index == 0))
		return;
	t->taking = true;
	t->part = index;
}

void preview_taker_feed(struct preview_taker *t, struct span bytes)
{
	if (t->taking)
		buf_add(&t->raw, span_take(bytes, PREVIEW_RAW_MAX - t->raw.len));
}

void preview_taker_end(struct preview_taker *t, const struct mime_part *part, uint32_t index)
{
	uint64_t length = part->body_end - part->body_start;

	if (!t->taking || t->part != index)
		return;
	t->taking = false;
	preview_write(part, length < t->raw.len ? span_take(buf_span(&t->raw), (size_t)length) : buf_span(&t->raw), &t->text);
	buf_clear(&t->raw);
}
