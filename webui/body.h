/* webui/body.h: a request's body on its way in: in memory, or (uploads) in a file without a name; internal to webui/. */
#ifndef POSTROOM_WEBUI_BODY_H
#define POSTROOM_WEBUI_BODY_H

#include "daemon/base/buf.h"

#define BODY_MEMORY_MAX (64u * 1024u * 1024u) /* of all bodies in memory together */
#define BODY_UPLOADS_MAX 4                    /* at once */

struct body {
	struct buf memory;
	int fd; /* -1: in memory */
	uint64_t size, max;
	uint64_t counted; /* of BODY_MEMORY_MAX */
	bool upload;      /* counted as one of BODY_UPLOADS_MAX */
	enum err state;   /* ERR_LIMIT: over max; ERR_TEMP: no memory to spare just now; ERR_STATE: no room on the disk */
};

void body_init(struct body *b);
/* `length` as announced; 0: not known. ERR_TEMP: too many at once; ERR_STATE: no room on the disk. May write: not where the library is. */
enum err body_begin(struct body *b, uint64_t length, uint64_t max, const char *upload_dir) MUST_CHECK;
void body_add(struct body *b, struct span part); /* latches into `state` */
/* The whole body has come: the file is at its start. */
void body_end(struct body *b);
void body_clear(struct body *b); /* erases what stood in memory */

#endif
