/* api/send.h: a message on its way from a request to the queue; internal to api/. */
#ifndef POSTROOM_API_SEND_H
#define POSTROOM_API_SEND_H

#include "api/call.h"
#include "daemon/mime/compose.h"
#include "daemon/queue/queue.h"

/* All in the call's arena. */
struct outgoing {
	struct queue_id id;
	char id_text[QUEUE_ID_TEXT];
	struct span hostname;
	struct address from;
	struct span from_text;     /* "local@domain" */
	struct span *recipients;   /* as they were given, each once */
	struct address *addresses; /* the same */
	size_t recipient_count, recipient_max;
	struct span *outside; /* of them for other servers */
	size_t outside_count;
	struct span message_id; /* without brackets */
	bool smtputf8, body_8bit;
};

/* One mailbox, "alice@example.org" or "Alice <alice@example.org>". False: answered 422 with the pointer. */
bool send_read_mailbox(struct api_call *c, struct span text, const char *pointer, struct compose_mailbox *out, struct address *address_out);
/* False: answered. */
bool send_add_recipient(struct api_call *c, struct outgoing *o, const struct compose_mailbox *m, const struct address *address);
/* May the caller write in the name of this address? Nothing is answered. */
bool send_may_use(struct api_call *c, const struct address *address);

/* From the body's fields. False: answered. */
bool send_read_structured(struct api_call *c, struct outgoing *o, struct compose *out);

/* From a message as it is: its header is checked and completed, `header` takes it. Recipients: of the header, unless there are some already. False: answered. */
bool send_read_raw(struct api_call *c, struct outgoing *o, struct span raw, struct buf *header, struct span *body_out);
/* Lines of the body to CRLF. ERR_SYNTAX: a lone CR or a NUL. */
enum err send_add_lines(struct span text, enum err (*add)(void *arg, struct span bytes), void *arg) MUST_CHECK;

#endif
