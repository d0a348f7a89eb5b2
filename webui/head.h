/* webui/head.h: a request head (RFC 9112) checked before the library sees it, because it accepts two Content-Lengths, a
 * Content-Length with chunked, bare LF and two Hosts, and so would let one request be read as two.
 *
 * Pure function; the pump feeds it what has arrived.
 */
#ifndef POSTROOM_WEBUI_HEAD_H
#define POSTROOM_WEBUI_HEAD_H

#include "daemon/base/span.h"

#define HEAD_MAX_BYTES (16u * 1024u)
#define HEAD_MAX_FIELDS 100

struct head {
	struct span method, target;
	struct span host;
	bool http_11;
	size_t length;           /* of the head with its empty line */
	uint64_t content_length; /* 0: no body */
};

/* ERR_OK: complete and clean. ERR_STATE: not complete yet, no fault so far. ERR_SYNTAX: 400 (bare LF or CR, NUL, obs-fold, bad
 * field name, blank before ':', two Hosts or none, two Content-Lengths, bad Content-Length, Content-Length with Transfer-Encoding).
 * ERR_LIMIT: 431 (too long, too many fields). ERR_DENIED: 501 (Transfer-Encoding in a request). */
enum err head_check(struct span in, struct head *out) MUST_CHECK;

#endif
