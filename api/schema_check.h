/* api/schema_check.h: is this value what the schema says? All that is wrong with it, with pointers (RFC 6901). Internal to api/. */
#ifndef POSTROOM_API_SCHEMA_CHECK_H
#define POSTROOM_API_SCHEMA_CHECK_H

#include "api/schema.h"

#define SCHEMA_ERRORS_MAX 20
#define SCHEMA_DEPTH_MAX 32

struct schema_error {
	struct span pointer; /* "/targets/3"; of a query parameter or header: its name */
	const char *code;    /* static: "unknown_field", "missing_field", "wrong_type", "not_allowed_value", "too_short", "too_long", "too_small", "too_big",
				"too_few", "too_many", "duplicate", "bad_format", "read_only", "too_deep" */
	struct span detail;  /* words */
};

struct schema_errors {
	struct arena *arena; /* of pointers and words */
	struct schema_error list[SCHEMA_ERRORS_MAX];
	size_t count;
};

/* ERR_SYNTAX: errors->list has why (the first SCHEMA_ERRORS_MAX); ERR_TEMP: no memory for the words. */
enum err schema_check(const struct schema *s, const struct json_t *value, struct schema_errors *errors) MUST_CHECK;
/* The same for the text of a query's or header's value: "5", "true", "a,b". Adds errors under `name`, which is kept. */
enum err schema_check_text(const struct schema *s, struct span text, const char *name, struct schema_errors *errors) MUST_CHECK;
void schema_fail(struct schema_errors *errors, struct span pointer, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);

#endif
