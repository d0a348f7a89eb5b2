/* db/control_webhook.h: control.db: webhooks and their deliveries. */
#ifndef POSTROOM_DB_CONTROL_WEBHOOK_H
#define POSTROOM_DB_CONTROL_WEBHOOK_H

#include "db/db.h"

struct db_webhook {
	uint64_t id;
	struct span url, types, secret_sealed, old_secret_sealed;
	bool enabled, failing;
	int64_t created_ms;
	uint64_t last_event;
};
/* `id` and `failing` are not read; the secrets come with db_webhook_set_secrets(). ERR_LIMIT: there are `max`. */
enum err db_webhook_add(struct db *db, const struct db_webhook *w, int64_t max, uint64_t *id_out) MUST_CHECK;
/* ERR_NOT_FOUND, as all below that name one. */
enum err db_webhook_set(struct db *db, uint64_t id, struct span url, struct span types, bool enabled) MUST_CHECK;
enum err db_webhook_set_secrets(struct db *db, uint64_t id, struct span secret_sealed, struct span old_secret_sealed) MUST_CHECK;
enum err db_webhook_set_failing(struct db *db, uint64_t id, bool failing) MUST_CHECK;
enum err db_webhook_set_last_event(struct db *db, uint64_t id, uint64_t last_event) MUST_CHECK;
enum err db_webhook_remove(struct db *db, uint64_t id) MUST_CHECK;
/* By id, after `after_id`, at most `max`. Spans live during the call. */
enum err db_webhook_each(struct db *db, uint64_t after_id, int64_t max, enum err (*row)(void *arg, const struct db_webhook *w), void *arg) MUST_CHECK;

enum db_delivery_state { DB_DELIVERY_WAITING = 0,
			 DB_DELIVERY_DONE = 1,
			 DB_DELIVERY_GIVEN_UP = 2 };
struct db_delivery {
	uint64_t id, webhook, event;
	struct span subject, type, payload, last_error;
	int state, last_status;
	unsigned attempts;
	int64_t next_ms, last_ms;
};
enum err db_delivery_add(struct db *db, const struct db_delivery *d, uint64_t *id_out) MUST_CHECK;
/* After an attempt: state, attempts, next_ms, last_ms, last_status, last_error. Nothing when it is gone. */
enum err db_delivery_update(struct db *db, const struct db_delivery *d) MUST_CHECK;
/* Due at once again, whatever became of it; attempts from 0. */
enum err db_delivery_again(struct db *db, uint64_t webhook, uint64_t id, int64_t now_ms) MUST_CHECK;
/* Of one webhook, due by `now_ms`: of each subject the oldest that waits, and only if that is due. */
enum err db_delivery_due(struct db *db, uint64_t webhook, int64_t now_ms, int64_t max, enum err (*row)(void *arg, const struct db_delivery *d), void *arg) MUST_CHECK;
/* When the next one of an enabled webhook is due after `after_ms`. ERR_NOT_FOUND. */
enum err db_delivery_next(struct db *db, int64_t after_ms, int64_t *next_ms_out) MUST_CHECK;
enum err db_delivery_count_waiting(struct db *db, uint64_t webhook, int64_t max, int64_t *count_out) MUST_CHECK;
/* The newest first, below `before_id` (0: from the newest); state -1: any. Without payloads. */
enum err db_delivery_each(struct db *db, uint64_t webhook, int state, uint64_t before_id, int64_t max, enum err (*row)(void *arg, const struct db_delivery *d), void *arg) MUST_CHECK;
enum err db_delivery_find(struct db *db, uint64_t webhook, uint64_t id, enum err (*row)(void *arg, const struct db_delivery *d), void *arg) MUST_CHECK;
/* Finished ones from before, and those behind the newest `keep` of each webhook, at most `max` rows of either. */
enum err db_delivery_trim(struct db *db, int64_t before_ms, int64_t keep, int64_t max, int64_t *removed_out) MUST_CHECK;

#endif
