/* directory/grants.h: who may do what in whose mailboxes (RFC 4314). Rows of control.db, and one refcounted table of them in memory beside the snapshot,
 * made anew when grants change and not with every other change: a user may change the own ones at any time.
 */
#ifndef POSTROOM_DIRECTORY_GRANTS_H
#define POSTROOM_DIRECTORY_GRANTS_H

#include "daemon/directory/directory.h"

/* RFC 4314 2.1; stored numbers. */
enum {
	RIGHT_LOOKUP = 1 << 0,          /* l */
	RIGHT_READ = 1 << 1,            /* r */
	RIGHT_SEEN = 1 << 2,            /* s: keeps a \Seen of their own */
	RIGHT_WRITE = 1 << 3,           /* w: flags but \Seen and \Deleted */
	RIGHT_INSERT = 1 << 4,          /* i */
	RIGHT_POST = 1 << 5,            /* p: kept and shown; submission here asks for identities */
	RIGHT_CREATE = 1 << 6,          /* k */
	RIGHT_DELETE_MAILBOX = 1 << 7,  /* x */
	RIGHT_DELETE_MESSAGES = 1 << 8, /* t: \Deleted */
	RIGHT_EXPUNGE = 1 << 9,         /* e */
	RIGHT_ADMIN = 1 << 10,          /* a */
	RIGHT_ALL = (1 << 11) - 1,
};
#define GRANT_EVERY_MAILBOX 0
#define GRANTEE_ANYONE 0 /* whoever has an account in the owner's domain: other domains may be other people's */
#define GRANTS_PER_OWNER_MAX 10000

struct grant {
	uint64_t owner;   /* account */
	uint64_t mailbox; /* its id there; GRANT_EVERY_MAILBOX: those without a grant of their own for the grantee */
	uint64_t grantee; /* account; GRANTEE_ANYONE */
	unsigned rights;  /* 0: takes back what GRANT_EVERY_MAILBOX gives */
};

/* "lrswipkxtea" in the order of RFC 4314; `out` has room for 12. */
void rights_write(unsigned rights, char out[12]);
/* Any order; c and d of RFC 2086 stand for "kx" and "te" (RFC 4314 2.1.1). ERR_SYNTAX: another letter. */
enum err rights_parse(struct span text, unsigned *out) MUST_CHECK;

struct grants;
const struct grants *grants_hold(struct directory *d); /* never null; another pointer once something has changed */
void grants_release(const struct grants **g);

/* Another one after each change, as long as this process lives. */
uint64_t grants_version(const struct grants *g);

/* Sorted by mailbox, then grantee; lives as long as `g` is held. */
size_t grants_of(const struct grants *g, uint64_t owner, const struct grant **out);
/* Accounts, ascending, that grant this one anything; not itself. In the arena. */
enum err grants_owners(const struct grants *g, const struct snapshot *s, uint64_t account_id, struct arena *a, uint64_t **out, size_t *count_out) MUST_CHECK;
/* What an account may do there: all in its own; else what is granted to it and to anyone, together. 0: nothing, also where one of them is not there or disabled. */
unsigned grants_rights(const struct grants *g, const struct snapshot *s, uint64_t account_id, uint64_t owner, uint64_t mailbox);

/* Sets, replaces, or with rights 0 takes away (a row stays only where GRANT_EVERY_MAILBOX would give something). One durable transaction, or part of the open
 * batch. ERR_NOT_FOUND: no such account; ERR_STATE: to the owner; ERR_LIMIT: GRANTS_PER_OWNER_MAX. */
enum err directory_grant_set(struct directory *d, const struct grant *grant, struct note *why) MUST_CHECK;
/* The row itself: what is granted on all mailboxes, and to anyone, holds for the mailbox then. ERR_NOT_FOUND: there is none. */
enum err directory_grant_remove(struct directory *d, uint64_t owner, uint64_t mailbox, uint64_t grantee, struct note *why) MUST_CHECK;
/* Of a mailbox that is gone: costs nothing where it had none. */
enum err directory_grants_forget(struct directory *d, uint64_t owner, uint64_t mailbox, struct note *why) MUST_CHECK;
/* Of a mailbox just made: the same as its parent's (0: it has none above it, nothing to do). ERR_LIMIT as directory_grant_set. */
enum err directory_grants_inherit(struct directory *d, uint64_t owner, uint64_t parent, uint64_t mailbox, struct note *why) MUST_CHECK;

#endif
