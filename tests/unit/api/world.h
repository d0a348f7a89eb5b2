/* The API over a real directory, auth, store and a queue that stands still, in a folder of its own: example.org with Alice, its owner. */
#ifndef POSTROOM_TESTS_UNIT_API_WORLD_H
#define POSTROOM_TESTS_UNIT_API_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "daemon/auth/auth.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/queue/queue.h"
#include "daemon/store/store.h"

struct world {
	char dir[64], control[96], accounts[96], queue[96], bodies[96];
	struct seal_key key;
	struct api_context api;
	struct api_response response;
	json_t *json;                /* of the response; null: none */
	struct span if_match, token; /* of the next requests */
	struct api_request also;     /* the same: cookie, csrf, idempotency_key...; with a cookie, or a peer, nobody is local */
	uint64_t ended;              /* whose sessions were told to end last */
	unsigned reloads;            /* of certificates */
	char value[512];             /* what world_header(), world_text() gave last */
};

int world_make(void **state);
int world_remove(void **state);

int ask(struct world *w, const char *method, const char *path, const char *body); /* the status; as the local owner, or as who has the token */
int ask_type(struct world *w, const char *method, const char *path, const char *type, struct span body);
/* Of the response: a member, by a path like "data/0/address"; null: none. */
json_t *got(struct world *w, const char *path);
const char *got_text(struct world *w, const char *path);
long got_number(struct world *w, const char *path);
const char *world_header(struct world *w, const char *name);
/* An API token of an account, for world.token; the bytes live until the next one is made. */
struct span world_token(struct world *w, uint64_t account_id, const char *scope);
uint64_t world_user(struct world *w, const char *address);

#endif
