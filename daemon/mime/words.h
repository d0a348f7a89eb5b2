/* mime/words.h: text into header fields: folded lines, encoded words (RFC 2047), quoted strings, parameters (RFC 2231). */
#ifndef POSTROOM_MIME_WORDS_H
#define POSTROOM_MIME_WORDS_H

#include "daemon/base/buf.h"

/* All take UTF-8 (other bytes become '?') and write control characters as blanks. `column`: where on its line the text begins. */

/* Unstructured text, a subject: as it is where ASCII does, else as encoded words. */
void words_write(struct span text, size_t column, struct buf *out);
/* A display name: atoms, a quoted string, or encoded words. */
void words_write_phrase(struct span text, size_t column, struct buf *out);
/* ";\r\n\tname=\"value\"", or name*0*=UTF-8''... where that does not do. */
void words_write_parameter(const char *name, struct span value, struct buf *out);

#endif
