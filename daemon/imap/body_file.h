/* imap/body_file.h: a message body on its way into the account's folder: what struct imap_service calls body_*. */
#ifndef POSTROOM_IMAP_BODY_FILE_H
#define POSTROOM_IMAP_BODY_FILE_H

#include "daemon/imap/session.h"

enum err body_file_begin(struct mailstore *m, struct arena *a, struct imap_body_file **out) MUST_CHECK;
enum err body_file_write(struct imap_body_file *f, struct span bytes) MUST_CHECK;
enum err body_file_seal(struct imap_body_file *f, const char **path_out) MUST_CHECK;
void body_file_end(struct imap_body_file **f, bool keep);
enum err body_file_read(const char *path, uint64_t offset, size_t length, struct buf *out) MUST_CHECK;

#endif
