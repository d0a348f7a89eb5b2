/* webui/chunked.h: a chunked body (RFC 9112 7.1) taken apart on the pump, so that the library gets clean chunks only: no extensions,
 * no trailers, nothing that two readers could understand in two ways. A pure state machine.
 */
#ifndef POSTROOM_WEBUI_CHUNKED_H
#define POSTROOM_WEBUI_CHUNKED_H

#include "daemon/base/span.h"

#define CHUNKED_DIGITS_MAX 16
#define CHUNKED_LINE_MAX 256        /* a chunk's size with its extensions */
#define CHUNKED_EXTENSIONS_MAX 4096 /* of all chunks together: they are read and thrown away */
#define CHUNKED_TRAILERS_MAX 4096

enum chunked_at {
	CHUNKED_SIZE,
	CHUNKED_EXTENSION,
	CHUNKED_SIZE_LF,
	CHUNKED_DATA,
	CHUNKED_DATA_CR,
	CHUNKED_DATA_LF,
	CHUNKED_TRAILER,
	CHUNKED_TRAILER_LF,
	CHUNKED_ENDED,
};

struct chunked {
	enum chunked_at at;
	uint64_t left;         /* of the chunk */
	unsigned digits, line; /* of the size line so far */
	unsigned trailer_line; /* bytes of the trailer line so far */
	size_t extensions, trailers;
};

/* One step over `in`: *used_out bytes are done with; *data_out (may be empty) is a part of the body among them.
 * ERR_STATE: goes on, more input or another step is needed. ERR_OK: the body has ended. ERR_SYNTAX, ERR_LIMIT: refuse. */
enum err chunked_step(struct chunked *c, struct span in, size_t *used_out, struct span *data_out) MUST_CHECK;

#endif
