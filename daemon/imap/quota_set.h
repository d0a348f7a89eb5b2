/* imap/quota_set.h: SETQUOTA's part in the directory (RFC 9208 4.1.3): an administrator sets what an account may hold. */
#ifndef POSTROOM_IMAP_QUOTA_SET_H
#define POSTROOM_IMAP_QUOTA_SET_H

#include "daemon/net/addr.h"
#include "daemon/store/message.h"

struct directory;

/* By the rule that the API has, too. */
bool imap_quota_may(struct directory *d, uint64_t actor, uint64_t account_id);
/* Durable, with its entry in the audit; a limit of 0: none. ERR_DENIED: it does not manage that account; ERR_LIMIT: more than a quota can be;
 * ERR_STATE: another change of the directory is under way that can't be waited for. */
enum err imap_quota_set(struct directory *d, const struct net_addr *peer, uint64_t actor, uint64_t account_id, const struct store_room *limits) MUST_CHECK;

#endif
