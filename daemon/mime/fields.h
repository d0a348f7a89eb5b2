/* mime/fields.h: the fields of a header that the structure and the envelope are made of, found in one pass. Internal to mime/. */
#ifndef POSTROOM_MIME_FIELDS_H
#define POSTROOM_MIME_FIELDS_H

#include "daemon/base/span.h"

enum field {
	FIELD_DATE,
	FIELD_SUBJECT,
	FIELD_FROM,
	FIELD_SENDER,
	FIELD_REPLY_TO,
	FIELD_TO,
	FIELD_CC,
	FIELD_BCC,
	FIELD_IN_REPLY_TO,
	FIELD_REFERENCES,
	FIELD_MESSAGE_ID,
	FIELD_CONTENT_TYPE,
	FIELD_CONTENT_ID,
	FIELD_CONTENT_DESCRIPTION,
	FIELD_CONTENT_TRANSFER_ENCODING,
	FIELD_CONTENT_MD5,
	FIELD_CONTENT_DISPOSITION,
	FIELD_CONTENT_LANGUAGE,
	FIELD_CONTENT_LOCATION,
	FIELD_COUNT
};

struct fields {
	struct span raw[FIELD_COUNT]; /* the first of each name, still folded; null pointer: absent */
};

void fields_read(struct span header, struct fields *out);

#endif
