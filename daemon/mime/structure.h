/* mime/structure.h: BODY and BODYSTRUCTURE (RFC 9051 7.5.2). What a part's header says is written when the header has ended,
 * the whole is put together when sizes are known. Internal to mime/.
 */
#ifndef POSTROOM_MIME_STRUCTURE_H
#define POSTROOM_MIME_STRUCTURE_H

#include "daemon/mime/fields.h"
#include "daemon/mime/param.h"
#include "daemon/mime/parts.h"

#define STRUCTURE_MAX (1024u * 1024u) /* of BODYSTRUCTURE; past it the message is shown as one leaf */

/* Where in the text of all parts the pieces of one part end; each begins behind the one before, from `start` on:
 * "type" SP | "subtype" | SP params | SP id SP desc SP encoding | SP md5 | SP disposition SP language SP location */
struct part_text {
	uint32_t start, type_end, subtype_end, params_end, encoding_end, md5_end, end;
	uint32_t envelope, envelope_end; /* of a MIME_MESSAGE's child */
};

/* `type`: null when the header has none that can be read, and the part's type is a default. `scratch` is reset. */
void structure_add_part(const struct fields *fields, const struct mime_part *part, const struct param_field *type, struct arena *scratch,
			struct buf *text, struct part_text *out);

/* False when it would pass STRUCTURE_MAX. */
bool structure_write(const struct mime_part *parts, const struct part_text *texts, struct span text, bool extended, struct buf *out);

/* What is shown instead then. */
void structure_write_opaque(uint64_t size_bytes, bool extended, struct buf *out);

#endif
