/* db/control_credential.h: control.db: what proves an account. */
#ifndef POSTROOM_DB_CONTROL_CREDENTIAL_H
#define POSTROOM_DB_CONTROL_CREDENTIAL_H

#include "daemon/base/arena.h"
#include "db/db.h"

/* `second_factor`: a confirmed TOTP secret or a passkey is there. ERR_NOT_FOUND. */
enum err db_credential_get(struct db *db, uint64_t account_id, struct arena *a, struct span *hash_out, bool *second_factor_out) MUST_CHECK;
/* Another form of the same password. ERR_NOT_FOUND: `old` is not its hash any more. */
enum err db_credential_rehash(struct db *db, uint64_t account_id, struct span old, struct span fresh) MUST_CHECK;

#endif
