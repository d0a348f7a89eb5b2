/* webui/unix_socket.h: the admin socket's file; internal to webui/. */
#ifndef POSTROOM_WEBUI_UNIX_SOCKET_H
#define POSTROOM_WEBUI_UNIX_SOCKET_H

#include "daemon/base/span.h"

/* Listening, non-blocking, mode 0660. A file left by a dead process is replaced; one that answers is ERR_EXISTS. */
enum err unix_socket_listen(const char *path, int *fd_out, struct note *why) MUST_CHECK;

#endif
