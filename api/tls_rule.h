/* api/tls_rule.h: what TLS destinations must have, as the handlers of /tls_rules, /export and /apply share it; internal to api/. */
#ifndef POSTROOM_API_TLS_RULE_H
#define POSTROOM_API_TLS_RULE_H

#include "api/call.h"

/* `brief`: without what a document leaves out. */
struct json_t *tls_rule_json(const struct tls_rule *rule, bool brief);
/* Mode and names of `from`, in the call's arena. */
struct tls_rule tls_rule_read(struct api_call *c, struct span domain, const struct json_t *from);

#endif
