/* mime/refs.c: see the header. Lenient as mail is: anything between < and > with an @ in it is a message-id. */
#include "daemon/mime/refs.h"

#include "daemon/mime/parts.h"

/* What stands behind '<': the length up to and with '>', 0 when that is no message-id; then *resume_out says where to look on. */
static size_t read_id(struct span s, struct buf *id, size_t *resume_out)
{
	bool quoted = false, has_at = false;

	buf_reset(id);
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		*resume_out = i;
		if (c == 0 || (c == '<' && !quoted))
			return 0;
		if (c == '>' && !quoted)
			return has_at && !id->failed && id->len > 1 && id->len <= REFS_ID_MAX ? i + 1 : 0;
		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (c == '\r' || c == '\n' || (!quoted && (c == ' ' || c == '\t')))
			continue;
		if (quoted && c == '\\' && i + 1 < s.len)
			c = s.ptr[++i];
		has_at = has_at || (c == '@' && !quoted);
		buf_add_char(id, c);
	}
	*resume_out = s.len;
	return 0;
}

bool refs_next(struct span *rest, struct buf *id)
{
	size_t at, length, resume;

	while (span_find_char(*rest, '<', &at)) {
		*rest = span_skip(*rest, at + 1);
		length = read_id(*rest, id, &resume);
		*rest = span_skip(*rest, length ? length : resume);
		if (length)
			return true;
	}
	return false;
}

static void write_list(struct span value, struct buf *id, struct buf *out)
{
	struct span rest = value;
	size_t count = 0;

	while (refs_next(&rest, id))
		count++;
	rest = value;
	for (size_t i = 0; refs_next(&rest, id); i++) {
		if (i > 0 && i + (MIME_REFS_MAX - 1) < count)
			continue;
		buf_add(out, buf_span(id));
		buf_add_char(out, '\0');
	}
}

/* RFC 5256 3, REFERENCES (1): In-Reply-To counts where References names nothing. */
void refs_write(struct span references, struct span in_reply_to, struct buf *out)
{
	struct buf id;

	buf_init(&id, REFS_ID_MAX);
	write_list(references, &id, out);
	if (out->len == 0 && refs_next(&in_reply_to, &id)) {
		buf_add(out, buf_span(&id));
		buf_add_char(out, '\0');
	}
	buf_clear(&id);
}
