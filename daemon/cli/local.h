/* cli/local.h: verbs that work while the daemon is down: the same handlers, called here under the data folder's lock; internal to cli/. */
#ifndef POSTROOM_CLI_LOCAL_H
#define POSTROOM_CLI_LOCAL_H

#include "daemon/base/buf.h"
#include "daemon/ops/config.h"

/* `create`: makes folders and key where they are missing (setup). ERR_STATE: the daemon (or another command) holds the folder;
 * ERR_NOT_FOUND: never set up. Otherwise the API's answer. May give up root for the configured user. */
enum err local_request(const struct config *c, bool create, const char *method, struct span path, struct span body, int *status_out, struct buf *response, struct note *why) MUST_CHECK;

#endif
