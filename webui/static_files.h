/* webui/static_files.h: what stands in static/, carried inside the binary. packaging/embed-static.sh writes the definitions. */
#ifndef POSTROOM_WEBUI_STATIC_FILES_H
#define POSTROOM_WEBUI_STATIC_FILES_H

#include <stddef.h>

struct static_file {
	const char *path; /* "/index.html" */
	const unsigned char *bytes;
	size_t length;
	const char *content_type;
	const char *etag; /* strong, with its quotes: made of the bytes */
};

/* In the order of strcmp() by path, for bsearch(). */
extern const struct static_file static_files[];
extern const size_t static_files_count;

#endif
