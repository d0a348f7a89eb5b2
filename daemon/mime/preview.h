/* mime/preview.h: the beginning of a message's text for lists (RFC 8970): its first text/plain or text/html part that is no attachment and holds text.
 * Quoted lines are left out where something else is there; HTML is read without its tags.
 */
#ifndef POSTROOM_MIME_PREVIEW_H
#define POSTROOM_MIME_PREVIEW_H

#include "daemon/mime/parts.h"

#define PREVIEW_RAW_MAX (32u * 1024u)         /* of a part is looked at */
#define PREVIEW_MAX (4u * MIME_PREVIEW_CHARS) /* bytes of a preview */

/* May the preview come from this part? */
bool preview_may_be(const struct mime_part *part, bool is_root);

/* The preview of a part's content as it stands in the message (its first PREVIEW_RAW_MAX bytes do). Adds nothing when it holds no text. */
void preview_write(const struct mime_part *part, struct span raw, struct buf *out);

/* What the parser holds of content: the beginning of the part that the preview may come from. */
struct preview_taker {
	struct buf raw, text;
	uint32_t part;
	bool taking;
};
void preview_taker_init(struct preview_taker *t);
void preview_taker_clear(struct preview_taker *t);
void preview_taker_begin(struct preview_taker *t, const struct mime_part *part, uint32_t index); /* its content follows */
void preview_taker_feed(struct preview_taker *t, struct span bytes);                             /* may go on past the end of the part */
void preview_taker_end(struct preview_taker *t, const struct mime_part *part, uint32_t index);   /* its end is known */

#endif
