/* mime/param.h: fields of the form  value; name=value; ...  (RFC 2045 5.1, RFC 2183), read leniently. Internal to mime/. */
#ifndef POSTROOM_MIME_PARAM_H
#define POSTROOM_MIME_PARAM_H

#include "daemon/base/arena.h"

#define PARAM_MAX 100       /* read from one field; RFC 2231 continuations count as they stand */
#define PARAM_TOKEN_MAX 127 /* RFC 4288 4.2 */

struct param {
	struct span name;  /* as written, "filename*0*" too */
	struct span value; /* unquoted */
};

struct param_field {
	struct span type, subtype; /* subtype empty where the field has none */
	struct param params[PARAM_MAX];
	size_t count;
};

/* Spans point into the field or the arena. False when there is no value, or no "/subtype" and `with_subtype`; then there are no params. */
bool param_field_parse(struct span unfolded, bool with_subtype, struct arena *a, struct param_field *out);

/* Decoded to UTF-8: RFC 2231 (charset, language, continuations) before the plain form, in which encoded words are read. Empty when absent. */
struct span param_get(const struct param_field *field, struct span name, struct arena *a);

#endif
