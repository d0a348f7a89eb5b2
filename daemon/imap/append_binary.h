/* imap/append_binary.h: parts that came with Content-Transfer-Encoding: binary in a literal8 (RFC 3516). For the append files of this folder. */
#ifndef POSTROOM_IMAP_APPEND_BINARY_H
#define POSTROOM_IMAP_APPEND_BINARY_H

#include "daemon/imap/append_message.h"

/* A sealed message with such parts becomes one where they are base64, sealed too; any other stays as it is. */
void append_binary_convert(struct imap_session *s, struct append_message **m);

#endif
