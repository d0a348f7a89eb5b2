/* imap/store_service.h: the part of struct imap_service that the store answers. */
#ifndef POSTROOM_IMAP_STORE_SERVICE_H
#define POSTROOM_IMAP_STORE_SERVICE_H

#include "daemon/imap/session.h"

/* The members that name a connection (account_*, watch, unwatch) are left null: glue.c and tests have their own. */
void imap_store_service(struct imap_service *out);

#endif
