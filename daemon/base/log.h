/* base/log.h: one line per event: `level module event key=value ...` to standard error (journald reads it there).
 *
 * Never a password, token, SASL payload or message body. Values from outside pass log_quote().
 */
#ifndef POSTROOM_BASE_LOG_H
#define POSTROOM_BASE_LOG_H

#include "daemon/base/span.h"

enum log_level { LOG_DEBUG = 0,
		 LOG_INFO,
		 LOG_WARN,
		 LOG_ERROR };

/* "debug" "info" "warn" "error". */
enum err log_level_parse(struct span name, enum log_level *out) MUST_CHECK;
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* Writes the line in one write(2), with a time stamp when standard error is not the journal (JOURNAL_STREAM); lines over 2,000 bytes are cut. Thread-safe. */
void log_event(enum log_level level, const char *module, const char *event, const char *format, ...) PRINTF_LIKE(4, 5);

/* A value from outside, safe in a log line: in double quotes, control characters, quotes, backslashes and non-UTF-8 as \xNN, cut at 200 bytes.
 * Use within one full expression: log_event(..., "from=%s", log_quote(s).text). */
struct log_text {
	char text[256];
};
struct log_text log_quote(struct span s);

#endif
