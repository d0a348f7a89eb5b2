/* mime/refs.c: see the header. Lenient as mail is: anything between < and > with an @ in it is a message-id. */
#include "daemon/mime/refs.h"

#include "daemon/mime/parts.h"

/* Behind '<': one character more, or the end. */
struct reading {
	struct buf *id;
	bool quoted, has_at;
};

static void take_char(struct reading *r, char c)
{
	const bool fold = c == '\r' || c == '\n', blank = c == ' ' || c == '\t';

	if (c == '"') {
		r->quoted = !r->quoted;
	} else if (!fold && (r->quoted || !blank)) {
		r->has_at = r->has_at || (c == '@' && !r->quoted);
		buf_add_char(r->id, c);
	}
}

/* The length up to and with '>', 0 when that is no message-id; then *resume_out says where to look on. */
static size_t read_id(struct span s, struct buf *id, size_t *resume_out)
{
	struct reading r = { .id = id };

	buf_reset(id);
	for (*resume_out = 0; *resume_out < s.len; ++*resume_out) {
		char c = s.ptr[*resume_out];

		if (c == '>' && !r.quoted)
			return r.has_at && !id->failed && id->len > 1 && id->len <= REFS_ID_MAX ? *resume_out + 1 : 0;
		if (c == 0 || (c == '<' && !r.quoted))
			return 0;
		if (c == '\\' && r.quoted && *resume_out + 1 < s.len)
			buf_add_char(id, s.ptr[++*resume_out]);
		else
			take_char(&r, c);
	}
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
