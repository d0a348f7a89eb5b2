/* db/control_job.h: control.db: jobs and the results of their items. Numbers of states are the API's. */
#ifndef POSTROOM_DB_CONTROL_JOB_H
#define POSTROOM_DB_CONTROL_JOB_H

#include "db/db.h"

struct db_job {
	uint64_t id, account_id;
	uint64_t token_id; /* with which it was asked for; 0: none */
	struct span operation, actor, detail;
	int64_t state, created_ms, finished_ms;
	uint64_t total, done, failed;
};
enum err db_job_add(struct db *db, const struct db_job *job, uint64_t *id_out) MUST_CHECK;
/* state, finished_ms, total, done, failed, detail. ERR_NOT_FOUND. */
enum err db_job_update(struct db *db, const struct db_job *job) MUST_CHECK;
enum err db_job_find(struct db *db, uint64_t id, enum err (*row)(void *arg, const struct db_job *job), void *arg) MUST_CHECK;

struct db_job_filter {
	bool of_account;               /* only account_id's */
	uint64_t account_id, token_id; /* token 0: any */
	int64_t state;                 /* -1: any */
};
/* Newest first, below `before_id` (0: from the newest), until `row` says an error, which is then returned. */
enum err db_job_each(struct db *db, const struct db_job_filter *f, uint64_t before_id, uint64_t limit, enum err (*row)(void *arg, const struct db_job *job), void *arg) MUST_CHECK;
/* Those in the states 0 and 1 go to `state`. */
enum err db_job_end_open(struct db *db, int64_t state, int64_t now_ms, struct span detail) MUST_CHECK;
/* Of those that are over, the newest `keep` stay; at most one goes at a time, with its items. */
enum err db_job_trim(struct db *db, uint64_t keep) MUST_CHECK;

struct db_job_item {
	uint64_t n; /* from 1 */
	int64_t status;
	struct span subject, code, detail;
};
enum err db_job_item_add(struct db *db, uint64_t job, const struct db_job_item *item) MUST_CHECK;
/* Behind `after_n`, in order; `failed_only`: status 400 and above. */
enum err db_job_item_each(struct db *db, uint64_t job, uint64_t after_n, uint64_t limit, bool failed_only, enum err (*row)(void *arg, const struct db_job_item *item), void *arg) MUST_CHECK;

#endif
