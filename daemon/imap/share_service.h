/* imap/share_service.h: the part of struct imap_service that the directory answers: what an account may in the mailboxes of others. */
#ifndef POSTROOM_IMAP_SHARE_SERVICE_H
#define POSTROOM_IMAP_SHARE_SERVICE_H

#include <stdatomic.h>

#include "daemon/imap/session.h"

/* The `shares` of an account that a session has opened. */
struct imap_shares {
	struct directory *directory;
	struct store *store;
	uint64_t account_id;
	struct events *events;      /* null (tests): nobody hears of changes */
	void (*changed)(void *arg); /* grants have: to be told to other sessions; null: nobody */
	void *arg;
	struct net_addr peer; /* of the session, for the audit */
	atomic_bool used;     /* it has been in another account: changes of grants concern it */
};

void imap_share_service(struct imap_service *out);

#endif
