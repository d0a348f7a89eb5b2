/* mime/lex.h: what the readers of structured header fields share. Internal to mime/. */
#ifndef POSTROOM_MIME_LEX_H
#define POSTROOM_MIME_LEX_H

#include "daemon/base/span.h"

/* Cuts blanks, folds and comments (nested) off the front. RFC 5322 3.2.2 */
void lex_skip_cfws(struct span *s);

/* The byte that the first two characters are in hexadecimal; false, and *out as it was, when they are not. */
bool lex_hex_byte(struct span s, char *out);

#endif
