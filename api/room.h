/* api/room.h: the memory that JSON takes once it is read: many times its bytes, when these are many small values. Internal to api/.
 *
 * Bodies of ordinary operations have a ceiling each. Those of uploads share one, and keep their part while a job works on them.
 */
#ifndef POSTROOM_API_ROOM_H
#define POSTROOM_API_ROOM_H

#include "daemon/base/span.h"

#define ROOM_SHORT_MAX ((uint64_t)16 << 20)   /* of an ordinary body */
#define ROOM_SHARED_MAX ((uint64_t)384 << 20) /* of all uploads together */

/* What the values of a text will take, before it is read; rather too much than too little. */
uint64_t room_of_json(struct span text);

/* False: others have it. Give back with room_give_back(). */
bool room_take(uint64_t bytes) MUST_CHECK;
void room_give_back(uint64_t bytes);

#endif
