/* cli/client.h: one request over the admin socket; internal to cli/. */
#ifndef POSTROOM_CLI_CLIENT_H
#define POSTROOM_CLI_CLIENT_H

#include "daemon/base/buf.h"

#define CLIENT_TIMEOUT_MS 60000

/* ERR_NOT_FOUND: nobody listens there (the daemon is down). ERR_DENIED: not our socket. ERR_TEMP: it did not answer properly. */
enum err client_request(const char *socket_path, const char *method, struct span path, struct span body, int *status_out, struct buf *response, struct note *why) MUST_CHECK;

#endif
