/* pop3/surrogate.c: see the header.
 *
 * To refuse a message whose header is in UTF-8, as RFC 6856 2.1 would let us, leaves it here for ever for all who know nothing of UTF8, and these are nearly all
 * clients; only what can't be written anew is refused. Bodies go as they are: 8 bits of MIME are older than UTF8.
 */
#include "daemon/pop3/surrogate.h"

#include "daemon/mime/downgrade.h"

/* False: the fields can't be written in ASCII. */
static bool in_ascii(struct span *fields, struct buf *text)
{
	struct arena work;
	enum err e;

	if (!downgrade_is_needed(*fields))
		return true;
	arena_init(&work, POP3_HEAD_WORK_MAX);
	e = downgrade_head(*fields, &work, text);
	arena_clear(&work);
	*fields = buf_span(text);
	return !e;
}

bool pop3_surrogate_begin(const struct pop3_session *s, const struct message_row *row, struct surrogate *out)
{
	*out = (struct surrogate){ .prefix = row->prefix, .head = row->head };
	buf_init(&out->prefix_text, POP3_HEAD_MAX);
	buf_init(&out->head_text, POP3_HEAD_MAX);
	return s->utf8 || (in_ascii(&out->prefix, &out->prefix_text) && in_ascii(&out->head, &out->head_text));
}

void pop3_surrogate_end(struct surrogate *x)
{
	buf_clear(&x->prefix_text);
	buf_clear(&x->head_text);
}

uint64_t pop3_surrogate_size(const struct surrogate *x, const struct message_row *row)
{
	return row->size - row->prefix.len - row->head.len + x->prefix.len + x->head.len;
}
