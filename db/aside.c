/* db/aside.c: the file goes last: a crash in between must not leave its WAL beside a new file, which would take the frames for its own. */
#include "db/aside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/span.h"

static enum err move(const char *path, const char *end, struct note *why)
{
	char *from = NULL, *to = NULL;
	enum err e = ERR_OK;

	if (asprintf(&from, "%s%s", path, end) < 0)
		return ERR_TEMP;
	if (asprintf(&to, "%s.damaged%s", path, end) < 0) {
		free(from);
		return ERR_TEMP;
	}
	/* The newer damage is of more interest; its WAL must not be mixed with an older file. */
	if (rename(from, to) != 0 && (errno != ENOENT || (unlink(to) != 0 && errno != ENOENT))) {
		note_set_errno(why, errno, "%s", from);
		e = ERR_TEMP;
	}
	free(to);
	free(from);
	return e;
}

enum err db_put_aside(const char *path, struct note *why)
{
	static const char *const ends[] = { "-shm", "-wal", "" };
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]) && e == ERR_OK; i++)
		e = move(path, ends[i], why);
	return e;
}
