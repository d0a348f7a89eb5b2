/* directory/directory.h: domains, accounts, addresses, aliases, relays and settings as one refcounted snapshot in memory.
 *
 * control.db is the truth; every write here commits there first, then a new snapshot replaces the old one. Readers hold a
 * reference and never wait. Names are normal: domains as lower-case A-labels, local parts compared without case (ASCII) or,
 * where they have non-ASCII, by NFC and case folding.
 */
#ifndef POSTROOM_DIRECTORY_DIRECTORY_H
#define POSTROOM_DIRECTORY_DIRECTORY_H

#include "daemon/mime/address.h"

struct seal_key;
struct checkpointer;

enum role { ROLE_USER = 0,
	    ROLE_OWNER = 1 };

struct account {
	uint64_t id;
	struct span address;       /* primary, "local@domain" */
	struct span password_hash; /* "$argon2id$..." or empty: cannot log in */
	enum role role;
	bool suspended;
	int64_t created_ms;
};

enum relay_tls { RELAY_TLS_NONE,
		 RELAY_TLS_OPPORTUNISTIC,
		 RELAY_TLS_REQUIRED /* name and chain verified */ };
struct relay_host {
	struct span domain; /* "*" for all */
	struct span host;   /* name or address */
	uint16_t port;
	enum relay_tls tls;
	struct span user, password; /* empty: no AUTH. PLAIN or LOGIN, over TLS only */
};

/* All spans below live as long as the snapshot is held. */
struct snapshot;

struct directory;
struct directory_config {
	const char *path;                  /* control.db */
	const struct seal_key *key;        /* of secret.key; wraps the data key */
	struct checkpointer *checkpointer; /* may be null */
};
enum err directory_open(const struct directory_config *config, struct directory **out, struct note *why) MUST_CHECK;
void directory_close(struct directory **d);
/* Changes made by another process (setup, user passwd): reads again when the file has changed. */
enum err directory_refresh(struct directory *d, struct note *why) MUST_CHECK;

const struct snapshot *directory_hold(struct directory *d); /* never null */
void snapshot_release(const struct snapshot **s);

bool snapshot_is_set_up(const struct snapshot *s);
struct span snapshot_hostname(const struct snapshot *s);

/* What an address means here. */
enum resolution_kind {
	RESOLVED_ACCOUNT,
	RESOLVED_ALIAS, /* targets: addresses as text; local or remote */
	RESOLVED_SUSPENDED,
	RESOLVED_UNKNOWN, /* our domain, nobody there */
	RESOLVED_REMOTE,  /* not a domain of ours */
};
struct resolution {
	enum resolution_kind kind;
	uint64_t account_id;
	const struct span *targets;
	size_t target_count;
};
/* Order: exact account, exact alias, subaddress (before the first '+') account, subaddress alias, postmaster/abuse to the owner, catch-all ("@domain" alias), unknown.
 * An empty domain (bare postmaster) means the owner. */
void snapshot_resolve(const struct snapshot *s, const struct address *addr, struct resolution *out);
/* May this account send as that address? Its own, or an alias that has it as a target, with any subaddress of them. */
bool snapshot_may_send_as(const struct snapshot *s, uint64_t account_id, const struct address *addr);

const struct account *snapshot_account(const struct snapshot *s, uint64_t id);                /* null: none */
const struct account *snapshot_account_by_login(const struct snapshot *s, struct span login); /* the primary address */
const struct relay_host *snapshot_relay_for(const struct snapshot *s, struct span domain);    /* its own, else "*", else null */

/* Lists, sorted; arrays live in the snapshot. */
size_t snapshot_domains(const struct snapshot *s, const struct span **out);
size_t snapshot_accounts(const struct snapshot *s, const struct account *const **out);
struct alias {
	struct span address; /* "@domain": catch-all */
	const struct span *targets;
	size_t target_count;
};
size_t snapshot_aliases(const struct snapshot *s, const struct alias **out);
size_t snapshot_relays(const struct snapshot *s, const struct relay_host **out);

#endif
