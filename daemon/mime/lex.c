/* mime/lex.c: comments are counted, not recursed into. */
#include "daemon/mime/lex.h"

#include "daemon/base/encode.h"

void lex_skip_cfws(struct span *s)
{
	size_t i = 0, depth = 0;

	for (; i < s->len; i++) {
		char c = s->ptr[i];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			i++;
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
	}
	*s = span_skip(*s, i);
}

bool lex_hex_byte(struct span s, char *out)
{
	unsigned high, low;

	if (s.len < 2)
		return false;
	high = hex_digit(s.ptr[0]);
	low = hex_digit(s.ptr[1]);
	if (high > 15 || low > 15)
		return false;
	*out = (char)(high << 4 | low);
	return true;
}
