/* base/err.c: words for what went wrong. */
#include "daemon/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void note_set(struct note *why, const char *format, ...)
{
	struct note made;
	va_list args;

	if (!why)
		return;
	/* Formatted aside: the arguments may include the old text ("%s: %s", what, why->text). */
	va_start(args, format);
	if (vsnprintf(made.text, sizeof made.text, format, args) < 0)
		made.text[0] = '\0';
	va_end(args);
	memcpy(why->text, made.text, strlen(made.text) + 1);
}

void note_set_errno(struct note *why, int error_number, const char *format, ...)
{
	char what[sizeof why->text];
	char reason[128];
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	if (vsnprintf(what, sizeof what, format, args) < 0)
		what[0] = '\0';
	va_end(args);
	note_set(why, "%s: %s", what, strerror_r(error_number, reason, sizeof reason));
}

const char *err_name(enum err e)
{
	switch (e) {
	case ERR_OK: return "ok";
	case ERR_SYNTAX: return "syntax";
	case ERR_STATE: return "wrong state";
	case ERR_DENIED: return "denied";
	case ERR_NOT_FOUND: return "not found";
	case ERR_EXISTS: return "exists";
	case ERR_LIMIT: return "limit";
	case ERR_TEMP: return "temporary failure";
	case ERR_CORRUPT: return "corrupt";
	}
	return "unknown";
}
