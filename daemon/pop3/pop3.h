/* pop3/pop3.h: the POP3 service, as main.c sees it: it fills a struct service for a pool. */
#ifndef POSTROOM_POP3_POP3_H
#define POSTROOM_POP3_POP3_H

#include "daemon/net/session.h"

struct auth;
struct store;

struct pop3_config {
	struct auth *auth;
	struct store *store;
	bool may_starttls; /* the pool has a TLS store: STLS is offered where TLS is not on yet */
};

/* Everything in the configuration is borrowed for the service's life. */
enum err pop3_service_new(const struct pop3_config *config, struct service *out) MUST_CHECK;
void pop3_service_free(struct service *service); /* after the pool has stopped */

/* Ends the session of an account that was suspended, removed, or whose password changed. From any thread. */
void pop3_kick_account(const struct service *service, uint64_t account_id);

#endif
