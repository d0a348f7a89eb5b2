/* api/openapi_rules.h: does the document say what the tables of this room do? Internal to api/. */
#ifndef POSTROOM_API_OPENAPI_RULES_H
#define POSTROOM_API_OPENAPI_RULES_H

#include "api/openapi_operation.h"

/* ERR_CORRUPT: an operation's roles, scope or demands are other than its policy's; an answer that its parameters make possible is not
 * documented, or the other way round. `operations` has OP_COUNT; those without a source are passed over. */
enum err openapi_rules_check(const struct openapi_operation *operations, struct note *why) MUST_CHECK;

#endif
