/* net/stream.h: blocking client streams with deadlines, for threads that may wait: relay, the command line. */
#ifndef POSTROOM_NET_STREAM_H
#define POSTROOM_NET_STREAM_H

#include "daemon/net/addr.h"
#include "daemon/net/tls.h"

struct stream;

#define STREAM_LINE_MAX 4096 /* with CRLF */

/* Every call gives up at its own timeout with ERR_TEMP; after any error the stream is only to be closed. */
enum err stream_connect(const struct net_addr *to, int64_t timeout_ms, struct stream **out, struct note *why) MUST_CHECK;
/* From that address of ours (its port is not used); NET_NONE: as the kernel chooses. ERR_NOT_FOUND: it is none of ours. */
enum err stream_connect_from(const struct net_addr *from, const struct net_addr *to, int64_t timeout_ms, struct stream **out, struct note *why) MUST_CHECK;
/* A unix socket. ERR_NOT_FOUND: nobody listens there; ERR_DENIED: not for us. */
enum err stream_connect_unix(const char *path, struct stream **out, struct note *why) MUST_CHECK;
/* *trouble_out (may be null): what it failed of. */
enum err stream_start_tls(struct stream *s, struct tls_client *client, const struct tls_expect *expect, int64_t timeout_ms, enum tls_trouble *trouble_out, struct note *why) MUST_CHECK;
bool stream_is_tls(const struct stream *s);
bool stream_is_verified(const struct stream *s);
/* False: the peer has closed it, or said something unasked, which can then be read. */
bool stream_is_quiet(struct stream *s);
const char *stream_tls_version(const struct stream *s);
/* A line without its CRLF (a bare LF ends one too: peers' replies); valid until the next call. ERR_LIMIT when too long, ERR_STATE at end of file. */
enum err stream_read_line(struct stream *s, int64_t timeout_ms, struct span *out, struct note *why) MUST_CHECK;
/* What has come, at least one byte, at most `size`. ERR_STATE at end of file. */
enum err stream_receive(struct stream *s, char *to, size_t size, size_t *count_out, int64_t timeout_ms, struct note *why) MUST_CHECK;
/* Bytes already buffered behind the last line: plaintext injected before STARTTLS. */
bool stream_has_buffered(const struct stream *s);
/* Buffered writing; flushed by stream_flush() and before reading. */
enum err stream_write(struct stream *s, struct span bytes, int64_t timeout_ms, struct note *why) MUST_CHECK;
enum err stream_flush(struct stream *s, int64_t timeout_ms, struct note *why) MUST_CHECK;
/* For the streams of the calling thread: while that descriptor is readable, whatever would have to wait gives up with ERR_TEMP. -1: none. */
void stream_thread_cancel(int event_fd);
bool stream_thread_is_cancelled(void);
struct net_addr stream_local(const struct stream *s);
void stream_close(struct stream **s);

#endif
