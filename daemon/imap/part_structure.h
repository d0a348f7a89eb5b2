/* imap/part_structure.h: the BODYSTRUCTURE of one part, cut out of the message's as it is stored. */
#ifndef POSTROOM_IMAP_PART_STRUCTURE_H
#define POSTROOM_IMAP_PART_STRUCTURE_H

#include "daemon/mime/parts.h"

/* False: it does not lead there. */
bool part_structure_find(const struct mime_message *parts, uint32_t index, struct span whole, struct span *out);
/* Of a leaf, as it is once its encoding is off (RFC 5524 3.1). Lines of what is decoded are not counted: 0. False: it is not written so. */
bool part_structure_decoded(struct span part, struct span encoding, uint64_t size, struct buf *out);

#endif
