/* db/aside.h: a damaged file makes room for a new one. */
#ifndef POSTROOM_DB_ASIDE_H
#define POSTROOM_DB_ASIDE_H

#include "daemon/base/err.h"

/* PATH and its WAL become PATH.damaged; what an earlier damage left is replaced. No handle of this process may use the file afterwards. */
enum err db_put_aside(const char *path, struct note *why) MUST_CHECK;

#endif
