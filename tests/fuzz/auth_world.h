/* fuzz/auth_world.h: auth over a real directory in a folder of its own, with bob@example.org, for the targets that prove who somebody is. */
#ifndef POSTROOM_TESTS_FUZZ_AUTH_WORLD_H
#define POSTROOM_TESTS_FUZZ_AUTH_WORLD_H

#include "daemon/auth/auth.h"
#include "daemon/directory/directory.h"

struct auth_world {
	struct auth *auth;
	struct directory *directory;
	uint64_t bob;
};

/* Made at the first call; removed when the process ends. */
const struct auth_world *auth_world(void);

#endif
