/* imap/quota.c: limits of accounts, as the directory has them. */
#include "daemon/imap/quota.h"

#include "daemon/directory/quota.h"

enum err imap_quota_read(struct directory *d, struct store *store, uint64_t account_id, struct store_room *limits_out, struct store_room *used_out)
{
	const struct snapshot *snapshot = directory_hold(d);
	const struct account *account = snapshot_account(snapshot, account_id);

	*limits_out = (struct store_room){ 0, 0 };
	if (used_out)
		*used_out = (struct store_room){ 0, 0 };
	if (account)
		account_quota(snapshot, account, &limits_out->bytes, &limits_out->messages);
	snapshot_release(&snapshot);
	if (!used_out || (!limits_out->bytes && !limits_out->messages))
		return ERR_OK;
	return store_usage(store, account_id, &used_out->bytes, &used_out->messages);
}

bool imap_room(struct imap_session *s, uint64_t owner, struct store_room *limits_out, struct store_room *used_out)
{
	enum err e = s->service->quota(s->ctx, owner, limits_out, used_out);

	return !e && (limits_out->bytes || limits_out->messages);
}
