/* cli/client.c: HTTP/1.1 over the unix socket: one request, then the server closes. */
#include "daemon/cli/client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static enum err open_socket(const char *path, int *fd_out, struct note *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = CLIENT_TIMEOUT_MS / 1000 };
	struct span name = span_str(path);
	int fd, error;

	if (name.len >= sizeof at.sun_path) {
		note_set(why, "%s: too long for a socket", path);
		return ERR_LIMIT;
	}
	memcpy(at.sun_path, name.ptr, name.len);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
		*fd_out = fd;
		return ERR_OK;
	}
	error = errno;
	note_set_errno(why, error, "%s", path);
	if (fd >= 0)
		close(fd);
	if (error == ENOENT || error == ECONNREFUSED)
		return ERR_NOT_FOUND;
	return error == EACCES || error == EPERM ? ERR_DENIED : ERR_TEMP;
}

static bool send_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes = span_skip(bytes, (size_t)sent);
	}
	return true;
}

static bool receive_all(int fd, struct buf *in)
{
	for (;;) {
		char *to = buf_reserve(in, 16384);
		ssize_t got = to ? recv(fd, to, 16384, 0) : -1;

		if (got < 0)
			return false;
		if (got == 0)
			return true;
		buf_grew(in, (size_t)got);
	}
}

/* "HTTP/1.1 200 ..." and the empty line; what follows is the body (the server closes behind it). */
static enum err split_response(struct buf *in, int *status_out)
{
	struct span head = buf_span(in), code = span_take(span_skip(head, 9), 3);
	uint64_t status;
	size_t end;

	if (!span_starts(head, SPAN("HTTP/1.1 ")) || span_to_u64(code, 999, &status) != ERR_OK || !span_find(head, SPAN("\r\n\r\n"), &end))
		return ERR_TEMP;
	*status_out = (int)status;
	buf_drop(in, end + 4);
	return ERR_OK;
}

enum err client_request(const char *socket_path, const char *method, struct span path, struct span body, int *status_out, struct buf *response, struct note *why)
{
	struct buf request;
	int fd;
	enum err e = open_socket(socket_path, &fd, why);

	if (e != ERR_OK)
		return e;
	buf_init(&request, 2u * 1024u * 1024u);
	buf_addf(&request, "%s %.*s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, (int)path.len, path.ptr);
	if (body.len > 0)
		buf_add_str(&request, "Content-Type: application/json\r\n");
	buf_addf(&request, "Content-Length: %zu\r\n\r\n", body.len);
	buf_add(&request, body);
	e = ERR_TEMP;
	if (!request.failed && send_all(fd, buf_span(&request)) && receive_all(fd, response))
		e = split_response(response, status_out);
	if (e != ERR_OK)
		note_set(why, "%s: the daemon did not answer", socket_path);
	close(fd);
	buf_wipe(&request);
	return e;
}
