/* imap/quota.h: what an account may hold, and holds, for the commands that add to it or tell of it (RFC 9208). */
#ifndef POSTROOM_IMAP_QUOTA_H
#define POSTROOM_IMAP_QUOTA_H

#include "daemon/imap/session.h"

struct directory;
struct store;

/* For the service's `quota`. `used_out` may be null; without a limit nothing is read. */
enum err imap_quota_read(struct directory *d, struct store *store, uint64_t account_id, struct store_room *limits_out, struct store_room *used_out) MUST_CHECK;

/* False: no limit. A limit that can't be read now hinders nobody. `used_out` may be null. */
bool imap_room(struct imap_session *s, uint64_t owner, struct store_room *limits_out, struct store_room *used_out);

#endif
