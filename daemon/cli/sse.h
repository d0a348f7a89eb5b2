/* cli/sse.h: server-sent events (HTML Living Standard 9.2.6), as our server writes them; internal to cli/. */
#ifndef POSTROOM_CLI_SSE_H
#define POSTROOM_CLI_SSE_H

#include "daemon/base/buf.h"

struct sse {
	struct buf line, data;
	uint64_t id;   /* of the last event; 0: none yet */
	char type[64]; /* of the event that is being read */
};

struct sse_event {
	uint64_t id;
	const char *type;
	struct span data; /* without the last line end */
};

void sse_init(struct sse *s);
void sse_clear(struct sse *s);
/* Feeds bytes; calls on_event for each event that is whole. False: on_event said stop. A line or event that is too long is left out. */
bool sse_feed(struct sse *s, struct span in, bool (*on_event)(void *arg, const struct sse_event *e), void *arg);

#endif
