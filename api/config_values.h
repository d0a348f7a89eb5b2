/* api/config_values.h: values of settings and relays as the API writes them, for /settings, /relays, /export and /apply; internal to api/. */
#ifndef POSTROOM_API_CONFIG_VALUES_H
#define POSTROOM_API_CONFIG_VALUES_H

#include "api/call.h"
#include "daemon/directory/setting.h"

/* By the setting's kind; `text` as it is stored. */
struct json_t *setting_value_json(enum setting which, struct span text);
/* As it is stored; the call's arena. */
struct span setting_value_text(struct api_call *c, const struct json_t *value);

const char *relay_tls_name(enum relay_tls tls);
enum relay_tls relay_tls_of(struct span name); /* of one that is none: RELAY_TLS_NONE */
/* "*", and the normal form of "example.net" and "@example.org"; the call's arena. */
struct span relay_name(struct api_call *c, struct span given);

#endif
