/* tests/unit/store/search_world.h: messages with real parts, their texts beside them, and the index made in steps. */
#ifndef POSTROOM_TESTS_STORE_SEARCH_WORLD_H
#define POSTROOM_TESTS_STORE_SEARCH_WORLD_H

#include "tests/unit/store/fixture.h"

#include "daemon/store/mailstore.h"
#include "daemon/store/search.h"

#define WORLD_MAX 20000

struct world {
	struct fixture *f;
	struct buf heads[WORLD_MAX], bodies[WORLD_MAX]; /* as SEARCH compares them; by content id */
	uint64_t count;                                 /* the last content id */
};
/* On the teardown's list of cmocka: fixture_setup() and this. */
int world_setup(void **state);
int world_teardown(void **state);

/* Files it in INBOX. Its texts are kept, too, unless it is too many. Returns the content id. */
uint64_t world_add(struct world *w, struct span head, struct span body);
/* The same for a text/plain message in UTF-8. */
uint64_t world_add_text(struct world *w, struct span subject, struct span text);

/* All that is not in search.db yet. */
void world_index(struct world *w);
/* One batch; how it went. */
enum err world_index_step(struct world *w, bool (*stop)(void *arg), void *arg, bool *more_out);

/* ERR_NOT_FOUND: the index does not know such keys. `key` is case-mapped here. */
enum err world_find(struct world *w, struct span key, unsigned where, struct search_hits **out);
enum search_verdict world_verdict(struct world *w, struct span key, unsigned where, uint64_t content);
/* By reading. */
bool world_has(struct world *w, struct span mapped_key, unsigned where, uint64_t content);

#endif
