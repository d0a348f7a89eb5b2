/* api/openapi_merge.h: the fragments of openapi/ as one document. Internal to api/. */
#ifndef POSTROOM_API_OPENAPI_MERGE_H
#define POSTROOM_API_OPENAPI_MERGE_H

#include "api/openapi_fragments.h"
#include "daemon/base/err.h"

struct json_t;

/* The first fragment is the base; the others add paths, components and problem codes, and may not say anything twice. The caller owns *out.
 * ERR_CORRUPT: not JSON, a key that has no place, a name that stands twice. */
enum err openapi_merge(const struct openapi_fragment *fragments, size_t count, struct json_t **out, struct note *why) MUST_CHECK;

#endif
