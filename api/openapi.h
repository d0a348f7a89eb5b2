/* api/openapi.h: openapi.json, merged from openapi/ and compiled: what each operation takes. Internal to api/.
 *
 * The document is the single source: dispatch asks it about query and body, /openapi.json serves it, docs.html renders it, the contract
 * tests are made of it. Immutable after openapi_init(): no locks.
 */
#ifndef POSTROOM_API_OPENAPI_H
#define POSTROOM_API_OPENAPI_H

#include "api/openapi_operation.h"
#include "api/schema_check.h"

/* Once, before threads; again: nothing. ERR_CORRUPT: the document does not agree with itself or with the tables here: operations,
 * methods and paths both ways, roles, scopes (why says where). */
enum err openapi_init(struct note *why) MUST_CHECK;

struct span openapi_text(void); /* the merged document */
struct span openapi_etag(void); /* with its quotes */

enum openapi_body openapi_body(enum operation op);
bool openapi_body_required(enum operation op);
/* Is this media type (without parameters) among those that the body may have? */
bool openapi_takes_type(enum operation op, struct span essence);
/* All of them, as words; in the arena. */
struct span openapi_types(enum operation op, struct arena *a);

/* ---- query ---- */

struct query_value {
	const char *name; /* of the parameter, static */
	bool given;
	struct span text;        /* decoded; the documented default, or empty, when it was not given */
	int64_t number;          /* integer; boolean: 0 or 1; date-time: unix ms */
	const struct span *list; /* array: its members */
	size_t list_count;
};
struct query {
	struct query_value *values; /* one for each documented parameter */
	size_t count;
};
/* ERR_SYNTAX: errors say why (a malformed escape, an unknown parameter, one twice, a value that does not fit): 400. ERR_TEMP: no memory. */
enum err openapi_read_query(enum operation op, struct span text, struct arena *a, struct query *out, struct schema_errors *errors) MUST_CHECK;
const struct query_value *query_find(const struct query *q, const char *name); /* null: not documented */

/* ---- the rest of a request ---- */

/* ERR_SYNTAX: 422. */
enum err openapi_check_body(enum operation op, const struct json_t *body, struct schema_errors *errors) MUST_CHECK;
/* ERR_SYNTAX: 400. A header that the operation does not take is not looked at. */
enum err openapi_check_header(enum operation op, const char *name, struct span value, struct schema_errors *errors) MUST_CHECK;
/* Could the path's arguments (decoded) name something? False: 404. */
bool openapi_args_fit(enum operation op, const struct span *args);

/* ---- problems ---- */

/* Title and usual status of a problem's code, as documented; false: not documented. */
bool openapi_problem(const char *code, const char **title_out, int *status_out);

#endif
