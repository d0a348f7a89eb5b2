/* api/check.h: is the request what the document says? Internal to api/. */
#ifndef POSTROOM_API_CHECK_H
#define POSTROOM_API_CHECK_H

#include "api/call.h"

/* Decodes the path's arguments and reads the query. False: answered. */
bool check_target(struct api_call *c);
/* Reads the JSON body. False: answered. */
bool check_body(struct api_call *c);

#endif
