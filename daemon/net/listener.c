/* net/listener.c: bound sockets, which listen when somebody is ready to accept. */
#include "daemon/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096 /* cut by net.core.somaxconn */

struct listener {
	int fd;
	struct net_addr addr;
	char *path; /* of a unix socket */
};

static enum err err_of(int error)
{
	if (error == EADDRINUSE)
		return ERR_EXISTS;
	if (error == EACCES || error == EPERM)
		return ERR_DENIED;
	return error == EADDRNOTAVAIL ? ERR_NOT_FOUND : ERR_TEMP;
}

/* Options of an accepted socket are those of its listener: said once here, not once a connection. */
static bool set_options(int fd, enum net_family family)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	       (family != NET_IPV6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
}

enum err listener_bind(const struct net_addr *at, struct listener **out, struct note *why)
{
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(at, &sa);
	struct listener *l;
	int fd = -1, error;

	if (len == 0) {
		note_set(why, "not an internet address");
		return ERR_SYNTAX;
	}
	l = malloc(sizeof(*l));
	if (!l)
		return ERR_TEMP;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || !set_options(fd, at->family) || bind(fd, (struct sockaddr *)&sa, len) != 0)
		goto failed;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		goto failed;
	*l = (struct listener){ .fd = fd, .addr = net_addr_from_sockaddr((struct sockaddr *)&sa) };
	*out = l;
	return ERR_OK;
failed:
	error = errno;
	note_set_errno(why, error, "cannot listen on %s", net_addr_text(at).text);
	if (fd >= 0)
		close(fd);
	free(l);
	return err_of(error);
}

static bool somebody_answers(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return yes;
}

enum err listener_bind_unix(const char *path, unsigned mode, struct listener **out, struct note *why)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct span name = span_str(path);
	struct listener *l;
	int error;

	if (name.len >= sizeof(at.sun_path)) {
		note_set(why, "%s: too long for a socket", path);
		return ERR_LIMIT;
	}
	memcpy(at.sun_path, name.ptr, name.len);
	if (somebody_answers(&at)) {
		note_set(why, "%s: another daemon answers there", path);
		return ERR_EXISTS;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return ERR_TEMP;
	unlink(path);
	*l = (struct listener){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .addr = { .family = NET_UNIX }, .path = strdup(path) };
	/* Deaf until it listens: nobody connects before the permissions are as they shall be. */
	if (l->path && l->fd >= 0 && bind(l->fd, (struct sockaddr *)&at, sizeof(at)) == 0 && chmod(path, mode) == 0) {
		*out = l;
		return ERR_OK;
	}
	error = errno;
	note_set_errno(why, error, "%s", path);
	listener_close(&l);
	*out = NULL;
	return err_of(error);
}

enum err listener_listen(struct listener *l, struct note *why)
{
	int error;

	if (listen(l->fd, BACKLOG) == 0)
		return ERR_OK;
	error = errno;
	note_set_errno(why, error, "cannot listen on %s", l->path ? l->path : net_addr_text(&l->addr).text);
	return err_of(error);
}

enum err listener_share(const struct listener *l, struct listener **out, struct note *why)
{
	struct listener *other = malloc(sizeof(*other));

	if (!other)
		return ERR_TEMP;
	*other = (struct listener){ .fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0), .addr = l->addr };
	if (other->fd >= 0) {
		*out = other;
		return ERR_OK;
	}
	note_set_errno(why, errno, "%s", net_addr_text(&l->addr).text);
	free(other);
	return ERR_TEMP;
}

struct net_addr listener_addr(const struct listener *l)
{
	return l->addr;
}

int listener_fd(const struct listener *l)
{
	return l->fd;
}

void listener_close(struct listener **l)
{
	struct listener *gone = *l;

	*l = NULL;
	if (!gone)
		return;
	if (gone->path)
		unlink(gone->path);
	if (gone->fd >= 0)
		close(gone->fd);
	free(gone->path);
	free(gone);
}
