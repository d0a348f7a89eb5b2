/* imap/part_structure.c: see the header. The text is our own (mime/structure.c), and yet nothing of it is taken for granted. */
#include "daemon/imap/part_structure.h"

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE */
static bool skip_quoted(struct span *rest)
{
	size_t n = 1;

	while (n < rest->len && rest->ptr[n] != '"')
		n += rest->ptr[n] == '\\' ? 2 : 1;
	if (n >= rest->len)
		return false;
	*rest = span_skip(*rest, n + 1);
	return true;
}

/* literal = "{" number "}" CRLF *CHAR8 */
static bool skip_literal(struct span *rest)
{
	uint64_t size;
	size_t end;

	if (!span_find(*rest, SPAN("}\r\n"), &end) || span_to_u64(span_skip(span_take(*rest, end), 1), rest->len, &size) || size > rest->len - end - 3)
		return false;
	*rest = span_skip(*rest, end + 3 + (size_t)size);
	return true;
}

static bool skip_atom(struct span *rest)
{
	size_t n = 0;

	while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '(' && rest->ptr[n] != ')' && rest->ptr[n] != '"')
		n++;
	*rest = span_skip(*rest, n);
	return n;
}

/* A list, a string or an atom, with blanks before it. */
static bool skip_value(struct span *rest)
{
	unsigned depth = 0;

	do {
		while (rest->len && rest->ptr[0] == ' ')
			*rest = span_skip(*rest, 1);
		if (!rest->len)
			return false;
		if (rest->ptr[0] == '(' || rest->ptr[0] == ')') {
			if (rest->ptr[0] == '(')
				depth++;
			else if (depth-- == 0)
				return false;
			*rest = span_skip(*rest, 1);
		} else if (!(rest->ptr[0] == '"' ? skip_quoted(rest) : rest->ptr[0] == '{' ? skip_literal(rest)
											   : skip_atom(rest))) {
			return false;
		}
	} while (depth);
	return true;
}

/* The value behind `count` others of a list. */
static bool nth(struct span list, unsigned count, struct span *out)
{
	struct span rest;

	if (!span_starts(list, SPAN("(")))
		return false;
	rest = span_skip(list, 1);
	while (count--)
		if (!skip_value(&rest))
			return false;
	while (rest.len && rest.ptr[0] == ' ')
		rest = span_skip(rest, 1);
	*out = rest;
	if (!skip_value(&rest))
		return false;
	out->len = (size_t)(rest.ptr - out->ptr);
	return true;
}

/* ("message" "rfc822" params id description encoding size envelope body lines ...) */
#define PLACE_OF_ENCODING 5
#define PLACE_OF_SIZE 6
#define PLACE_OF_LINES 7
#define PLACE_OF_BODY 8

static bool child_of(const struct mime_message *m, uint32_t parent, uint32_t child, struct span *text)
{
	unsigned before = 0;

	if (m->parts[parent].kind == MIME_MESSAGE)
		return nth(*text, PLACE_OF_BODY, text);
	for (uint32_t at = m->parts[parent].first_child; at && at != child; at = m->parts[at].next_sibling)
		before++;
	return nth(*text, before, text);
}

bool part_structure_find(const struct mime_message *m, uint32_t index, struct span whole, struct span *out)
{
	uint32_t path[MIME_MAX_DEPTH + 1];
	size_t depth = 0;

	for (uint32_t at = index; at; at = m->parts[at].parent) {
		if (depth == sizeof path / sizeof *path)
			return false;
		path[depth++] = at;
	}
	*out = whole;
	for (uint32_t parent = 0; depth; parent = path[depth])
		if (!child_of(m, parent, path[--depth], out))
			return false;
	return span_starts(*out, SPAN("("));
}

bool part_structure_decoded(struct span part, struct span encoding, uint64_t size, struct buf *out)
{
	struct span type, was_encoding, was_size, was_lines;
	const char *rest;

	if (!nth(part, 0, &type) || !nth(part, PLACE_OF_ENCODING, &was_encoding) || !nth(part, PLACE_OF_SIZE, &was_size))
		return false;
	rest = was_size.ptr + was_size.len;
	buf_add(out, span_make(part.ptr, (size_t)(was_encoding.ptr - part.ptr)));
	buf_add_char(out, '"');
	buf_add(out, encoding);
	buf_add_str(out, "\" ");
	buf_addf(out, "%llu", (unsigned long long)size);
	if (span_iequals(type, SPAN("\"text\"")) && nth(part, PLACE_OF_LINES, &was_lines)) {
		buf_add_str(out, " 0");
		rest = was_lines.ptr + was_lines.len;
	}
	buf_add(out, span_make(rest, (size_t)(part.ptr + part.len - rest)));
	return !out->failed;
}
