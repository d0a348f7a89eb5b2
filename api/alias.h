/* api/alias.h: aliases as the handlers of /aliases share them. Internal to api/. */
#ifndef POSTROOM_API_ALIAS_H
#define POSTROOM_API_ALIAS_H

#include "api/call.h"

struct json_t *alias_json(const struct alias *a);
/* ERR_NOT_FOUND: none, or not in a domain that the caller reaches. */
enum err alias_find(const struct api_call *c, const struct snapshot *s, struct span address, const struct alias **out, struct note *why) MUST_CHECK;

struct alias_filter {
	struct span q, domain; /* q as given_fold() makes it; empty: any */
};
struct alias_filter alias_filter_of_query(struct api_call *c);
bool alias_fits(const struct api_call *c, const struct alias_filter *f, const struct alias *a);

#endif
