/* api/routes.h: from method and path to an operation; internal to api/. */
#ifndef POSTROOM_API_ROUTES_H
#define POSTROOM_API_ROUTES_H

#include "api/call.h"

enum route_flags {
	ROUTE_RUNNING = 1,   /* needs the running daemon's parts: queue, store */
	ROUTE_UPLOAD = 2,    /* the body is long: it comes in a file */
	ROUTE_TRACE = 4,     /* needs the trace */
	ROUTE_EVENTS = 8,    /* needs the events */
	ROUTE_WEBHOOKS = 16, /* needs the sender of webhooks */
	ROUTE_RELAY = 32     /* needs the relay */
};

struct route {
	const char *name, *method, *path;
	void (*run)(struct api_call *c);
};
extern const struct route routes[OP_COUNT];

#define ROUTE_ALLOW_MAX 64 /* bytes of an Allow field */
/* What {} covered comes raw in args. False: nothing there; `allow` then says what the path takes, "" when there is no such path. */
bool routes_find(struct span method, struct span path, enum operation *out, struct span args[CALL_MAX_ARGS], char allow[ROUTE_ALLOW_MAX]);
unsigned route_flags(enum operation operation);

#endif
