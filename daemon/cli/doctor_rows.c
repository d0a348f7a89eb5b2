/* cli/doctor_rows.c: the lines that doctor says. */
#include "daemon/cli/doctor_rows.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#define WORDS_MAX 2048

void doctor_say(struct doctor_rows *rows, enum doctor_verdict verdict, const char *check, const char *subject, const char *next, const char *format, ...)
{
	static const char *const names[] = { [DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_REPAIRED] = "repaired", [DOCTOR_BAD] = "bad" };
	char words[WORDS_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(words, sizeof words, format, args);
	va_end(args);
	rows->bad += verdict == DOCTOR_BAD || verdict == DOCTOR_REPAIRED;
	json_array_append_new(rows->list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "result", names[verdict], "check", check, "subject", subject, "words", words, "next", next ? next : ""));
}
