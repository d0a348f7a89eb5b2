/* api/passkey_host.h: can browsers use passkeys here? And base64url in bodies; internal to api/. */
#ifndef POSTROOM_API_PASSKEY_HOST_H
#define POSTROOM_API_PASSKEY_HOST_H

#include "api/call.h"

/* The host name, to which passkeys are bound, in the arena. False: answered (409): the page was opened under another name, or the name's certificate
 * is one that browsers do not trust; WebAuthn works in secure contexts only. */
bool passkey_host(struct api_call *c, struct span *rp_id_out);
/* The bytes of a base64url field, in the arena. False: answered (422). */
bool passkey_bytes(struct api_call *c, const char *field, struct span *out);
/* base64url of bytes. */
struct json_t *passkey_text(struct span bytes);

#endif
