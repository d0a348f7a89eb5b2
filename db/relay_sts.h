/* db/relay_sts.h: relay.db: MTA-STS policies that hold. */
#ifndef POSTROOM_DB_RELAY_STS_H
#define POSTROOM_DB_RELAY_STS_H

#include "db/db.h"

struct db_relay_sts {
	struct span domain, id;
	int mode;
	struct span mx; /* patterns, lines */
	int64_t fetched_ms, expires_ms, failed_ms;
};

enum err db_relay_sts_put(struct db *db, const struct db_relay_sts *row) MUST_CHECK;
enum err db_relay_sts_trim(struct db *db, int64_t now_ms) MUST_CHECK;
/* Those that hold longest first, at most `max`; what `each` gets lives during the call. */
enum err db_relay_sts_each(struct db *db, int64_t now_ms, size_t max, void (*each)(void *arg, const struct db_relay_sts *row), void *arg) MUST_CHECK;

#endif
