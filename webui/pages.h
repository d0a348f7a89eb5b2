/* webui/pages.h: what is answered without the API: static files, /healthz and /readyz, the way from http to https; internal to webui/. */
#ifndef POSTROOM_WEBUI_PAGES_H
#define POSTROOM_WEBUI_PAGES_H

#include "webui/answer.h"

struct pages;

/* Compresses the static files once. `api` null: not set up. */
enum err pages_new(const struct api_context *api, uint16_t https_port, struct pages **out) MUST_CHECK;
void pages_free(struct pages **p);

/* True: answered here. False: it is the API's. */
bool pages_answer(const struct pages *p, struct request *r, struct answer *out);

#endif
