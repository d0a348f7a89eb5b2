/* imap/objectid.h: object ids (RFC 8474): a letter, the account, a dash, a number that the account gives once. */
#ifndef POSTROOM_IMAP_OBJECTID_H
#define POSTROOM_IMAP_OBJECTID_H

#include "daemon/base/buf.h"

enum objectid_kind {
	OBJECTID_MAILBOX, /* MAILBOXID, "F": its UIDVALIDITY, which no other mailbox of the account ever has, and which goes with it (RFC 8474 4) */
	OBJECTID_EMAIL,   /* EMAILID, "M": message_row.content */
	OBJECTID_THREAD,  /* THREADID, "T": message_row.thread */
};

#define OBJECTID_MAX 48
struct objectid {
	char text[OBJECTID_MAX]; /* NUL-terminated */
};
/* Without parentheses. */
struct objectid objectid_make(enum objectid_kind kind, uint64_t account_id, uint64_t number);

/* RFC 8474 7: 1*255(ALPHA / DIGIT / "_" / "-") */
bool objectid_is_one(struct span text);
/* The number of an id of this account, as SEARCH EMAILID gives it. ERR_NOT_FOUND: one that names nothing here. */
enum err objectid_parse(struct span text, enum objectid_kind kind, uint64_t account_id, uint64_t *number_out) MUST_CHECK;

#endif
