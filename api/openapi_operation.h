/* api/openapi_operation.h: the operations of the document, compiled. Internal to api/. */
#ifndef POSTROOM_API_OPENAPI_OPERATION_H
#define POSTROOM_API_OPENAPI_OPERATION_H

#include "api/operations.h"
#include "api/schema.h"

#define OPENAPI_ARGS_MAX 2
#define OPENAPI_TYPES_MAX 4

enum openapi_place { IN_PATH,
		     IN_QUERY,
		     IN_HEADER };

struct openapi_parameter {
	const char *name;
	enum openapi_place place;
	const struct schema *schema;
};

enum openapi_body { BODY_NONE,
		    BODY_JSON,     /* an object, checked against its schema */
		    BODY_UPLOAD }; /* another media type is among those it takes: to a file, the handler reads it */

struct openapi_operation {
	const struct json_t *source; /* null: no fragment has it */
	const struct openapi_parameter *parameters;
	size_t parameter_count;
	const struct schema *args[OPENAPI_ARGS_MAX]; /* of the path, in its order */
	size_t arg_count;
	enum openapi_body body;
	bool body_required;
	const struct schema *body_schema; /* of application/json; null: not taken */
	const struct schema *item;        /* what the answer 200 is, or is a page of; null: no JSON */
	const char *types[OPENAPI_TYPES_MAX];
	size_t type_count;
};

/* Fills out[OP_COUNT]. ERR_CORRUPT: an operation that operations.h does not know, another method or path than there, a schema or parameter that
 * is not right. What no fragment has stays empty. */
enum err openapi_operations_read(struct arena *a, const struct json_t *document, struct openapi_operation *out, struct note *why) MUST_CHECK;

const char *openapi_operation_name(enum operation op);

#endif
