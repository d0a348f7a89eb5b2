/* db/control_certificate.h: control.db: certificates and their sealed keys. */
#ifndef POSTROOM_DB_CONTROL_CERTIFICATE_H
#define POSTROOM_DB_CONTROL_CERTIFICATE_H

#include "db/db.h"

struct db_certificate {
	struct span name, chain_pem, key_sealed;
	int64_t updated_ms;
};

enum err db_certificate_set(struct db *db, const struct db_certificate *c) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_certificate_remove(struct db *db, struct span name) MUST_CHECK;
enum err db_certificate_count(struct db *db, size_t *out) MUST_CHECK;
/* By name; ends with the first error of `row`. Spans live during the call. */
enum err db_certificate_each(struct db *db, enum err (*row)(void *arg, const struct db_certificate *c), void *arg) MUST_CHECK;

#endif
