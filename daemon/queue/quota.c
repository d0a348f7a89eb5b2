/* queue/quota.c: quotas of accounts, asked before mail is taken.
 *
 * Who sends to many is told of one who has no room only where that one is all of a recipient: an alias of several, and a mailbox whose mail goes
 * on without a copy, are always taken.
 */
#include "daemon/queue/quota.h"

#include "daemon/directory/quota.h"
#include "daemon/queue/state.h"
#include "daemon/store/store.h"

#define STEPS_MAX 16 /* from alias to alias, as in route.c */
#define TARGET_MEMORY_MAX 8192u

/* Whose mailbox alone it is that an address leads to; null: nobody's, or not alone. */
static const struct account *find_only(const struct snapshot *s, const struct resolution *r)
{
	const struct account *found = NULL;
	struct resolution at = *r;
	struct address target;
	struct arena work;

	arena_init(&work, TARGET_MEMORY_MAX);
	for (int step = 0; step < STEPS_MAX && at.kind == RESOLVED_ALIAS && at.target_count == 1; step++) {
		arena_reset(&work);
		if (address_parse(at.targets[0], &work, &target) != ERR_OK)
			break;
		snapshot_resolve(s, &target, &at);
	}
	if (at.kind == RESOLVED_ACCOUNT && at.account && (at.account->forward_count == 0 || at.account->forward_keeps))
		found = at.account;
	arena_clear(&work);
	return found;
}

bool quota_is_over(struct queue *q, const struct snapshot *s, const struct resolution *r, uint64_t size)
{
	const struct account *account = find_only(s, r);
	uint64_t bytes, messages, used, count;

	if (!account || !q->config.store)
		return false;
	account_quota(s, account, &bytes, &messages);
	if (bytes == 0 && messages == 0)
		return false;
	/* A mailbox that cannot be read now is no full one: mail to it waits in the queue. */
	if (store_usage(q->config.store, account->id, &used, &count) != ERR_OK)
		return false;
	return quota_is_passed(messages, count, 1) || quota_is_passed(bytes, used, size);
}
