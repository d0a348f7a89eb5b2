/* mime/header.h: the header section of a message or part (RFC 5322 section 2.2, 3.6), as it is: pure functions on spans.
 *
 * Lines end in CRLF; a lone LF is accepted as a line end when reading what is stored (APPEND may bring it).
 */
#ifndef POSTROOM_MIME_HEADER_H
#define POSTROOM_MIME_HEADER_H

#include "daemon/base/arena.h"

struct header_field {
	struct span whole; /* from the name to the last CRLF */
	struct span name;  /* without trailing blanks before ':' */
	struct span value; /* behind ':', raw: still folded, without the last CRLF */
};

/* Cuts the next field off *rest; false at the empty line or the end. A line that is no field ends the header (RFC 5322 has no other answer). */
bool header_next(struct span *rest, struct header_field *out);

/* Length of the header section with its empty line. A line that is no field ends the header in front of it, without an empty line; else the whole. */
size_t header_length(struct span message);

/* The n-th (from 0) field of that name, any case. */
bool header_find(struct span header, struct span name, size_t nth, struct header_field *out);
size_t header_count(struct span header, struct span name);

/* Unfolded: CRLF before blank removed, blanks at both ends trimmed. In the arena when it had folds. {NULL,0} when it does not fit. */
struct span header_unfold(struct arena *a, struct span raw_value);
/* The same for comparing: a fold, whatever blanks begin the next line, is one space. */
struct span header_unfold_plain(struct arena *a, struct span raw_value);

/* Encoded words (RFC 2047) and raw 8-bit decoded to UTF-8; what can't be decoded stays as it is, bad bytes become U+FFFD. */
struct span header_decode(struct arena *a, struct span unfolded);

#endif
