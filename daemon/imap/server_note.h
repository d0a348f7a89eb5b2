/* imap/server_note.h: what the server says of itself (RFC 5464 6.2.1): /shared/comment and /shared/admin, as the settings have them. */
#ifndef POSTROOM_IMAP_SERVER_NOTE_H
#define POSTROOM_IMAP_SERVER_NOTE_H

#include "daemon/base/arena.h"

struct directory;

/* For the service's `server_notes`. Without a setting the administrator is who gets mail to postmaster; ptr null: there is none, or no room. */
void imap_server_notes(struct directory *d, struct arena *a, struct span *comment_out, struct span *admin_out);

#endif
