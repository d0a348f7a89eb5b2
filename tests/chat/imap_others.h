/* chat/imap_others.h: other accounts of an IMAP world, and what they grant: a control.db in its folder, made when it is first asked for. */
#ifndef POSTROOM_CHAT_IMAP_OTHERS_H
#define POSTROOM_CHAT_IMAP_OTHERS_H

#include "daemon/imap/share_service.h"

struct imap_others {
	struct directory *directory; /* null: there are no others */
	struct imap_shares shares;   /* of who is logged in */
};

/* For who has none: nothing is found, and nothing granted. */
void imap_others_none(struct imap_service *service);
/* The account and its domain; ids count from 1, in the order in which they are made. */
enum err imap_others_add(struct imap_others *o, const char *folder, struct imap_service *service, struct span address) MUST_CHECK;
enum err imap_others_suspend(struct imap_others *o, struct span address) MUST_CHECK;
/* "OWNER MAILBOX GRANTEE RIGHTS": "*" for all mailboxes, "anyone"; rights "-": none. */
enum err imap_others_grant(struct imap_others *o, struct store *store, struct span text) MUST_CHECK;
/* 0: nobody. */
uint64_t imap_others_id(const struct imap_others *o, struct span address);
void imap_others_end(struct imap_others *o);

#endif
