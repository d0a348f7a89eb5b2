/* imap/imap.h: the IMAP service, as main.c sees it: it fills a struct service for a pool. */
#ifndef POSTROOM_IMAP_IMAP_H
#define POSTROOM_IMAP_IMAP_H

#include "daemon/net/session.h"

struct auth;
struct directory;
struct events;
struct store;

struct imap_config {
	struct directory *directory;
	struct auth *auth;
	struct store *store;
	struct events *events; /* null (tests): changes of grants raise none */
	bool may_starttls;     /* the pool has a TLS store: STARTTLS is offered where TLS is not on yet */
};

/* Everything in the configuration is borrowed for the service's life. */
enum err imap_service_new(const struct imap_config *config, struct service *out) MUST_CHECK;
void imap_service_free(struct service *service); /* after the pool has stopped */

/* Ends the sessions of an account that was suspended, removed, or whose password changed. From any thread. */
void imap_kick_account(const struct service *service, uint64_t account_id);

/* Grants have changed, or an account that grants something was suspended or removed: sessions in mailboxes of others look again. From any thread. */
void imap_grants_changed(const struct service *service);

#endif
