/* store/files.c: names, links and folders.
 *
 * (1) A name is never used twice: 64 random bits, made with link(2) or O_EXCL.
 * (2) A row names a file only after the file's bytes and its name are durable; a name goes only after the row is gone.
 *     What a crash leaves between the two is a name without a row, which the sweep at opening removes.
 */
#include "daemon/store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/rng.h"

#define ARRIVING "tmp-"
#define ERASE_DEPTH_MAX 4 /* accounts/<id>/files/<name> is 2 */

static bool join(char out[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

	return n > 0 && n < PATH_MAX;
}

static enum err path_error(int error_number)
{
	return error_number == ENOENT ? ERR_NOT_FOUND : ERR_TEMP;
}

enum err files_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_OK;

	if (fd < 0)
		return ERR_TEMP;
	if (fsync(fd) != 0)
		e = ERR_TEMP;
	(void)close(fd);
	return e;
}

static enum err copy_bytes(int from, int to)
{
	char block[16384];
	ssize_t got;

	while ((got = read(from, block, sizeof(block))) != 0) {
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return ERR_TEMP;
		}
		for (ssize_t done = 0; done < got;) {
			ssize_t put = write(to, block + done, (size_t)(got - done));

			if (put < 0 && errno != EINTR)
				return ERR_TEMP;
			done += put > 0 ? put : 0;
		}
	}
	return fsync(to) == 0 ? ERR_OK : ERR_TEMP;
}

static enum err copy_file(const char *source, const char *target)
{
	int from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), to;
	enum err e;

	if (from < 0)
		return path_error(errno);
	to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0) {
		e = ERR_TEMP;
	} else {
		e = copy_bytes(from, to);
		if (close(to) != 0 && !e)
			e = ERR_TEMP;
		if (e)
			(void)unlink(target);
	}
	(void)close(from);
	return e;
}

enum err files_take(const char *files_dir, const char *source, uint64_t size, char name_out[FILES_NAME])
{
	char target[PATH_MAX];
	struct stat st;
	enum err e = ERR_OK;

	(void)snprintf(name_out, FILES_NAME, "%016" PRIx64, rng_u64());
	if (!join(target, files_dir, name_out))
		return ERR_LIMIT;
	if (link(source, target) != 0) {
		/* Another file system, too many links, or none allowed (protected_hardlinks). */
		e = errno == EXDEV || errno == EMLINK || errno == EPERM || errno == EOPNOTSUPP || errno == EACCES
			    ? copy_file(source, target)
			    : path_error(errno);
	}
	if (e)
		return e;
	if (stat(target, &st) != 0)
		e = ERR_TEMP;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != size)
		e = ERR_CORRUPT;
	if (e)
		(void)unlink(target);
	return e;
}

void files_remove(const char *files_dir, const char *name)
{
	char path[PATH_MAX];

	/* When it fails the name stays without a row, for the sweep. */
	if (join(path, files_dir, name))
		(void)unlink(path);
}

enum err files_arriving(const char *files_dir, struct arena *a, const char **path_out)
{
	struct span path = arena_printf(a, "%s/" ARRIVING "%016" PRIx64, files_dir, rng_u64());

	return path.ptr ? span_cstr(a, path, path_out) : ERR_LIMIT;
}

bool files_is_arriving(const char *files_dir, const char *path)
{
	struct span rest = span_str(path);

	if (!span_starts(rest, span_str(files_dir)))
		return false;
	return span_starts(span_skip(rest, strlen(files_dir)), SPAN("/" ARRIVING));
}

enum err files_each(const char *dir, enum err (*each)(void *arg, const char *name), void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	enum err e = ERR_OK;

	if (!d)
		return path_error(errno);
	while (!e) {
		errno = 0;
		entry = readdir(d);
		if (!entry) {
			e = errno ? ERR_TEMP : ERR_OK;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			e = each(arg, entry->d_name);
	}
	(void)closedir(d);
	return e;
}

static enum err sync_parent(const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (!slash)
		return files_sync(".");
	if (len == 0)
		return files_sync("/");
	if (len >= sizeof(parent))
		return ERR_LIMIT;
	memcpy(parent, path, len);
	parent[len] = '\0';
	return files_sync(parent);
}

enum err files_make_dir(const char *path, struct note *why)
{
	enum err e;

	if (mkdir(path, 0700) != 0 && errno != EEXIST) {
		note_set_errno(why, errno, "%s", path);
		return ERR_TEMP;
	}
	/* Also when it was there: whoever made it may have died before this. */
	e = sync_parent(path);
	if (e)
		note_set(why, "%s: the folder above cannot be synced", path);
	return e;
}

struct erasing {
	const char *dir;
	unsigned depth;
	struct note *why;
};

static enum err erase_one(void *arg, const char *name);

/* At most ERASE_DEPTH_MAX deep: the store makes no deeper tree. */
static enum err erase_inside(const char *path, unsigned depth, struct note *why)
{
	struct erasing erasing = { path, depth, why };

	if (depth > ERASE_DEPTH_MAX) {
		note_set(why, "%s: deeper than anything the store makes", path);
		return ERR_STATE;
	}
	return files_each(path, erase_one, &erasing);
}

static enum err erase_one(void *arg, const char *name)
{
	const struct erasing *erasing = arg;
	char path[PATH_MAX];
	struct stat st;
	bool is_dir;
	enum err e;

	if (!join(path, erasing->dir, name))
		return ERR_LIMIT;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? ERR_OK : ERR_TEMP;
	is_dir = S_ISDIR(st.st_mode);
	if (is_dir) {
		e = erase_inside(path, erasing->depth + 1, erasing->why);
		if (e)
			return e;
	}
	if ((is_dir ? rmdir(path) : unlink(path)) != 0) {
		note_set_errno(erasing->why, errno, "%s", path);
		return ERR_TEMP;
	}
	return ERR_OK;
}

enum err files_erase_tree(const char *path, struct note *why)
{
	enum err e = erase_inside(path, 0, why);

	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	if (rmdir(path) != 0) {
		note_set_errno(why, errno, "%s", path);
		return ERR_TEMP;
	}
	return sync_parent(path);
}
