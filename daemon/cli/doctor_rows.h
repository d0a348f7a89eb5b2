/* cli/doctor_rows.h: the lines that doctor says; internal to cli/. */
#ifndef POSTROOM_CLI_DOCTOR_ROWS_H
#define POSTROOM_CLI_DOCTOR_ROWS_H

#include "daemon/base/err.h"

struct json_t;

struct doctor_rows {
	struct json_t *list; /* [{"result", "check", "subject", "words", "next"}] */
	unsigned bad;
};
enum doctor_verdict { DOCTOR_OK,
		      DOCTOR_NOTE, /* to be known, and no fault */
		      DOCTOR_REPAIRED,
		      DOCTOR_BAD };
/* `next`: what to do about it; may be null. */
void doctor_say(struct doctor_rows *rows, enum doctor_verdict verdict, const char *check, const char *subject, const char *next, const char *format, ...) PRINTF_LIKE(6, 7);

#endif
