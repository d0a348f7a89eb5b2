/* webui/security.h: the response headers that every answer carries, the library's and the pump's own. */
#ifndef POSTROOM_WEBUI_SECURITY_H
#define POSTROOM_WEBUI_SECURITY_H

#include <stddef.h>

struct security_header {
	const char *name, *value;
};
extern const struct security_header security_headers[];
extern const size_t security_headers_count;

/* For TLS connections whose certificate somebody else has signed. With our self-signed one a browser that has noted it could not be told
 * "go on" any more, and the owner would be locked out of the page that repairs it. */
#define SECURITY_HSTS "max-age=31536000"

#endif
