/* events/trace_pages.h: the events' part of trace.db. Not from the writer's thread of the trace. */
#ifndef POSTROOM_EVENTS_TRACE_PAGES_H
#define POSTROOM_EVENTS_TRACE_PAGES_H

#include "daemon/events/trace_state.h"
#include "db/trace_event.h"

enum err trace_pages_span(struct trace *t, struct trace_event_span *out) MUST_CHECK;
/* Survives a power cut. */
enum err trace_pages_reserve(struct trace *t, uint64_t upto) MUST_CHECK;
enum err trace_pages_add(struct trace *t, const struct trace_event_page *page) MUST_CHECK;
enum err trace_pages_get(struct trace *t, uint64_t after_id, struct trace_event_page *out, struct buf *bytes) MUST_CHECK;
/* The oldest page, see db_trace_event_trim(). */
enum err trace_pages_trim(struct trace *t, int64_t before_ms, bool even_newer, int64_t *bytes_out) MUST_CHECK;

#endif
