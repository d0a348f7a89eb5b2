/* api/resources.h: the handlers of the operations, one .c a resource; internal to api/. */
#ifndef POSTROOM_API_RESOURCES_H
#define POSTROOM_API_RESOURCES_H

#include "api/call.h"

#define OPERATION_HANDLER(name, method, path) void api_##name(struct api_call *c);
OPERATIONS(OPERATION_HANDLER)
#undef OPERATION_HANDLER

#endif
