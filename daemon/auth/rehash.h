/* auth/rehash.h: storing passwords: hash and SCRAM keys; for files of auth/ only. auth_set_password() and auth_set_imported_hash() are here too. */
#ifndef POSTROOM_AUTH_REHASH_H
#define POSTROOM_AUTH_REHASH_H

#include "daemon/auth/credentials.h"

/* The password was proven by *c. An imported hash is replaced by ours, and SCRAM keys that are missing are made; *c is then what is stored
 * now (null: nothing). False: another hash stood there meanwhile. What cannot be written stays for the next time. */
bool rehash_when_wanted(struct auth *a, const struct credentials **c, struct span password);

#endif
