/* mime/transfer.h: removing a content transfer encoding (RFC 2045 6) from content that comes in pieces of any size. */
#ifndef POSTROOM_MIME_TRANSFER_H
#define POSTROOM_MIME_TRANSFER_H

#include "daemon/base/buf.h"

struct transfer_decoder {
	enum transfer_kind { TRANSFER_AS_IS,
			     TRANSFER_BASE64,
			     TRANSFER_QUOTED } kind;
	uint32_t bits; /* of base64: not yet a byte */
	int have;
	enum transfer_place { AT_TEXT,
			      AT_EQUALS,
			      AT_DIGIT, /* behind "=" and `first` */
			      AT_BREAK /* behind "=" and blanks */ } place;
	char first;
	char blanks[80]; /* perhaps at the end of a line, where they are no text */
	size_t blank_count;
};

/* False: the encoding is not known. Empty is 7bit. */
bool transfer_decoder_init(struct transfer_decoder *d, struct span encoding);
/* What is no base64 is skipped; what is no quoted-printable is text. */
void transfer_decoder_feed(struct transfer_decoder *d, struct span in, struct buf *out);
void transfer_decoder_end(struct transfer_decoder *d, struct buf *out);

#endif
