/* store/renew.h: an account whose files are an older copy of what they were. */
#ifndef POSTROOM_STORE_RENEW_H
#define POSTROOM_STORE_RENEW_H

#include "daemon/store/store.h"

/* What programs have learnt of it since the copy was made must not be taken for what comes now: every mailbox gets a new UIDVALIDITY (RFC 9051 2.3.1.1), and
 * modseqs and ids (RFC 8474) leave out those that may have been given in the lost time; signed URLs (RFC 4467) of before open nothing. Messages keep their UIDs, EMAILIDs and UIDLs. Whoever
 * has a mailbox open sees it go, as if it were deleted. One commit; as often as one likes. ERR_LIMIT: no numbers are left. */
enum err store_renew(struct mailstore *m) MUST_CHECK;

#endif
