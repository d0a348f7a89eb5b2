/* db/trace_event.h: pages of events in trace.db, and how far their numbers are given away. */
#ifndef POSTROOM_DB_TRACE_EVENT_H
#define POSTROOM_DB_TRACE_EVENT_H

#include "daemon/base/buf.h"
#include "db/db.h"

struct trace_event_page {
	int64_t first_id, last_id, at_ms;
	struct span bytes;
};
enum err db_trace_event_add(struct db *db, const struct trace_event_page *page) MUST_CHECK;
/* The first page that ends behind `after_id`; bytes are added to `bytes`. ERR_NOT_FOUND: none. */
enum err db_trace_event_get(struct db *db, int64_t after_id, struct trace_event_page *out, struct buf *bytes) MUST_CHECK;

struct trace_event_span {
	int64_t first_id, last_id; /* 0: there are none */
	int64_t reserved;
	int64_t bytes;
};
enum err db_trace_event_span(struct db *db, struct trace_event_span *out) MUST_CHECK;
/* One transaction that survives a power cut. */
enum err db_trace_event_reserve(struct db *db, int64_t upto) MUST_CHECK;
/* The oldest page, when it ended before `before_ms` or `even_newer`. *bytes_out 0: it stays. */
enum err db_trace_event_trim(struct db *db, int64_t before_ms, bool even_newer, int64_t *bytes_out) MUST_CHECK;

#endif
