/* webui/chunked.c: the chunked coding, byte by byte but for the data.
 *
 *   SIZE ─;─▶ EXTENSION        TRAILER ◀──LF── TRAILER_LF
 *    │CR        │CR               │CR on an empty line, then LF ─▶ ENDED
 *    └─▶ SIZE_LF ◀┘               ▲
 *          │ size > 0             │ size = 0
 *          ├─▶ DATA ─▶ DATA_CR ─▶ DATA_LF ─▶ SIZE
 *          └──────────────────────┘
 */
#include "webui/chunked.h"

static bool is_text(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static enum err add_digit(struct chunked *c, char letter)
{
	unsigned value;

	letter = ascii_lower(letter);
	if (ascii_is_digit(letter))
		value = (unsigned)(letter - '0');
	else if (letter >= 'a' && letter <= 'f')
		value = (unsigned)(letter - 'a' + 10);
	else
		return ERR_SYNTAX;
	if (++c->digits > CHUNKED_DIGITS_MAX)
		return ERR_SYNTAX;
	c->left = c->left << 4 | value;
	return ERR_STATE;
}

/* Blanks before ';' or CR are refused: RFC 9112 7.1.1 allows them, and readers differ over them. */
static enum err take_size(struct chunked *c, char letter)
{
	if (letter != ';' && letter != '\r')
		return add_digit(c, letter);
	if (c->digits == 0)
		return ERR_SYNTAX;
	c->at = letter == ';' ? CHUNKED_EXTENSION : CHUNKED_SIZE_LF;
	return ERR_STATE;
}

static enum err take_extension(struct chunked *c, char letter)
{
	if (letter == '\r') {
		c->at = CHUNKED_SIZE_LF;
		return ERR_STATE;
	}
	if (!is_text(letter))
		return ERR_SYNTAX;
	return ++c->line > CHUNKED_LINE_MAX || ++c->extensions > CHUNKED_EXTENSIONS_MAX ? ERR_LIMIT : ERR_STATE;
}

static enum err begin_chunk(struct chunked *c)
{
	c->at = c->left > 0 ? CHUNKED_DATA : CHUNKED_TRAILER;
	c->digits = 0;
	c->line = 0;
	return ERR_STATE;
}

static enum err take_trailer(struct chunked *c, char letter)
{
	if (letter == '\r') {
		c->at = CHUNKED_TRAILER_LF;
		return ERR_STATE;
	}
	/* An empty name, and a line that is folded onto nothing, are no fields. */
	if (!is_text(letter) || (c->trailer_line == 0 && (letter == ' ' || letter == '\t' || letter == ':')))
		return ERR_SYNTAX;
	c->trailer_line++;
	return ++c->trailers > CHUNKED_TRAILERS_MAX ? ERR_LIMIT : ERR_STATE;
}

static enum err end_trailer_line(struct chunked *c)
{
	if (c->trailer_line == 0) {
		c->at = CHUNKED_ENDED;
		return ERR_OK;
	}
	c->trailer_line = 0;
	c->at = CHUNKED_TRAILER;
	return ERR_STATE;
}

static enum err take(struct chunked *c, char letter)
{
	switch (c->at) {
	case CHUNKED_SIZE: return take_size(c, letter);
	case CHUNKED_EXTENSION: return take_extension(c, letter);
	case CHUNKED_SIZE_LF: return letter == '\n' ? begin_chunk(c) : ERR_SYNTAX;
	case CHUNKED_DATA_CR:
		c->at = CHUNKED_DATA_LF;
		return letter == '\r' ? ERR_STATE : ERR_SYNTAX;
	case CHUNKED_DATA_LF:
		c->at = CHUNKED_SIZE;
		return letter == '\n' ? ERR_STATE : ERR_SYNTAX;
	case CHUNKED_TRAILER: return take_trailer(c, letter);
	case CHUNKED_TRAILER_LF: return letter == '\n' ? end_trailer_line(c) : ERR_SYNTAX;
	case CHUNKED_DATA:
	case CHUNKED_ENDED: break;
	}
	return ERR_SYNTAX;
}

enum err chunked_step(struct chunked *c, struct span in, size_t *used_out, struct span *data_out)
{
	enum err e = ERR_STATE;
	size_t used = 0;

	*data_out = span_make(in.ptr, 0);
	while (e == ERR_STATE && used < in.len && c->at != CHUNKED_DATA)
		e = take(c, in.ptr[used++]);
	if (e == ERR_STATE && used < in.len) {
		*data_out = span_take(span_make(in.ptr + used, in.len - used), c->left);
		c->left -= data_out->len;
		used += data_out->len;
		if (c->left == 0)
			c->at = CHUNKED_DATA_CR;
	}
	*used_out = used;
	return e;
}
