/* imap/fetch.h: rendering one message for FETCH. */
#ifndef POSTROOM_IMAP_FETCH_H
#define POSTROOM_IMAP_FETCH_H

#include "daemon/imap/session.h"
#include "daemon/mime/message.h"

/* Where a row is in the middle of being sent: FETCH can pause between two items. */
struct fetch_row {
	bool begun;
	uint32_t uid;
	size_t item_at;
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
	struct out_file *file;     /* the body's, once opened */
	struct mime_message parts; /* once decoded */
	bool has_parts;
};
/* Writes " BODY[...] {n}..." of one section (without the leading space). In fetch_section.c. */
void fetch_section(struct fetch_source *src, const struct fetch_item *item, struct out *out);
void fetch_source_end(struct fetch_source *src);

#endif
