/* webui/negotiate.h: what a client takes: gzip or not (RFC 9110 12.5.3), and entity tags it knows (RFC 9110 13.1). Pure functions. */
#ifndef POSTROOM_WEBUI_NEGOTIATE_H
#define POSTROOM_WEBUI_NEGOTIATE_H

#include "daemon/base/arena.h"

/* Of a representation sent as gzip the tag ends so inside its quotes: another representation is another strong tag. */
#define ETAG_GZIP "~gz\""

bool accepts_gzip(struct span accept_encoding);
/* Is `etag`, quotes and all, in the list? Compared weakly, as If-None-Match wants; "*" has all. */
bool etags_have(struct span list, struct span etag);
/* The list as the resource knows it: without ETAG_GZIP. *had_out: there was one. */
struct span etags_plain(struct arena *a, struct span list, bool *had_out);
/* `etag` as that of its gzip form. */
struct span etag_gzip(struct arena *a, struct span etag);

#endif
