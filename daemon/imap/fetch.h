/* imap/fetch.h: rendering one message for FETCH. */
#ifndef POSTROOM_IMAP_FETCH_H
#define POSTROOM_IMAP_FETCH_H

#include "daemon/imap/session.h"
#include "daemon/mime/message.h"
#include "daemon/mime/transfer.h"

/* What a section holds: pieces of memory and of the body's file, never a copy. */
struct fetch_piece {
	struct span bytes; /* memory, or ptr null: */
	uint64_t offset;   /* a range of the file */
	uint64_t length;
};
struct fetch_content {
	struct arena *arena;
	struct fetch_piece *pieces;
	size_t count, room;
	uint64_t length;
	bool nil;             /* no such part, or it can't be read */
	struct span encoding; /* of a part's own content: how it is encoded; else empty */
};

/* An item that goes out changed and piece by piece: without its transfer encoding (BINARY), or without its NUL octets. It can pause anywhere: what it
 * reads from is kept in run.batch, so that it needs the message's row no more. */
struct fetch_stream {
	enum { STREAM_NONE,
	       STREAM_MEASURING,
	       STREAM_SENDING } phase;
	const struct fetch_item *item;
	struct fetch_content content;
	const char *path; /* of the body's file */
	struct transfer_decoder decoder;
	uint64_t read_at; /* in the content as stored */
	uint64_t size;    /* of what comes out, once measured */
	bool has_nul;     /* so does that */
	bool has_8bit;
	uint64_t skip, left;
};

/* Where a row is in the middle of being sent: FETCH can pause between two items, and within a stream. */
struct fetch_row {
	const struct fetch_item *items; /* null: those of the FETCH that runs */
	size_t item_count;
	bool begun;
	uint32_t uid;
	size_t item_at;
	bool unknown_encoding; /* BINARY of what can't be decoded (RFC 3516 4.3): it stays set */
	struct fetch_stream stream;
};

/* Renders what fits; true: the row is whole. `flags` are shown instead of the row's; `tell_flags`: though not asked for. */
bool fetch_render(struct imap_session *s, struct fetch_row *at, const struct message_row *row, uint32_t sequence, uint64_t flags, bool tell_flags,
		  struct out *out);
/* Ends the line of a row whose message went away while it was being sent. */
void fetch_abandon(struct imap_session *s, struct fetch_row *at, struct out *out);

/* A message while its sections are picked. */
struct fetch_source {
	struct imap_session *s;
	const struct message_row *row;
	struct fetch_row *at;      /* null: sections are taken as they are stored */
	struct out_file *file;     /* the body's, once opened */
	struct mime_message parts; /* once decoded */
	bool has_parts;
};
/* Writes "BODY[...] {n}..." of one section, and BINARY of what needs no decoding. In fetch_section.c. False: a stream was begun, which is not at its end. */
bool fetch_section(struct fetch_source *src, const struct fetch_item *item, struct out *out);
void fetch_source_end(struct fetch_source *src);
bool fetch_read_parts(struct fetch_source *src, struct arena *a);

/* In fetch_stream.c. False: it pauses; fetch_stream_run() goes on. */
bool fetch_stream_begin(struct fetch_source *src, const struct fetch_item *item, const struct fetch_content *c, struct out *out);
bool fetch_stream_run(struct imap_session *s, struct fetch_stream *st, struct out *out);

/* In fetch_preview.c: PREVIEW of RFC 8970, read from the message where it is not stored. */
void fetch_preview(struct fetch_source *src, struct out *out);

/* In fetch_plan.c. WANT_ bits. */
unsigned fetch_want(const struct fetch_item *items, size_t count);

/* In fetch_set.c. What of the set is in the view, made smaller by PARTIAL (RFC 9394). Ranges in run.arena. */
struct fetch_slice {
	struct uid_set uids, sequences; /* the same ranges */
};
enum err fetch_slice(struct imap_session *s, const struct uid_set *set, const struct imap_partial *partial, struct fetch_slice *out) MUST_CHECK;

#endif
