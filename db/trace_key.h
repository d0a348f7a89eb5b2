/* db/trace_key.h: the numbers under which trace.db's indexes find texts; for files of db/ only. */
#ifndef POSTROOM_DB_TRACE_KEY_H
#define POSTROOM_DB_TRACE_KEY_H

#include "daemon/base/span.h"

/* Of a lower-case address: local part above, domain below, so that one local part in all domains is one range. 0 for "". */
int64_t trace_address_key(struct span address);
/* The range of "local@*". */
void trace_local_range(struct span local, int64_t *first_out, int64_t *last_out);
int64_t trace_domain_key(struct span domain);
/* What stands behind the last '@'. */
struct span trace_domain_of(struct span address);

/* A Message-ID is random: beside it in the index stands when it came, so that the pages in use are those of the last minutes. */
int64_t trace_message_key(struct span message_id, int64_t at_ms);
#define TRACE_MESSAGE_KEY_MS (1LL << 18) /* the time of one key */

#endif
