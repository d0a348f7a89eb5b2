/* webui/exchange.h: one request from its line to its answer, between the library's thread and the api threads; internal to webui/. */
#ifndef POSTROOM_WEBUI_EXCHANGE_H
#define POSTROOM_WEBUI_EXCHANGE_H

#include "webui/request.h"

struct MHD_Connection;
struct exchange;
struct feeder;
struct pages;
struct workers;

/* What all exchanges of a server share. */
struct exchange_ground {
	const struct api_context *api; /* null: not set up */
	struct request_rules rules;
	struct pages *pages;
	struct workers *workers;
	struct feeder *feeder;
	_Atomic bool stopping; /* what still waits for an api thread is not begun */
};

/* All on the library's thread. Null: out of memory. */
struct exchange *exchange_new(struct exchange_ground *ground, const char *target);
void exchange_free(struct exchange **x);
/* The library's access handler: the head has come, then parts of the body, then its end. *size: bytes left unread. False: close. */
bool exchange_go_on(struct exchange *x, struct MHD_Connection *c, const char *method, struct span part, size_t *size);

#endif
