/* db/trace_message.h: rows of trace.db, written and trimmed. Addresses and Message-IDs come in lower case. */
#ifndef POSTROOM_DB_TRACE_MESSAGE_H
#define POSTROOM_DB_TRACE_MESSAGE_H

#include "db/db.h"

#define TRACE_QUEUE_ID 16
#define TRACE_RECIPIENT_BITS 14 /* of a row's id: the number of the recipient */
#define TRACE_MESSAGE_BITS 7    /* of a message's id below the milliseconds */

struct trace_message_row {
	int64_t id;
	struct span queue_id; /* 16 bytes; empty: refused */
	int direction;
	int64_t at_ms, connected_ms;
	uint64_t account_id, sid, size;
	struct span sender, message_id, peer, helo, tls, subject, given, reply;
};
struct trace_recipient_row {
	int64_t id;
	int state;
	unsigned attempts;
	int64_t last_ms, next_ms;
	struct span address, original, host, tls, reply; /* original: empty when it is the address */
};

enum err db_trace_insert_message(struct db *db, const struct trace_message_row *m) MUST_CHECK;
enum err db_trace_insert_recipient(struct db *db, const struct trace_recipient_row *r) MUST_CHECK;
/* The last turn of a recipient that is there: all but its addresses. ERR_NOT_FOUND. */
enum err db_trace_update_recipient(struct db *db, const struct trace_recipient_row *r) MUST_CHECK;
/* An attempt that was not the last. */
enum err db_trace_insert_step(struct db *db, const struct trace_recipient_row *r) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err db_trace_find(struct db *db, struct span queue_id, int64_t *message_out) MUST_CHECK;
/* The highest id of a message; 0: none. */
enum err db_trace_last(struct db *db, int64_t *message_out) MUST_CHECK;

/* The oldest messages whose time is under `before_ms` or over `after_ms` (a clock that was wrong), at most `max`. */
enum err db_trace_trim(struct db *db, int64_t before_ms, int64_t after_ms, size_t max, size_t *removed_out) MUST_CHECK;
/* Rows of what was refused at the door, and the oldest of them removed. */
enum err db_trace_count_state(struct db *db, int64_t *rejected_out) MUST_CHECK;
enum err db_trace_trim_rejected(struct db *db, size_t max, size_t *removed_out) MUST_CHECK;

#endif
