/* directory/quota.c: the one rule of quotas, for what asks before mail is taken and for what clients file. */
#include "daemon/directory/quota.h"

#include "daemon/directory/setting.h"

void account_quota(const struct snapshot *s, const struct account *account, uint64_t *bytes_out, uint64_t *messages_out)
{
	*bytes_out = (uint64_t)(account->quota_bytes >= 0 ? account->quota_bytes : snapshot_number(s, SETTING_QUOTA_BYTES));
	*messages_out = (uint64_t)(account->quota_messages > 0 ? account->quota_messages : 0);
}

bool quota_is_passed(uint64_t limit, uint64_t used, uint64_t more)
{
	return limit && (more > limit || used > limit - more);
}
