/* webui/refusal.h: what the pump answers itself, without the library: a request that can't be read any further. The connection ends. */
#ifndef POSTROOM_WEBUI_REFUSAL_H
#define POSTROOM_WEBUI_REFUSAL_H

#include "daemon/base/buf.h"

enum refusal {
	REFUSAL_NONE,
	REFUSAL_BAD_REQUEST,
	REFUSAL_NOT_TLS,     /* plain HTTP on a TLS port */
	REFUSAL_NOT_ALLOWED, /* another user of the machine at the admin socket */
	REFUSAL_TIMEOUT,
	REFUSAL_BODY,
	REFUSAL_TARGET,
	REFUSAL_EXPECTATION,
	REFUSAL_MISDIRECTED,
	REFUSAL_HEAD,
	REFUSAL_CODING,
	REFUSAL_BUSY,
};
int refusal_status(enum refusal r);
/* Adds a whole response. */
void refusal_write(enum refusal r, struct span request_id, struct buf *out);

#endif
