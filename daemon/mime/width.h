/* mime/width.h: how wide text is on a terminal. */
#ifndef POSTROOM_MIME_WIDTH_H
#define POSTROOM_MIME_WIDTH_H

#include "daemon/base/span.h"

/* Columns of UTF-8 text: wide characters count two, combining ones none, a bad byte one. */
size_t width_columns(struct span text);
/* The longest part at the front that fits into so many columns; characters are not cut. */
struct span width_take(struct span text, size_t columns);

/* One character, at least one byte, of text that is not empty. `obeyed`: a terminal acts on it instead of showing it, or it turns the
 * direction of what stands beside it (Unicode C0, C1, separators and format characters). */
struct span width_character(struct span text, bool *obeyed_out);

#endif
