/* api/openapi_fragments.h: the files of api/openapi/, carried inside the binary. packaging/embed-openapi.sh writes the definitions. */
#ifndef POSTROOM_API_OPENAPI_FRAGMENTS_H
#define POSTROOM_API_OPENAPI_FRAGMENTS_H

#include <stddef.h>

struct openapi_fragment {
	const char *name; /* "users.json" */
	const unsigned char *bytes;
	size_t length;
};

extern const struct openapi_fragment openapi_fragments[]; /* base.json first */
extern const size_t openapi_fragments_count;

#endif
