/* chat/pattern.c: see pattern.h. */
#include "tests/chat/pattern.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char chat_unescape(struct span *text)
{
	char c = text->ptr[0];

	*text = span_skip(*text, 1);
	if (c != '\\' || text->len == 0)
		return c;
	c = text->ptr[0];
	if (c == 'x' && text->len >= 3 && hex_value(text->ptr[1]) >= 0 && hex_value(text->ptr[2]) >= 0) {
		c = (char)(hex_value(text->ptr[1]) * 16 + hex_value(text->ptr[2]));
		*text = span_skip(*text, 3);
		return c;
	}
	*text = span_skip(*text, 1);
	switch (c) {
	case 'r': return '\r';
	case 'n': return '\n';
	case 't': return '\t';
	case '0': return '\0';
	default: return c;
	}
}

/* Linear in practice: only the last star is tried again. */
bool chat_matches(struct span pattern, struct span line)
{
	struct span star = { NULL, 0 };
	size_t at = 0, star_at = 0;

	for (;;) {
		if (pattern.len > 0 && pattern.ptr[0] == '*') {
			pattern = span_skip(pattern, 1);
			star = pattern;
			star_at = at;
			continue;
		}
		if (at == line.len && pattern.len == 0)
			return true;
		if (at < line.len && pattern.len > 0 && chat_unescape(&pattern) == line.ptr[at]) {
			at++;
			continue;
		}
		if (!star.ptr || star_at >= line.len)
			return false;
		pattern = star;
		at = ++star_at;
	}
}
