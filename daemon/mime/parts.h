/* mime/parts.h: the parts of a message as a table of offsets: what it holds, how it is stored, and how IMAP's section numbers find a part. */
#ifndef POSTROOM_MIME_PARTS_H
#define POSTROOM_MIME_PARTS_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

#define MIME_MAX_DEPTH 100
#define MIME_MAX_PARTS 10000
#define MIME_MAX_PART_HEADER (64u * 1024u) /* kept of a part's header for parsing; the rest is counted, not read */
#define MIME_MAX_HEADER (256u * 1024u)
#define MIME_PREVIEW_CHARS 200 /* RFC 8970 3: no more may be sent */
#define MIME_REFS_MAX 100

enum mime_kind { MIME_LEAF,
		 MIME_MULTIPART,
		 MIME_MESSAGE /* message/rfc822 or message/global: one child */ };

/* Offsets count from the body of the store: the first byte behind the empty line of the top header. They stay true when the
 * top header is edited. The root's header is not in the body: its header_start is 0 and means nothing. */
struct mime_part {
	enum mime_kind kind;
	uint32_t parent;                    /* index; the root's is itself (0) */
	uint32_t first_child, next_sibling; /* 0: none */
	uint64_t header_start;              /* of the part's own MIME header (for a MIME_MESSAGE's child: the header of the embedded message) */
	uint64_t body_start, body_end;
	uint32_t header_lines, body_lines;
	struct span type, subtype;           /* as written, default "text" "plain" (in a digest: "message" "rfc822") */
	struct span charset, boundary, name; /* decoded parameters often wanted; empty: none */
	struct span encoding;                /* Content-Transfer-Encoding as written; empty: 7bit */
};

struct mime_message {
	struct mime_part *parts; /* [0] is the message itself */
	size_t count;
	uint64_t size_bytes;        /* all that was fed */
	bool has_nul;               /* NUL octets stand in it */
	uint64_t header_bytes;      /* of the top header, with its empty line */
	struct span envelope;       /* ready to be sent: RFC 9051 ENVELOPE "(...)" */
	struct span body_structure; /* ready to be sent: BODYSTRUCTURE "(...)" with extension data */
	struct span body;           /* ready to be sent: BODY "(...)" */
	struct span subject;        /* decoded, for lists and traces */
	struct span message_id;     /* as written, with < > */
	struct span from;           /* first address of From, "local@domain" */
	int64_t date_ms;            /* of Date; 0 when absent or unreadable */
	struct span preview;        /* RFC 8970: the first MIME_PREVIEW_CHARS characters of its text, blanks folded, UTF-8; empty: it has no text */
	struct span refs;           /* message-ids without < >, normal (RFC 5256 2.2), NUL behind each: References, else the first of In-Reply-To; at most MIME_REFS_MAX, the oldest and the newest kept */
};

/* The offset table for storing: versioned, compact; decode gives parts (spans in the arena) without the texts. ERR_CORRUPT. */
void mime_parts_encode(const struct mime_message *m, struct buf *out);
/* mime_message.has_nul, without decoding. */
bool mime_parts_has_nul(struct span stored);
enum err mime_parts_decode(struct span stored, struct arena *a, struct mime_message *out) MUST_CHECK;

/* The part that section "1.2.3" names (RFC 9051 6.4.5.1), numbers from 1; false when there is none. */
bool mime_part_find(const struct mime_message *m, const uint32_t *numbers, size_t count, uint32_t *index_out);

#endif
