/* api/call.h: one request on its way through a handler; internal to api/. */
#ifndef POSTROOM_API_CALL_H
#define POSTROOM_API_CALL_H

#include "api/api.h"
#include "daemon/base/arena.h"

struct json_t;

#define CALL_MAX_ARGS 2
#define CALL_ARENA_MAX (32u * 1024u * 1024u)

struct api_call {
	const struct api_context *context;
	const struct api_request *request;
	struct api_response *response;
	struct arena arena;
	struct span args[CALL_MAX_ARGS]; /* what the path's {} held, percent-decoded */
	struct json_t *body;             /* an object when the route takes one; the call's */
};

/* A field of a request body. Strings and lists come as spans that live as long as the body. */
enum field_kind { FIELD_STRING,
		  FIELD_STRINGS,
		  FIELD_PORT,
		  FIELD_BOOL };
#define FIELD_STRINGS_MAX 1000
struct body_field {
	const char *name;
	enum field_kind kind;
	bool required;
	struct span *string;         /* FIELD_STRING */
	const struct span **strings; /* FIELD_STRINGS: array in the arena */
	size_t *strings_count;
	uint16_t *port;
	bool *boolean;
	bool *given; /* may be null: was the field there? */
};

/* Reads the body's fields; an unknown, missing or wrongly typed one is answered with 422 and its pointer: then false. */
bool call_read_body(struct api_call *c, const struct body_field *fields, size_t count);

/* ---- answers; each handler gives exactly one ---- */

void call_reply_json(struct api_call *c, int status, struct json_t **value); /* takes it; null: 500 */
void call_reply_empty(struct api_call *c);                                   /* 204 */
/* {"data": [...], "next_cursor": cursor or null}: takes the list; an empty cursor is null. */
void call_reply_list(struct api_call *c, struct json_t **list, struct span next_cursor);
/* RFC 9457. `code` is stable; `pointer` (may be null) names the field at fault. */
void call_reply_problem(struct api_call *c, int status, const char *code, const char *pointer, const char *format, ...) PRINTF_LIKE(5, 6);
/* What a service said no to: the status and code of `e`, with its words. */
void call_reply_error(struct api_call *c, enum err e, const struct note *why);

/* ---- values ---- */

struct json_t *json_span(struct span s);   /* a string; bytes that are not UTF-8 become U+FFFD */
struct json_t *json_time(int64_t unix_ms); /* RFC 3339; null for 0 */
struct json_t *json_spans(const struct span *list, size_t count);

#endif
