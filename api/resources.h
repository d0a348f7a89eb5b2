/* api/resources.h: the handlers of the route table, one .c a resource; internal to api/. */
#ifndef POSTROOM_API_RESOURCES_H
#define POSTROOM_API_RESOURCES_H

#include "api/call.h"

void api_status_get(struct api_call *c);
void api_setup_post(struct api_call *c);

void api_domains_list(struct api_call *c);
void api_domains_add(struct api_call *c);
void api_domains_remove(struct api_call *c);

void api_users_list(struct api_call *c);
void api_users_add(struct api_call *c);
void api_users_change(struct api_call *c);
void api_users_password(struct api_call *c);
void api_users_remove(struct api_call *c);

void api_aliases_list(struct api_call *c);
void api_aliases_add(struct api_call *c);
void api_aliases_remove(struct api_call *c);

void api_relays_list(struct api_call *c);
void api_relays_set(struct api_call *c);
void api_relays_remove(struct api_call *c);

void api_queue_list(struct api_call *c);
void api_queue_get(struct api_call *c);
void api_queue_retry(struct api_call *c);
void api_queue_remove(struct api_call *c);

#endif
