/* api/operation.h: method and path of an operation, for clients in this program. */
#ifndef POSTROOM_API_OPERATION_H
#define POSTROOM_API_OPERATION_H

#include <stdbool.h>

/* By operationId; {} in the path stands for one segment. False: there is no such operation. Text is static. */
bool operation_find(const char *id, const char **method_out, const char **path_out);

#endif
