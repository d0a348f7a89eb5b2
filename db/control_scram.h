/* db/control_scram.h: control.db: salts and keys of SCRAM. */
#ifndef POSTROOM_DB_CONTROL_SCRAM_H
#define POSTROOM_DB_CONTROL_SCRAM_H

#include "daemon/base/buf.h"
#include "db/db.h"

/* Adds to both buffers; ERR_NOT_FOUND. `keys_sealed` may be empty. */
enum err db_scram_get(struct db *db, uint64_t account_id, struct buf *salt, unsigned *iterations_out, struct buf *keys_sealed) MUST_CHECK;
/* A row without keys; leaves one that is there as it is. */
enum err db_scram_add(struct db *db, uint64_t account_id, struct span salt, unsigned iterations) MUST_CHECK;
/* ERR_NOT_FOUND without a row. */
enum err db_scram_set_keys(struct db *db, uint64_t account_id, struct span keys_sealed) MUST_CHECK;

#endif
