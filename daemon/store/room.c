/* store/room.c: the sum of all mailboxes beside what may be there. Only an account with a limit pays for the sum. */
#include "daemon/store/room.h"

#include "daemon/directory/quota.h"
#include "db/mail_mailbox.h"

enum err room_check(struct db *db, const struct store_room *room, int64_t more_bytes, int64_t more_messages)
{
	uint64_t bytes, messages;
	enum err e;

	if (!room || (!room->bytes && !room->messages))
		return ERR_OK;
	e = db_mailbox_sum(db, &bytes, &messages);
	if (e)
		return e;
	if (more_bytes > 0 && quota_is_passed(room->bytes, bytes, (uint64_t)more_bytes))
		return ERR_LIMIT;
	return more_messages > 0 && quota_is_passed(room->messages, messages, (uint64_t)more_messages) ? ERR_LIMIT : ERR_OK;
}
