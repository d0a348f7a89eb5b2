/* relay/recode.c: see recode.h. */
#include "daemon/relay/recode.h"

#define LINE_MAX_CHARS 76 /* RFC 2045 6.7 (5), 6.8 */

static void flush(struct recode *r)
{
	if (r->out_len > 0 && r->e == ERR_OK)
		r->e = r->write(r->arg, span_make(r->out, r->out_len));
	r->out_len = 0;
}

static void emit(struct recode *r, const char *bytes, size_t len)
{
	if (r->out_len + len > RECODE_OUT)
		flush(r);
	memcpy(r->out + r->out_len, bytes, len);
	r->out_len += len;
}

static void emit_char(struct recode *r, char c)
{
	emit(r, &c, 1);
}

void recode_begin(struct recode *r, enum recode_kind kind, bool keep_8bit, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	r->kind = kind;
	r->keep_8bit = keep_8bit;
	r->cr = r->begun = false;
	r->blank = '\0';
	r->column = r->group_len = r->out_len = 0;
	r->write = write;
	r->arg = arg;
	r->e = ERR_OK;
}

/* ---- structure ---- */

static void clean_char(struct recode *r, char c)
{
	if (r->cr) {
		r->cr = false;
		if (c != '\n')
			emit_char(r, ' ');
	}
	if (c == '\r')
		r->cr = true;
	else if (c == '\n')
		emit(r, "\r\n", 2);
	else if (c == '\0')
		emit_char(r, ' ');
	else
		emit_char(r, (c & 0x80) && !r->keep_8bit ? '?' : c);
}

/* ---- quoted-printable ---- */

/* Room for `len` characters and the mark of a soft line break. */
static void quoted_room(struct recode *r, size_t len)
{
	if (r->column + len > LINE_MAX_CHARS - 1) {
		emit(r, "=\r\n", 3);
		r->column = 0;
	}
}

static void quoted_put(struct recode *r, const char *bytes, size_t len)
{
	quoted_room(r, len);
	emit(r, bytes, len);
	r->column += len;
}

static void quoted_escape(struct recode *r, char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char text[3] = { '=', digits[(uint8_t)c >> 4], digits[c & 15] };

	quoted_put(r, text, sizeof(text));
}

static void quoted_blank(struct recode *r, bool at_end)
{
	if (r->blank && at_end)
		quoted_escape(r, r->blank);
	else if (r->blank)
		quoted_put(r, &r->blank, 1);
	r->blank = '\0';
}

/* A dot that begins a line is written so that no line is one dot, whoever reads it; a hyphen, so that no line that a soft break makes is a boundary. */
static bool is_literal(const struct recode *r, char c)
{
	return c > ' ' && c <= '~' && c != '=' && (r->column > 0 || (c != '.' && c != '-'));
}

static void quoted_char(struct recode *r, char c)
{
	if (r->cr) {
		r->cr = false;
		if (c == '\n') {
			quoted_blank(r, true);
			emit(r, "\r\n", 2);
			r->column = 0;
			return;
		}
		quoted_blank(r, false);
		quoted_escape(r, '\r');
	}
	if (c == '\r') {
		r->cr = true;
		return;
	}
	quoted_blank(r, false);
	quoted_room(r, 1);
	if (c == ' ' || c == '\t')
		r->blank = c;
	else if (is_literal(r, c))
		quoted_put(r, &c, 1);
	else
		quoted_escape(r, c);
}

/* A soft line break at the very end keeps the end of a last line that has none. */
static void quoted_finish(struct recode *r, bool last)
{
	if (r->cr) {
		quoted_blank(r, false);
		quoted_escape(r, '\r');
	}
	quoted_blank(r, true);
	if (last && r->column > 0)
		emit(r, "=\r\n", 3);
}

/* ---- base64 ---- */

static void base64_line(struct recode *r)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char line[LINE_MAX_CHARS];
	size_t len = 0;

	for (size_t i = 0; i < r->group_len; i += 3) {
		size_t have = r->group_len - i;
		uint32_t bits = (uint32_t)r->group[i] << 16 | (have > 1 ? (uint32_t)r->group[i + 1] << 8 : 0) | (have > 2 ? r->group[i + 2] : 0);

		line[len++] = alphabet[bits >> 18];
		line[len++] = alphabet[bits >> 12 & 63];
		line[len++] = have > 1 ? alphabet[bits >> 6 & 63] : '=';
		line[len++] = have > 2 ? alphabet[bits & 63] : '=';
	}
	if (r->begun)
		emit(r, "\r\n", 2);
	emit(r, line, len);
	r->begun = true;
	r->group_len = 0;
}

static void base64_add(struct recode *r, struct span bytes)
{
	while (bytes.len > 0) {
		struct span piece = span_take(bytes, sizeof(r->group) - r->group_len);

		memcpy(r->group + r->group_len, piece.ptr, piece.len);
		r->group_len += piece.len;
		if (r->group_len == sizeof(r->group))
			base64_line(r);
		bytes = span_skip(bytes, piece.len);
	}
}

/* ---- all ---- */

void recode_add(struct recode *r, struct span bytes)
{
	switch (r->kind) {
	case RECODE_COPY:
		if (r->e == ERR_OK && bytes.len > 0)
			r->e = r->write(r->arg, bytes);
		break;
	case RECODE_CLEAN:
		for (size_t i = 0; i < bytes.len; i++)
			clean_char(r, bytes.ptr[i]);
		break;
	case RECODE_QUOTED:
		for (size_t i = 0; i < bytes.len; i++)
			quoted_char(r, bytes.ptr[i]);
		break;
	case RECODE_BASE64: base64_add(r, bytes); break;
	}
}

enum err recode_finish(struct recode *r, bool last)
{
	switch (r->kind) {
	case RECODE_COPY: break;
	case RECODE_CLEAN:
		if (r->cr)
			emit_char(r, ' ');
		break;
	case RECODE_QUOTED: quoted_finish(r, last); break;
	case RECODE_BASE64:
		if (r->group_len > 0)
			base64_line(r);
		if (last && r->begun)
			emit(r, "\r\n", 2);
		break;
	}
	flush(r);
	return r->e;
}
