/* mime/envelope_read.c: the reverse of envelope.c, for what that wrote: anything else gives less, never too much. */
#include "daemon/mime/envelope_read.h"

/* Cuts a quoted string, a literal or a word (NIL) off; *out with its quotes when quoted. */
static bool cut_string(struct span *s, struct span *out)
{
	size_t end = 0;
	uint64_t size;

	if (!s->len)
		return false;
	if (s->ptr[0] == '"') {
		for (end = 1; end < s->len && s->ptr[end] != '"'; end++)
			end += s->ptr[end] == '\\';
		if (end >= s->len)
			return false;
		*out = span_take(*s, end + 1);
	} else if (s->ptr[0] == '{') {
		if (!span_find_char(*s, '}', &end) || span_to_u64(span_skip(span_take(*s, end), 1), s->len, &size) || size > s->len - end - 1 ||
		    s->len - end - 1 - size < 2)
			return false;
		*out = span_make(s->ptr + end + 3, (size_t)size);
		end += 2 + (size_t)size;
	} else {
		while (end < s->len && !memchr(" ()", s->ptr[end], 3))
			end++;
		if (!end)
			return false;
		*out = span_make(NULL, 0);
		end--;
	}
	*s = span_skip(*s, end + 1);
	return true;
}

/* A string or a whole list in parentheses; of the list what is in them. */
static bool cut_item(struct span *s, struct span *out)
{
	struct span start = *s, text;
	size_t depth = 0;

	if (!s->len || s->ptr[0] != '(')
		return cut_string(s, out);
	do {
		if (!s->len)
			return false;
		if (memchr("() ", s->ptr[0], 3)) {
			depth += s->ptr[0] == '(';
			depth -= s->ptr[0] == ')';
			*s = span_skip(*s, 1);
		} else if (!cut_string(s, &text)) {
			return false;
		}
	} while (depth);
	*out = span_make(start.ptr + 1, (size_t)(s->ptr - start.ptr) - 2);
	return true;
}

static void skip(struct span *s, char c)
{
	if (s->len && s->ptr[0] == c)
		*s = span_skip(*s, 1);
}

bool envelope_list(struct span envelope, enum envelope_item item, struct span *out)
{
	skip(&envelope, '(');
	for (int i = 0; i <= (int)item; i++) {
		skip(&envelope, ' ');
		if (!cut_item(&envelope, out))
			return false;
	}
	return out->ptr != NULL;
}

/* Quotes and escapes of a quoted string off. */
static struct span unquoted(struct span s, struct arena *a)
{
	char *to;
	size_t len = 0;

	s = span_make(s.ptr + 1, s.len - 2);
	if (!memchr(s.ptr, '\\', s.len))
		return s;
	to = arena_alloc(a, s.len);
	for (size_t i = 0; to && i < s.len; i++) {
		i += s.ptr[i] == '\\' && i + 1 < s.len;
		to[len++] = s.ptr[i];
	}
	return span_make(to, len);
}

bool envelope_next(struct span *list, struct arena *a, struct envelope_address *out)
{
	struct span address, route;

	skip(list, ' ');
	if (!list->len || list->ptr[0] != '(' || !cut_item(list, &address))
		return false;
	for (int i = 0; i < 4; i++) {
		struct span *to[] = { &out->name, &route, &out->mailbox, &out->host };
		bool is_quoted;

		skip(&address, ' ');
		is_quoted = address.len && address.ptr[0] == '"'; /* a literal may begin with a quote of its own */
		if (!cut_string(&address, to[i]))
			return false;
		if (is_quoted)
			*to[i] = unquoted(*to[i], a);
	}
	return true;
}
