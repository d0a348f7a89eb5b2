/* relay/convert.h: a message with 8-bit text or binary made one that a server without 8BITMIME or BINARYMIME can take (RFC 6152 section 3, RFC 3030 section 3).
 *
 * Leaf parts are written as quoted-printable or base64 and keep their bytes; the structure stays. Read as often as needed, never held: 50 MiB take
 * no more memory than the table of parts.
 */
#ifndef POSTROOM_RELAY_CONVERT_H
#define POSTROOM_RELAY_CONVERT_H

#include "daemon/base/span.h"

struct convert;

struct convert_source {
	/* As relay_job. */
	enum err (*read)(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out);
	void *arg;
};

/* keep_8bit: the server takes 8-bit lines, only binary is in the way. any_length: lines of more than 998 bytes are, too.
 * ERR_OK with *out null: there is nothing to convert. ERR_SYNTAX: it can't be converted; `why` says what stands in the way. Else what read() said,
 * or ERR_TEMP without memory. */
enum err convert_begin(const struct convert_source *from, bool keep_8bit, bool any_length, struct convert **out, struct note *why) MUST_CHECK;
/* How many bytes come of it. */
enum err convert_size(struct convert *c, uint64_t *out) MUST_CHECK;
/* All of it, in pieces. What read() or write() said. */
enum err convert_write(struct convert *c, enum err (*write)(void *arg, struct span bytes), void *arg) MUST_CHECK;
void convert_end(struct convert **c);

#endif
