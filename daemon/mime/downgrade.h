/* mime/downgrade.h: a header in UTF-8 (RFC 6532) for a reader who knows ASCII alone (RFC 6858, in its spirit: what is shown stays to be read). */
#ifndef POSTROOM_MIME_DOWNGRADE_H
#define POSTROOM_MIME_DOWNGRADE_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

/* Is there a field with characters outside ASCII, in UTF-8? What is in another charset, and no field at all, is nobody's to change. */
bool downgrade_is_needed(struct span head);

/* The header with such fields written anew: text as encoded words, addresses whose local part is not ASCII as groups without members, that can be read and not
 * be answered, file names as RFC 2231 has them. Others stay as they are. ERR_LIMIT: past what `out` or the arena hold. */
enum err downgrade_head(struct span head, struct arena *work, struct buf *out) MUST_CHECK;

#endif
