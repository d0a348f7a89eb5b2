/* webui/request_id.h: the name of one request, in its answer, in the log and in the audit: "req_" and 128 random bits. */
#ifndef POSTROOM_WEBUI_REQUEST_ID_H
#define POSTROOM_WEBUI_REQUEST_ID_H

#include "daemon/base/span.h"

#define REQUEST_ID_LEN 36

struct request_id {
	char text[REQUEST_ID_LEN + 1];
};
struct request_id request_id_new(void);

#endif
