/* api/given.h: what was given and is not right; which fields are wanted. Internal to api/. */
#ifndef POSTROOM_API_GIVEN_H
#define POSTROOM_API_GIVEN_H

#include "api/call.h"

/* Rolls back and answers what a service said no to. A value that is not right, or whose domain is none that the caller reaches, is 422 with the field. */
void given_is_wrong(struct api_call *c, enum err e, const char *field, const struct note *why);
/* Null when before and after are the same: nothing to note. Then their values are let go. */
struct change *given_real_change(struct change *change);
/* The normal form of a domain's name, in the call's arena; one that is none stays as it is, and names nothing. */
struct span given_domain(struct api_call *c, struct span name);
/* Of an address or a pattern of addresses, with its domain in the normal form. */
struct span given_pattern(struct api_call *c, struct span pattern);
/* A next hop as the queue names it: a domain, or host:port. */
struct span given_hop(struct api_call *c, struct span name);
/* ERR_NOT_FOUND: the address is in no domain that the caller reaches. What is no address is found out later. */
enum err given_reaches(struct api_call *c, struct span address, struct note *why) MUST_CHECK;
/* Of an address in its normal form. */
struct span given_domain_of(struct span address);
/* Takes the fields out that ?fields= does not name. */
struct json_t *given_fields(struct api_call *c, struct json_t *item);
/* Holds `text` the needle, in any letter case? The needle as given_fold() makes it. */
struct span given_fold(struct api_call *c, struct span needle);
bool given_holds(struct span text, struct span needle);

#endif
