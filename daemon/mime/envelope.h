/* mime/envelope.h: ENVELOPE of a header (RFC 9051 7.5.2). Internal to mime/. */
#ifndef POSTROOM_MIME_ENVELOPE_H
#define POSTROOM_MIME_ENVELOPE_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"
#include "daemon/mime/fields.h"

/* "(...)". `scratch` is reset. Lists that do not fit scratch are NIL. */
void envelope_write(const struct fields *fields, struct arena *scratch, struct buf *out);

#endif
