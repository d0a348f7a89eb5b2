/* imap/body_file.c: APPEND's large bodies.
 *
 *   begin ──write...──▶ seal ──▶ the store syncs, links, and removes this name ──▶ end(keep)
 *     └── end(!keep): unlinked ◀──┘
 *
 * (1) The store is given a path only after seal; it makes the bytes durable itself (message_append_all).
 * (2) A file that was not kept is gone; one that a crash leaves has no row, and the store's start removes it.
 */
#include "daemon/imap/body_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct imap_body_file {
	const char *path; /* arena of the command */
	int fd;
};

enum err body_file_begin(struct mailstore *m, struct arena *a, struct imap_body_file **out)
{
	struct imap_body_file *f = calloc(1, sizeof *f);
	enum err e = f ? message_body_path(m, a, &f->path) : ERR_TEMP;

	if (!e) {
		f->fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (f->fd < 0)
			e = ERR_TEMP;
	}
	if (e) {
		free(f);
		return e;
	}
	*out = f;
	return ERR_OK;
}

enum err body_file_write(struct imap_body_file *f, struct span bytes)
{
	while (bytes.len) {
		ssize_t n = write(f->fd, bytes.ptr, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_TEMP;
		bytes = span_skip(bytes, (size_t)n);
	}
	return ERR_OK;
}

enum err body_file_seal(struct imap_body_file *f, const char **path_out)
{
	int fd = f->fd;

	*path_out = f->path;
	f->fd = -1; /* a MULTIAPPEND may have many */
	return close(fd) == 0 ? ERR_OK : ERR_TEMP;
}

void body_file_end(struct imap_body_file **file, bool keep)
{
	struct imap_body_file *f = *file;

	*file = NULL;
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	if (!keep)
		(void)unlink(f->path);
	free(f);
}

enum err body_file_read(const char *path, uint64_t offset, size_t length, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *to = fd < 0 ? NULL : buf_reserve(out, length);
	size_t done = 0;

	while (to && done < length) {
		ssize_t n = pread(fd, to + done, length - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	if (!to || done < length)
		return ERR_TEMP;
	buf_grew(out, done);
	return ERR_OK;
}
