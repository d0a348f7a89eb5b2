/* imap/share_rate.c: a bucket for an account, whatever its sessions: a change of grants is a commit of the directory, an entry of the audit and a wake-up of
 * others, which no loop of one client may have all of. The table is bounded: of two accounts that meet in a slot the one that asks takes it over as it is,
 * so that nobody gets a new bucket by way of another account.
 */
#include "daemon/imap/share_rate.h"

#include <pthread.h>

#define SLOTS 4096

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static int64_t empty_ms[SLOTS];                                /* when all that was taken has come back */

bool share_rate_take(uint64_t account_id, int64_t now_ms)
{
	int64_t *slot = &empty_ms[account_id % SLOTS];
	bool may;

	pthread_mutex_lock(&slots_lock);
	if (*slot < now_ms)
		*slot = now_ms;
	may = *slot + SHARE_RATE_MS - now_ms <= (int64_t)SHARE_RATE_BURST * SHARE_RATE_MS;
	if (may)
		*slot += SHARE_RATE_MS;
	pthread_mutex_unlock(&slots_lock);
	return may;
}
