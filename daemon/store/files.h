/* store/files.h: bodies that are files: accounts/<id>/files/<16 hex digits>, immutable; tmp-<16 hex digits> while they arrive. */
#ifndef POSTROOM_STORE_FILES_H
#define POSTROOM_STORE_FILES_H

#include "daemon/base/arena.h"

#define FILES_NAME 17 /* with its NUL */

/* A second name for an fsynced file, or a copy where no link is possible (then fsynced). The name is durable after files_sync().
 * ERR_NOT_FOUND: no such source; ERR_CORRUPT: it has not the size. */
enum err files_take(const char *files_dir, const char *source, uint64_t size, char name_out[FILES_NAME]) MUST_CHECK;
enum err files_sync(const char *dir) MUST_CHECK;
void files_remove(const char *files_dir, const char *name);

/* A path for a file to come. */
enum err files_arriving(const char *files_dir, struct arena *a, const char **path_out) MUST_CHECK;
bool files_is_arriving(const char *files_dir, const char *path);

/* Each name in the folder but . and ..; stops when `each` fails. */
enum err files_each(const char *dir, enum err (*each)(void *arg, const char *name), void *arg) MUST_CHECK;

/* Makes the folder (0700) and its name durable, when it is missing. */
enum err files_make_dir(const char *path, struct note *why) MUST_CHECK;
/* Everything below and the folder itself. */
enum err files_erase_tree(const char *path, struct note *why) MUST_CHECK;

#endif
