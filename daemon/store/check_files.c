/* store/check_files.c: bodies that are files, and files that are nobody's body.
 *
 * (1) A file is linked before its row and removed behind it: a name without a row is garbage only when it stood there before the account was opened, since
 *     which its link (ctime) is not older than the opening. What the opening's sweep has left then is asked for once more, in a write, which no filing overlaps.
 *     Times of links are the wall clock's: once that was set back, a body that is being filed now looks older than the opening, and nothing is taken for garbage.
 * (2) What a failed commit of this process has left is younger than the opening, and stays for the sweep of the next one (filing.c).
 */
#include "daemon/store/check_files.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/store/files.h"
#include "db/mail_message.h"

#define LEFT_MAX 1000 /* of a check; the next one finds more */
#define NAMES_A_SLICE 500
#define CLOCK_DRIFT_MS 500 /* below what look_at_name() leaves between a link and the opening */

static bool path_of(const struct checking *c, struct span name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%.*s", c->m->files_dir, (int)name.len, name.ptr);

	return n > 0 && n < PATH_MAX;
}

/* The last byte, and the first: a disk that has lost the middle is found by who reads it. */
static bool can_read(const char *path, uint64_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char byte;
	bool can = fd >= 0;

	if (can && size)
		can = pread(fd, &byte, 1, 0) == 1 && pread(fd, &byte, 1, (off_t)size - 1) == 1;
	if (fd >= 0)
		(void)close(fd);
	return can;
}

enum check_fault check_file_look(struct checking *c, struct span name, uint64_t size)
{
	char path[PATH_MAX];
	struct stat st;

	if (!path_of(c, name, path) || lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return CHECK_FILE_MISSING;
	if ((uint64_t)st.st_size != size)
		return CHECK_FILE_SIZE;
	return can_read(path, size) ? CHECK_FAULT_COUNT : CHECK_FILE_UNREADABLE;
}

bool check_file_is_named(struct checking *c, const char *name)
{
	bool known = false;

	return db_content_has_file(c->db, span_str(name), &known) == ERR_OK && known;
}

static bool was_set_back(const struct mailstore *m)
{
	return clock_real_ms() - m->open_ms < clock_mono_ms() - m->open_mono_ms - CLOCK_DRIFT_MS;
}

struct left {
	struct checking *c;
	char (*names)[DB_CONTENT_FILE_MAX];
	size_t count, seen;
};

static enum err look_at_name(void *arg, const char *name)
{
	struct left *l = arg;
	char path[PATH_MAX];
	struct stat st;
	bool known = false;
	enum err e = db_content_has_file(l->c->db, span_str(name), &known);

	if (!e && ++l->seen % NAMES_A_SLICE == 0 && check_must_stop(l->c))
		e = ERR_STATE;
	if (e || known || l->count == LEFT_MAX || strlen(name) >= sizeof(*l->names))
		return e;
	if (path_of(l->c, span_str(name), path) && lstat(path, &st) == 0 && (int64_t)st.st_ctim.tv_sec * 1000 < l->c->m->open_ms - 1000)
		memcpy(l->names[l->count++], name, strlen(name) + 1);
	return ERR_OK;
}

static enum err remove_unnamed(struct db *db, struct check_repair *r)
{
	const char *name = r->arg;
	bool known = true;
	enum err e = db_content_has_file(db, span_str(name), &known);

	if (e || known || was_set_back(r->c->m))
		return e;
	files_remove(r->c->m->files_dir, name);
	r->is_done = true;
	return ERR_OK;
}

enum err check_files_left(struct checking *c)
{
	struct left l = { .c = c };
	enum err e = check_rest(c);

	if (e)
		return e;
	if (c->m->open_strays)
		check_tell(c, CHECK_FILE_LEFT, true, NULL, arena_printf(&c->scratch, "%zu removed when the account was opened", c->m->open_strays));
	c->m->open_strays = 0;
	if (was_set_back(c->m))
		return ERR_OK;
	l.names = arena_array(&c->scratch, LEFT_MAX, sizeof(*l.names));
	if (!l.names)
		return ERR_TEMP;
	e = files_each(c->m->files_dir, look_at_name, &l);
	for (size_t i = 0; i < l.count; i++) {
		bool removed = false;

		if (c->options->repairs)
			check_write(c, remove_unnamed, l.names[i], &removed);
		check_tell(c, CHECK_FILE_LEFT, removed, NULL, span_str(l.names[i]));
	}
	return e;
}
