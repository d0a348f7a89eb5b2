/* imap/server_note.c: see the header. */
#include "daemon/imap/server_note.h"

#include "daemon/directory/setting.h"

/* RFC 6068 2: what is neither unreserved nor one of the signs that an address has is percent-encoded. */
static struct span mail_url(struct span address, struct arena *a)
{
	struct buf url;
	struct span out;

	buf_init(&url, 8 + 3 * ADDRESS_MAX);
	buf_add_str(&url, "mailto:");
	for (size_t i = 0; i < address.len; i++) {
		const char c = address.ptr[i];

		if (ascii_is_alpha(c) || ascii_is_digit(c) || (c && memchr("-._~!$'*+@", c, 10)))
			buf_add_char(&url, c);
		else
			buf_addf(&url, "%%%02X", (unsigned)(unsigned char)c);
	}
	out = url.failed ? span_make(NULL, 0) : arena_copy(a, buf_span(&url));
	buf_clear(&url);
	return out;
}

void imap_server_notes(struct directory *d, struct arena *a, struct span *comment_out, struct span *admin_out)
{
	const struct snapshot *snapshot = directory_hold(d);
	const struct span comment = snapshot_text(snapshot, SETTING_SERVER_COMMENT), admin = snapshot_text(snapshot, SETTING_SERVER_ADMIN),
			  postmaster = snapshot_postmaster(snapshot);

	*comment_out = comment.len ? arena_copy(a, comment) : span_make(NULL, 0);
	*admin_out = admin.len ? arena_copy(a, admin) : postmaster.len ? mail_url(postmaster, a)
								       : span_make(NULL, 0);
	snapshot_release(&snapshot);
}
