/* A directory in a folder of its own: example.test with Ann, its owner, and Bob. */
#ifndef POSTROOM_TESTS_UNIT_DIRECTORY_FIXTURE_H
#define POSTROOM_TESTS_UNIT_DIRECTORY_FIXTURE_H

#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"

struct fixture {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	uint64_t ann, bob;
};

int fixture_make(void **state);
int fixture_remove(void **state);
struct directory *fixture_open(struct fixture *f); /* another handle, as another process has */
/* Of the snapshot of now; 0: nobody. */
uint64_t fixture_find(struct directory *d, const char *login);

#endif
