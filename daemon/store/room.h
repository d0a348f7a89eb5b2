/* store/room.h: how much an account may hold. Inside a write; for the files of store/ only. */
#ifndef POSTROOM_STORE_ROOM_H
#define POSTROOM_STORE_ROOM_H

#include "daemon/store/message.h"
#include "db/db.h"

/* ERR_LIMIT: with so much more there would be more than `room` has. Null, and 0 in it: no limit. What does not grow is never too much. */
enum err room_check(struct db *db, const struct store_room *room, int64_t more_bytes, int64_t more_messages) MUST_CHECK;

#endif
