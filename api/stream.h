/* api/stream.h: an answer that goes on: server-sent events (HTML Living Standard 9.2). No thread belongs to one. */
#ifndef POSTROOM_API_STREAM_H
#define POSTROOM_API_STREAM_H

#include "daemon/base/buf.h"

struct api_stream;

#define STREAM_HEARTBEAT_MS 15000

/* Adds what is new, whole events only, at most about `max` bytes. ERR_STATE: over behind what was added (all that was asked for, or the session or token is gone). Memory and local disk only. */
enum err stream_read(struct api_stream *s, size_t max, struct buf *out) MUST_CHECK;
/* Adds a comment line; ERR_STATE when the caller's right has ended. Every STREAM_HEARTBEAT_MS of silence. */
enum err stream_heartbeat(struct api_stream *s, struct buf *out) MUST_CHECK;
/* news(arg) is called when stream_read() may have something; it must not block. Once, before the first read. */
void stream_on_news(struct api_stream *s, void (*news)(void *arg), void *arg);
void stream_free(struct api_stream **s); /* news() does not run when this returns */

#endif
