/* base/err.h: what can go wrong, and words for the operator. */
#ifndef POSTROOM_BASE_ERR_H
#define POSTROOM_BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, first_at) __attribute__((format(printf, text_at, first_at)))

/* ERR_TEMP: nothing changed and trying again is sensible. */
enum err {
	ERR_OK = 0,
	ERR_SYNTAX, /* the bytes are not of the grammar */
	ERR_STATE,  /* right words at the wrong time */
	ERR_DENIED, /* not allowed to this one */
	ERR_NOT_FOUND,
	ERR_EXISTS,
	ERR_LIMIT, /* a ceiling was met */
	ERR_TEMP,
	ERR_CORRUPT, /* stored data breaks its own rules */
};

/* Words for the operator, filled where the cause is known, logged once by whoever decides what to do.
 * Never shown to a mail peer. A null `struct note *` is allowed everywhere. */
struct note {
	char text[256];
};

/* Replaces the text (cut to fit). Does nothing when `why` is null. */
void note_set(struct note *why, const char *format, ...) PRINTF_LIKE(2, 3);

/* Same, with ": <strerror(error_number)>" behind it. */
void note_set_errno(struct note *why, int error_number, const char *format, ...) PRINTF_LIKE(3, 4);

/* "not found", "temporary failure"...: for logs. Never null. */
const char *err_name(enum err e);

#endif
