/* cli/target.h: whom to ask: the daemon of this machine over its socket, or one elsewhere over https; internal to cli/. */
#ifndef POSTROOM_CLI_TARGET_H
#define POSTROOM_CLI_TARGET_H

#include "daemon/cli/arguments.h"
#include "daemon/net/stream.h"
#include "daemon/ops/config.h"

#define TARGET_TIMEOUT_MS 90000

struct target {
	struct config config; /* of the machine's own daemon; read only without --url */
	const char *socket_path;
	char host[256]; /* without --url empty */
	uint16_t port;
	struct buf token; /* secret */
	struct tls_client *tls;
};

/* ERR_SYNTAX: `why` says what is wrong with the configuration or --url, --token. *out is cleared already then. */
enum err target_find(const struct arguments *a, struct target *out, struct note *why) MUST_CHECK;
/* ERR_NOT_FOUND: nobody listens there (the daemon is down). ERR_DENIED: not our socket. ERR_TEMP: not reached, or not whom we asked for. */
enum err target_connect(const struct target *t, struct stream **out, struct note *why) MUST_CHECK;
void target_clear(struct target *t);

#endif
