/* mime/date.h: dates of messages (RFC 5322 3.3 with the obsolete forms) and of IMAP (RFC 9051 date-time). */
#ifndef POSTROOM_MIME_DATE_H
#define POSTROOM_MIME_DATE_H

#include "daemon/base/buf.h"

struct date {
	int64_t unix_ms;
	int offset_minutes; /* zone as written */
};

enum err date_parse_header(struct span in, struct date *out) MUST_CHECK;
/* "Sun, 22 Nov 2026 06:50:54 +0000" */
void date_write_header(int64_t unix_ms, struct buf *out);

/* "17-Jul-1996 02:44:25 -0700" without the quotes; ERR_SYNTAX, ERR_LIMIT outside the years 0001 to 9999. */
enum err date_parse_imap(struct span in, struct date *out) MUST_CHECK;
void date_write_imap(int64_t unix_ms, int offset_minutes, struct buf *out);

/* "1-Feb-1994" (SEARCH): days since 1970-01-01 as a calendar date. */
enum err date_parse_day(struct span in, int64_t *day_out) MUST_CHECK;
static inline int64_t date_day_of(int64_t unix_ms, int offset_minutes)
{
	int64_t s = (unix_ms - (unix_ms < 0 ? 999 : 0)) / 1000 + (int64_t)offset_minutes * 60;

	return s >= 0 ? s / 86400 : -((86399 - s) / 86400);
}

/* RFC 3339 5.6: "2026-11-22T06:50:54.123Z", "...+01:00"; what is finer than milliseconds is cut. ERR_SYNTAX, ERR_LIMIT outside the years 0001 to 9999. */
enum err date_parse_rfc3339(struct span in, int64_t *unix_ms_out) MUST_CHECK;
/* UTC with milliseconds, for the API. */
void date_write_rfc3339(int64_t unix_ms, struct buf *out);

#endif
