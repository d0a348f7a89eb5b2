/* imap/parse_metadata.h: names of entries, also where LIST has them (RFC 9590). */
#ifndef POSTROOM_IMAP_PARSE_METADATA_H
#define POSTROOM_IMAP_PARSE_METADATA_H

#include "daemon/imap/parse.h"

/* "(" entry *(SP entry) ")" */
enum err parse_metadata_entries(struct imap_parser *p, struct metadata_entry **out, size_t *count_out) MUST_CHECK;

#endif
