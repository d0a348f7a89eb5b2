/* directory/quota.h: how much the mailboxes of an account may hold: its own limits, else what the settings say. */
#ifndef POSTROOM_DIRECTORY_QUOTA_H
#define POSTROOM_DIRECTORY_QUOTA_H

#include "daemon/directory/directory.h"

/* 0: no limit. */
void account_quota(const struct snapshot *s, const struct account *account, uint64_t *bytes_out, uint64_t *messages_out);
/* Is so much more than the limits allow, beside what is there? */
bool quota_is_passed(uint64_t limit, uint64_t used, uint64_t more);

#endif
