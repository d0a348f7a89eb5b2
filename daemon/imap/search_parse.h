/* imap/search_parse.h: RETURN and the keys to sort by; shared by the parsers of SEARCH and SORT. */
#ifndef POSTROOM_IMAP_SEARCH_PARSE_H
#define POSTROOM_IMAP_SEARCH_PARSE_H

#include "daemon/imap/parse.h"

/* "RETURN (...) " when it stands there; `context` is what UPDATE and CONTEXT need. */
enum err search_parse_return(struct imap_parser *p, enum imap_capability context, struct search_return *out) MUST_CHECK;
/* "(REVERSE DATE SUBJECT)" */
enum err search_parse_program(struct imap_parser *p, struct sort_program *out) MUST_CHECK;

#endif
