/* auth/passkey_json.h: the client data of WebAuthn (section 5.8.1); for files of auth/ only. */
#ifndef POSTROOM_AUTH_PASSKEY_JSON_H
#define POSTROOM_AUTH_PASSKEY_JSON_H

#include "daemon/base/arena.h"

#define CLIENT_DATA_MAX 8192

struct client_data {
	struct span type, origin;
	struct span challenge; /* bytes */
	bool cross_origin;
};
/* ERR_SYNTAX: not that, or a member twice. ERR_LIMIT: longer than CLIENT_DATA_MAX. */
enum err client_data_read(struct span json, struct arena *arena, struct client_data *out) MUST_CHECK;

#endif
