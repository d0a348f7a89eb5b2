/* api/pending.h: how handlers read their body until the document has their operation; internal to api/. */
#ifndef POSTROOM_API_PENDING_H
#define POSTROOM_API_PENDING_H

#include "api/call.h"

#define FIELD_STRINGS_MAX 1000

struct body_field {
	const char *name;
	enum { FIELD_STRING,
	       FIELD_STRINGS,
	       FIELD_PORT,
	       FIELD_BOOL } kind;
	bool required;
	struct span *string;
	const struct span **strings;
	size_t *strings_count;
	uint16_t *port;
	bool *boolean;
	bool *given;
};
/* False: answered. Unknown fields are refused. */
bool call_read_body(struct api_call *c, const struct body_field *fields, size_t count);

#endif
