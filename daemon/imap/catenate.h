/* imap/catenate.h: what a URL of CATENATE names (RFC 4469), copied in pieces. For the append files of this folder. */
#ifndef POSTROOM_IMAP_CATENATE_H
#define POSTROOM_IMAP_CATENATE_H

#include "daemon/imap/append_message.h"

struct catenate;

/* Finds it. ERR_TEMP; anything else: the URL names nothing here. */
enum err catenate_begin(struct imap_session *s, struct span url, struct catenate **out) MUST_CHECK;

enum catenate_state { CATENATE_MORE, /* a turn is over: call again */
		      CATENATE_DONE,
		      CATENATE_FAILED };
enum catenate_state catenate_copy(struct imap_session *s, struct catenate *c, struct append_message *to);
void catenate_end(struct catenate **c);

#endif
