/* An auth room over a directory in a temporary folder, on a clock that moves only when told. */
#ifndef POSTROOM_TESTS_AUTH_PLACE_H
#define POSTROOM_TESTS_AUTH_PLACE_H

#include "daemon/auth/auth.h"
#include "daemon/base/clock.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"

#define PLACE_PASSWORD "correct horse"

struct place {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	struct auth *auth;
	uint64_t ann, bob; /* ann@example.test is the owner; bob@example.test has PLACE_PASSWORD */
	struct net_addr peer;
};

int place_begin(void **state);
int place_end(void **state);
/* A code of RFC 6238: `secret` as totp_begin() gave it, and as bytes. */
struct place_code {
	char text[7];
};
struct place_code place_code(struct span secret, int64_t real_ms);
struct place_code place_code_of_text(struct span base32, int64_t real_ms);
/* Closes all and opens it again: what is only in memory is gone. */
void place_restart(struct place *p);

#endif
