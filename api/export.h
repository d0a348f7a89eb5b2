/* api/export.h: the configuration as one document; internal to api/. */
#ifndef POSTROOM_API_EXPORT_H
#define POSTROOM_API_EXPORT_H

#include "api/call.h"

/* Adds the document of this moment, with its line end; the same bytes for the same directory. `hashes`: with password hashes. */
enum err export_write(struct api_call *c, const struct snapshot *s, bool hashes, struct buf *out) MUST_CHECK;

#endif
