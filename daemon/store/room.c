/* store/room.c: the sum of all mailboxes beside what may be there. Only an account with a limit pays for the sum. */
#include "daemon/store/room.h"

#include "db/mail_mailbox.h"

static bool is_over(uint64_t limit, uint64_t used, int64_t more)
{
	return limit && more > 0 && ((uint64_t)more > limit || used > limit - (uint64_t)more);
}

enum err room_check(struct db *db, const struct store_room *room, int64_t more_bytes, int64_t more_messages)
{
	uint64_t bytes, messages;
	enum err e;

	if (!room || (!room->bytes && !room->messages))
		return ERR_OK;
	e = db_mailbox_sum(db, &bytes, &messages);
	if (e)
		return e;
	return is_over(room->bytes, bytes, more_bytes) || is_over(room->messages, messages, more_messages) ? ERR_LIMIT : ERR_OK;
}
