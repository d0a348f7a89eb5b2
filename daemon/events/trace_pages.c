/* events/trace_pages.c: pages of events beside the trace, in transactions of their own. */
#include "daemon/events/trace_pages.h"

#include "db/checkpointer.h"

enum err trace_pages_span(struct trace *t, struct trace_event_span *out)
{
	enum err e;

	pthread_mutex_lock(&t->reader_lock);
	e = db_trace_event_span(t->reader, out);
	pthread_mutex_unlock(&t->reader_lock);
	return e;
}

enum err trace_pages_reserve(struct trace *t, uint64_t upto)
{
	enum err e;

	pthread_mutex_lock(&t->writer_lock);
	e = db_trace_event_reserve(t->writer, (int64_t)upto);
	pthread_mutex_unlock(&t->writer_lock);
	return e;
}

enum err trace_pages_add(struct trace *t, const struct trace_event_page *page)
{
	enum err e;

	pthread_mutex_lock(&t->writer_lock);
	e = db_trace_event_add(t->writer, page);
	pthread_mutex_unlock(&t->writer_lock);
	if (!e)
		checkpointer_touch(t->config.checkpointer, t->path, &db_schema_trace, page->bytes.len / 8);
	return e;
}

enum err trace_pages_get(struct trace *t, uint64_t after_id, struct trace_event_page *out, struct buf *bytes)
{
	enum err e;

	pthread_mutex_lock(&t->reader_lock);
	e = db_trace_event_get(t->reader, (int64_t)after_id, out, bytes);
	pthread_mutex_unlock(&t->reader_lock);
	return e;
}

enum err trace_pages_trim(struct trace *t, int64_t before_ms, bool even_newer, int64_t *bytes_out)
{
	enum err e;

	pthread_mutex_lock(&t->writer_lock);
	e = db_trace_event_trim(t->writer, before_ms, even_newer, bytes_out);
	pthread_mutex_unlock(&t->writer_lock);
	return e;
}
