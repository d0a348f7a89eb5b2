/* mime/message.h: a message parsed once, as it arrives: its MIME structure, and what IMAP sends of it.
 *
 * The parser takes header and content as received, in pieces of any size, holds no content, and never fails on odd mail:
 * depth and parts past the limits are leaves.
 *
 *   message_parser_begin ──▶ message_parser_feed ... ──▶ message_parser_finish
 */
#ifndef POSTROOM_MIME_MESSAGE_H
#define POSTROOM_MIME_MESSAGE_H

#include "daemon/mime/parts.h"

#define MIME_ARENA_BYTES (12u * 1024u * 1024u) /* the worst message; a usual one takes under 4 KiB */

struct message_parser;
enum err message_parser_begin(struct message_parser **out) MUST_CHECK; /* ERR_TEMP without memory */
void message_parser_feed(struct message_parser *p, struct span bytes);
/* Once, at the end. Results in the arena, which should have room for MIME_ARENA_BYTES; ERR_LIMIT when it is full, ERR_TEMP without memory. The parser stays to be ended. */
enum err message_parser_finish(struct message_parser *p, struct arena *a, struct mime_message *out) MUST_CHECK;
void message_parser_end(struct message_parser **p);

#endif
