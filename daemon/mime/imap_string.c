/* mime/imap_string.c: see the header. */
#include "daemon/mime/imap_string.h"

#define QUOTED_MAX 2000 /* some clients read quoted strings into fixed room */

static bool is_quotable(struct span s, bool *plain_out)
{
	*plain_out = true;
	if (s.len > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if ((c < 32 && c != '\t') || c == 127) /* char may be signed: 8-bit is below 32 or above 127 */
			return false;
		if ((unsigned char)c > 127)
			return false;
		if (c == '"' || c == '\\')
			*plain_out = false;
	}
	return true;
}

static void write_literal(struct span s, struct buf *out)
{
	buf_addf(out, "{%zu}\r\n", s.len);
	for (size_t at; s.len > 0; s = span_skip(s, at + 1)) {
		if (!span_find_char(s, '\0', &at))
			at = s.len;
		buf_add(out, span_take(s, at));
		if (at < s.len)
			buf_add_char(out, ' ');
	}
}

void imap_string_write(struct span s, struct buf *out)
{
	bool plain;

	if (!is_quotable(s, &plain)) {
		write_literal(s, out);
		return;
	}
	buf_add_char(out, '"');
	if (plain)
		buf_add(out, s);
	for (size_t i = 0; !plain && i < s.len; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, s.ptr[i]);
	}
	buf_add_char(out, '"');
}

void imap_nstring_write(struct span s, struct buf *out)
{
	if (s.ptr)
		imap_string_write(s, out);
	else
		buf_add(out, SPAN("NIL"));
}
