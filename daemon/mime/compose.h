/* mime/compose.h: a message from its parts (RFC 5322, RFC 2045 to 2047, RFC 2231, RFC 2387). */
#ifndef POSTROOM_MIME_COMPOSE_H
#define POSTROOM_MIME_COMPOSE_H

#include "daemon/base/buf.h"

struct compose_mailbox {
	struct span name;    /* UTF-8; may be empty */
	struct span address; /* "local@domain" as address_write() has it; of Reply-To empty: none */
};
struct compose_field {
	struct span name, value; /* a name that is not one of ours; UTF-8 text */
};
struct compose_part {
	struct span content_type; /* "type/subtype" */
	struct span filename;     /* may be empty */
	struct span content_id;   /* not empty: shown within the HTML (RFC 2392) */
	struct span base64;       /* without line breaks, checked with compose_is_base64() */
};
struct compose {
	struct compose_mailbox from, reply_to;
	const struct compose_mailbox *to, *cc;
	size_t to_count, cc_count;
	struct span subject, text, html; /* UTF-8; null pointers: none */
	struct span message_id;          /* without angle brackets */
	int64_t date_ms;
	const struct compose_field *fields;
	size_t field_count;
	const struct compose_part *parts;
	size_t part_count;
};
/* Hands the bytes to `add`, piece by piece, and ends with its first error. ERR_TEMP: no memory. */
enum err compose_write(const struct compose *m, enum err (*add)(void *arg, struct span bytes), void *arg) MUST_CHECK;

bool compose_is_base64(struct span text);

#endif
