/* base/encode.h: base64 (RFC 4648 section 4), base64url (section 5), base32 (section 6), hex. */
#ifndef POSTROOM_BASE_ENCODE_H
#define POSTROOM_BASE_ENCODE_H

#include "daemon/base/buf.h"

void base64_encode(struct span in, struct buf *out); /* padded, no line breaks */
/* Strict: the whole alphabet, right padding, no blanks, no bits left over; ERR_SYNTAX otherwise. ERR_LIMIT when out is full. */
enum err base64_decode(struct span in, struct buf *out) MUST_CHECK;

/* The other alphabet, without padding. Strict as base64_decode(): padding is refused too. */
void base64url_encode(struct span in, struct buf *out);
enum err base64url_decode(struct span in, struct buf *out) MUST_CHECK;

void base32_encode(struct span in, struct buf *out); /* upper case, without padding */

unsigned hex_digit(char c);                       /* its value; 16: it is none */
void hex_encode(struct span in, struct buf *out); /* lower case */
enum err hex_decode(struct span in, struct buf *out) MUST_CHECK;

#endif
