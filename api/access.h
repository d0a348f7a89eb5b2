/* api/access.h: who calls, and may they? Internal to api/. */
#ifndef POSTROOM_API_ACCESS_H
#define POSTROOM_API_ACCESS_H

#include "api/call.h"

/* Fills in c->caller: socket, token or cookie. False: answered (401 for a token that is none, 429 for one who guesses). */
bool access_identify(struct api_call *c);
/* The policy table, CSRF, step-up. False: answered. */
bool access_judge(struct api_call *c);

#endif
