/* smtp/room.h: is there room on the disk for more mail? */
#ifndef POSTROOM_SMTP_ROOM_H
#define POSTROOM_SMTP_ROOM_H

#include <stdatomic.h>

#include "daemon/base/span.h"

/* Looked at once a second at most, by one of those who ask. Zeroed: not looked at yet. */
struct room {
	_Atomic int64_t looked_ms;
	atomic_bool short_of_it;
};

/* True as well when nobody can tell: writing will. */
bool room_is_there(struct room *r, const char *dir, uint64_t need_bytes, int64_t now_mono_ms);

#endif
