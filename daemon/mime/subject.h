/* mime/subject.h: the base subject of a message, by which SORT and THREAD compare (RFC 5256 2.1). */
#ifndef POSTROOM_MIME_SUBJECT_H
#define POSTROOM_MIME_SUBJECT_H

#include "daemon/base/buf.h"

struct base_subject {
	struct span text; /* case-mapped (RFC 5051), without "Re:", "[list]" and their like; in the room */
	bool is_reply;    /* something said that it is a reply or forwarded */
};

/* `decoded`: the field's value, unfolded, encoded words in UTF-8. `room` is reset; what it has no room for is cut off. */
void subject_base(struct span decoded, struct buf *room, struct base_subject *out);

#endif
