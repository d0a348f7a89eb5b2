/* db/trace_search.h: rows of trace.db, looked for. Texts come in lower case; what a key finds is to be compared with its text. */
#ifndef POSTROOM_DB_TRACE_SEARCH_H
#define POSTROOM_DB_TRACE_SEARCH_H

#include "db/trace_message.h"

/* Where ids of recipient rows come from. */
enum trace_source {
	TRACE_BY_TIME,
	TRACE_BY_STATE, /* 1, 4, 5, 6 */
	TRACE_BY_ADDRESS,
	TRACE_BY_ORIGINAL,
	TRACE_BY_SENDER,
	TRACE_BY_LOCAL, /* "local": in any domain */
	TRACE_BY_ORIGINAL_LOCAL,
	TRACE_BY_SENDER_LOCAL,
	TRACE_BY_DOMAIN,
	TRACE_BY_ORIGINAL_DOMAIN,
	TRACE_BY_SENDER_DOMAIN,
};
struct trace_where {
	enum trace_source source;
	struct span text;
	int state;
	int64_t above_id; /* ids >= */
};
/* Ids under `below_id`, the highest first, at most `max`. ERR_LIMIT: too many fit to be put in order. */
enum err db_trace_candidates(struct db *db, const struct trace_where *where, int64_t below_id, size_t max, int64_t *ids_out, size_t *count_out) MUST_CHECK;

struct trace_found {
	struct trace_message_row message;
	struct trace_recipient_row recipient;
};
/* Spans live during the call. ERR_NOT_FOUND: trimmed meanwhile. */
enum err db_trace_row(struct db *db, int64_t id, void (*take)(void *arg, const struct trace_found *row), void *arg) MUST_CHECK;

/* Messages with this Message-ID, the newest first. */
enum err db_trace_by_message_id(struct db *db, struct span message_id, size_t max, int64_t *messages_out, size_t *count_out) MUST_CHECK;

/* Spans live during the call. */
enum err db_trace_message(struct db *db, int64_t message, void (*take)(void *arg, const struct trace_message_row *row), void *arg) MUST_CHECK;
enum err db_trace_recipients(struct db *db, int64_t message, size_t max, void (*take)(void *arg, const struct trace_recipient_row *row), void *arg) MUST_CHECK;
/* Attempts: id, attempts, last_ms, next_ms, host, tls, reply. */
enum err db_trace_steps(struct db *db, int64_t message, size_t max, void (*take)(void *arg, const struct trace_recipient_row *row), void *arg) MUST_CHECK;

#endif
