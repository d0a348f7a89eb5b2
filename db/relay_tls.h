/* db/relay_tls.h: relay.db: how TLS went, a row a day. */
#ifndef POSTROOM_DB_RELAY_TLS_H
#define POSTROOM_DB_RELAY_TLS_H

#include "db/db.h"

struct db_tls_summary {
	int64_t day;
	struct span domain, policy_type, policy, mx;
	int64_t successes, failures;
};
struct db_tls_failure {
	int64_t day;
	struct span domain, policy_type, result_type, sending_ip, mx_host, mx_ip, reason;
	int64_t count;
};

/* The counts are added to what is there. */
enum err db_tls_add_summary(struct db *db, const struct db_tls_summary *row) MUST_CHECK;
enum err db_tls_add_failure(struct db *db, const struct db_tls_failure *row) MUST_CHECK;
/* At most `max` rows of each table that are of days before. *removed_out: how many. */
enum err db_tls_trim(struct db *db, int64_t before_day, int64_t max, int64_t *removed_out) MUST_CHECK;

/* The newest day up to `day` that has a summary. ERR_NOT_FOUND. */
enum err db_tls_day(struct db *db, int64_t day, int64_t *out) MUST_CHECK;
/* Those of a day, by domain, policy type and policy; `domain` empty: of those behind `after`; else its own. Until each() says false; its row lives during
 * the call. */
enum err db_tls_each_summary(struct db *db, int64_t day, struct span domain, struct span after, bool (*each)(void *arg, const struct db_tls_summary *row), void *arg) MUST_CHECK;
/* The most frequent first. */
enum err db_tls_each_failure(struct db *db, int64_t day, struct span domain, bool (*each)(void *arg, const struct db_tls_failure *row), void *arg) MUST_CHECK;

#endif
