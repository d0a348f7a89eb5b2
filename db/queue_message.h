/* db/queue_message.h: the rows of queue.db: messages, their contents and recipients. Numbers of states and kinds are the queue's. */
#ifndef POSTROOM_DB_QUEUE_MESSAGE_H
#define POSTROOM_DB_QUEUE_MESSAGE_H

#include "daemon/base/arena.h"
#include "db/db.h"

#define QUEUE_ROW_ID 16

/* Bits of `flags`. */
enum { ROW_SMTPUTF8 = 1,
       ROW_8BIT = 2,
       ROW_BINARY = 4,
       ROW_REQUIRE_TLS = 8,
       ROW_COUNTED = 16 /* its recipients outside count against its account */ };

struct queue_row {
	uint8_t id[QUEUE_ROW_ID];
	int64_t accepted_ms, expires_ms;
	int64_t source, flags;
	uint64_t account_id, size;
	struct span reverse_path, subject;
	struct span body_file; /* name in queue/; empty: the body is in the content row */
	struct span envid;
	int64_t ret, priority;
	int64_t release_ms, deliver_by_ms, deliver_by;
};

struct queue_recipient_row {
	uint32_t n;
	int64_t kind, state;
	uint64_t account_id;
	struct span address;
	struct span original; /* empty: as address */
	uint32_t attempts;
	int64_t next_ms, last_ms;
	struct span reply, status;
	int64_t notify, hold, told_ms;
	struct span orcpt, route; /* may be empty */
	struct span reverse_path; /* ptr null: the message's */
};

/* All rows of one message; inside a transaction. */
enum err db_queue_insert(struct db *db, const struct queue_row *row, struct span head, struct span body, const struct queue_recipient_row *recipients, size_t count) MUST_CHECK;
/* state, attempts, next_ms, last_ms, told_ms, hold; reply and status when they are not empty. A row that is gone is no error, here and below. */
enum err db_queue_recipient_update(struct db *db, const uint8_t id[QUEUE_ROW_ID], const struct queue_recipient_row *recipient) MUST_CHECK;
/* What an operator decides of one recipient or message, and no attempt changes. */
enum err db_queue_recipient_route(struct db *db, const uint8_t id[QUEUE_ROW_ID], uint32_t n, struct span route) MUST_CHECK;
enum err db_queue_expire(struct db *db, const uint8_t id[QUEUE_ROW_ID], int64_t expires_ms) MUST_CHECK;
/* Gone with all that belongs to it. */
enum err db_queue_delete(struct db *db, const uint8_t id[QUEUE_ROW_ID]) MUST_CHECK;

/* Every recipient with its message, in order of ids and numbers; spans live for the call of `each`, which ends the scan with an error of its own. */
enum err db_queue_scan(struct db *db, enum err (*each)(void *arg, const struct queue_row *row, const struct queue_recipient_row *recipient), void *arg) MUST_CHECK;
/* The names of all body files. */
enum err db_queue_files(struct db *db, enum err (*each)(void *arg, struct span name), void *arg) MUST_CHECK;

/* In order of ids behind `after` (null: from the first). In the arena; ERR_LIMIT when it is full. */
enum err db_queue_page(struct db *db, const uint8_t *after, size_t limit, struct arena *a, struct queue_row **out, size_t *count_out) MUST_CHECK;
enum err db_queue_find(struct db *db, const uint8_t id[QUEUE_ROW_ID], struct arena *a, struct queue_row *out) MUST_CHECK;
enum err db_queue_recipients(struct db *db, const uint8_t id[QUEUE_ROW_ID], struct arena *a, struct queue_recipient_row **out, size_t *count_out) MUST_CHECK;
/* Head and inline body (empty when it is a file), handed to `take`; ERR_NOT_FOUND. */
enum err db_queue_content(struct db *db, const uint8_t id[QUEUE_ROW_ID], enum err (*take)(void *arg, struct span head, struct span body), void *arg) MUST_CHECK;

#endif
