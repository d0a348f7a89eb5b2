/* smtp/header.h: what a submitted header must say, and what is added to it (RFC 6409 section 8). */
#ifndef POSTROOM_SMTP_HEADER_H
#define POSTROOM_SMTP_HEADER_H

#include "daemon/smtp/state.h"

/* Writes the header with its empty line: Bcc left out; From (the envelope's sender), Date and Message-ID added where missing.
 * Another answer than NONE refuses the message: more than one From, and an address in From, Sender, Resent-From or Resent-Sender that the
 * account may not use (on SMTP_LOCAL: one of our domains that the uid may not use). */
enum smtp_reply_id smtp_header_prepare(const struct smtp_session *s, struct span header, struct buf *out);

/* On mx: without Return-Path, which final delivery alone writes (RFC 5321 4.4). */
enum smtp_reply_id smtp_header_clean(struct span header, struct buf *out);

#endif
