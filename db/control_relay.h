/* db/control_relay.h: control.db: relay hosts. */
#ifndef POSTROOM_DB_CONTROL_RELAY_H
#define POSTROOM_DB_CONTROL_RELAY_H

#include "db/db.h"

struct db_relay {
	struct span domain, host;
	uint16_t port;
	int tls; /* 0 to 3 */
	struct span user, password_sealed;
};

enum err db_relay_set(struct db *db, const struct db_relay *relay) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_relay_remove(struct db *db, struct span domain) MUST_CHECK;
/* By domain; ends with the first error of `row`. Spans live during the call. */
enum err db_relay_each(struct db *db, enum err (*row)(void *arg, const struct db_relay *r), void *arg) MUST_CHECK;

#endif
