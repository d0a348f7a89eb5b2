/* webui/unix_socket.c: binds the admin socket. */
#include "webui/unix_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool answers(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

enum err unix_socket_listen(const char *path, int *fd_out, struct note *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct span name = span_str(path);
	int fd;

	if (name.len >= sizeof at.sun_path) {
		note_set(why, "%s: too long for a socket", path);
		return ERR_LIMIT;
	}
	memcpy(at.sun_path, name.ptr, name.len);
	if (answers(&at)) {
		note_set(why, "%s: another daemon answers there", path);
		return ERR_EXISTS;
	}
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && chmod(path, 0660) == 0 && listen(fd, 64) == 0) {
		*fd_out = fd;
		return ERR_OK;
	}
	note_set_errno(why, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	return ERR_TEMP;
}
