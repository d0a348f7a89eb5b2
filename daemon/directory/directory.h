/* directory/directory.h: domains, accounts, addresses, aliases, relays and settings as one refcounted snapshot in memory.
 *
 * control.db is the truth; every write here commits there first, then a new snapshot replaces the old one. Readers hold a
 * reference and never wait. Names are normal: domains as lower-case A-labels, local parts compared without case (ASCII) or,
 * where they have non-ASCII, by NFC and case folding.
 */
#ifndef POSTROOM_DIRECTORY_DIRECTORY_H
#define POSTROOM_DIRECTORY_DIRECTORY_H

#include "daemon/base/buf.h"
#include "daemon/mime/address.h"
#include "daemon/net/addr.h"

struct seal_key;
struct checkpointer;

enum role { ROLE_USER = 0,
	    ROLE_OWNER = 1,
	    ROLE_ADMIN = 2,
	    ROLE_DOMAIN_ADMIN = 3, /* of the domains granted */
	    ROLE_AUDITOR = 4 };    /* reads all, changes nothing */

struct account {
	uint64_t id;
	struct span address; /* primary, "local@domain" */
	struct span name;    /* what people call them; may be empty */
	enum role role;
	bool is_shared;     /* of nobody: it has mailboxes that others are granted, and no login by any door */
	bool suspended;     /* by an administrator */
	bool disabled;      /* suspended, or of a domain that is not active: neither logs in nor sends */
	bool forward_keeps; /* a copy stays in the mailbox; true without forwards */
	int64_t created_ms;
	const struct span *granted;    /* ROLE_DOMAIN_ADMIN: domains, sorted */
	const struct span *forwards;   /* addresses to which mail goes on, as text */
	const struct span *identities; /* addresses, or "@domain", that it may send as beside its own */
	uint32_t granted_count, forward_count, identity_count;
	int32_t send_hour, send_day, send_new; /* limits of its own for recipients outside; 0: none; -1: as the settings say */
	int64_t quota_bytes, quota_messages;   /* of its mailboxes; 0: none; -1: as the settings say, which have none for messages */
	struct span imap_off;                  /* IMAP capabilities that it is not offered: names with a blank between, which only imap/capability.h reads */
	unsigned protocols_off;                /* bits of enum auth_protocol by which it does not log in */
};
#define FORWARDS_MAX 50
#define IDENTITIES_MAX 200
#define SENDING_LIMIT_MAX 10000000
#define IMAP_OFF_MAX 1000
#define QUOTA_BYTES_MAX (INT64_C(1) << 50)
#define QUOTA_MESSAGES_MAX INT64_C(1000000000)

enum domain_state {
	DOMAIN_ACTIVE,
	DOMAIN_ACCEPTS, /* disabled: its users neither log in nor send, mail to them is delivered */
	DOMAIN_HOLDS,   /* disabled: mail to it is taken and held in the queue */
	DOMAIN_REFUSES, /* disabled: mail to it is refused */
};
struct domain {
	struct span name;
	enum domain_state state;
	struct span alias_of;             /* mail to x@name is mail to x@alias_of; empty: a domain of its own */
	struct net_addr source4, source6; /* from where mail of its senders leaves; NET_NONE: as the settings say */
	int64_t created_ms;
};

enum relay_tls { RELAY_TLS_NONE,
		 RELAY_TLS_OPPORTUNISTIC,
		 RELAY_TLS_REQUIRED, /* name and chain verified */
		 RELAY_TLS_ENCRYPTED /* whoever it is: the administrator trusts the way there. Else a password goes over verified TLS only */ };
struct relay_host {
	struct span domain; /* of recipients; "@domain" of ours: by sender; "*" for all */
	struct span host;   /* name or address */
	uint16_t port;
	enum relay_tls tls;
	struct span user, password; /* empty: no AUTH. PLAIN or LOGIN, over TLS only */
};

/* What TLS a destination must have, whatever DANE, MTA-STS and chance say. Stored numbers. */
enum tls_rule_mode {
	TLS_RULE_NONE = 0,    /* plain, for a server whose TLS is broken */
	TLS_RULE_MAY = 1,     /* opportunistic: no DANE, no MTA-STS */
	TLS_RULE_ENCRYPT = 2, /* TLS, whoever it is */
	TLS_RULE_VERIFY = 3,  /* TLS with a certificate for the host, or for one of `names` */
};
#define TLS_RULE_NAMES_MAX 20
struct tls_rule {
	struct span domain; /* of recipients, A-labels */
	enum tls_rule_mode mode;
	const struct span *names; /* "mx.example.net", ".example.net" (any name below it) */
	size_t name_count;
	int64_t created_ms;
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
/* Changes made by another process (setup, user passwd): reads again when the file has changed. Waits for an open batch: not of this thread. */
enum err directory_refresh(struct directory *d, struct note *why) MUST_CHECK;

const struct snapshot *directory_hold(struct directory *d); /* never null */
void snapshot_release(const struct snapshot **s);

bool snapshot_is_set_up(const struct snapshot *s);
struct span snapshot_hostname(const struct snapshot *s);
struct span snapshot_postmaster(const struct snapshot *s); /* the owner's address; empty: there is none */

/* ---- several changes as one, and what is kept in control.db beside the directory ---- */

struct db;

/* From here until directory_commit() or directory_end() the changes of this thread are one transaction: each directory_* change and
 * directory_write() of the thread joins in; one that fails undoes only itself. The change lock is held meanwhile: keep it short.
 * Imports, dry runs (end instead of commit), and an audit entry that is there exactly when its change is, stand on this. */
enum err directory_begin(struct directory *d, struct note *why) MUST_CHECK;
/* The same for who must not wait for a long batch of another thread (an import): ERR_LIMIT when it is not over within `wait_ms`. */
enum err directory_begin_within(struct directory *d, int64_t wait_ms, struct note *why) MUST_CHECK;
/* The directory as it would be after a commit: this thread's, while the batch is open; borrowed until the next change, commit or end. */
enum err directory_staged(struct directory *d, const struct snapshot **out, struct note *why) MUST_CHECK;
/* Durable when ERR_OK; otherwise nothing has changed. Either way the batch is over. A new snapshot is made only when the directory changed. */
enum err directory_commit(struct directory *d, struct note *why) MUST_CHECK;
void directory_end(struct directory *d);            /* rolls back what is not committed; harmless after a commit */
bool directory_in_batch(const struct directory *d); /* of this thread */
/* Grows with each durable commit, and when another process' changes are noticed: what is kept of control.db elsewhere may be old then. */
uint64_t directory_commits(const struct directory *d);

/* A change of rows that no snapshot holds (tokens, sessions, audit...): one durable transaction, or part of the open batch. No waiting inside,
 * no transaction of its own. */
enum err directory_write(struct directory *d, enum err (*run)(struct db *db, void *arg), void *arg, struct note *why) MUST_CHECK;
/* Reads beside every writer, in a transaction: all that `run` sees is of one moment. In an open batch of this thread: what the batch sees.
 * There are few handles: what looks at many rows returns between and goes on with another call. */
enum err directory_read(struct directory *d, enum err (*run)(struct db *db, void *arg), void *arg) MUST_CHECK;

/* Secrets at rest, under the data key. `context` binds a value to its place ("totp:17"). ERR_CORRUPT when it does not open. */
enum err directory_seal(struct directory *d, struct span context, struct span plain, struct buf *out) MUST_CHECK;
enum err directory_unseal(struct directory *d, struct span context, struct span sealed, struct buf *out) MUST_CHECK;
/* A key for one purpose ("cursor"), the same after a restart: HMAC-SHA-256 under the data key. */
void directory_derive_key(const struct directory *d, struct span purpose, uint8_t out[32]);

/* What an address means here. */
enum resolution_kind {
	RESOLVED_ACCOUNT,
	RESOLVED_ALIAS, /* targets: addresses as text; local or remote */
	RESOLVED_SUSPENDED,
	RESOLVED_UNKNOWN, /* our domain, nobody there */
	RESOLVED_REMOTE,  /* not a domain of ours */
	RESOLVED_REFUSED, /* a domain that is DOMAIN_REFUSES */
};
struct resolution {
	enum resolution_kind kind;
	uint64_t account_id;
	const struct account *account; /* of ACCOUNT and SUSPENDED: its forwards are the caller's to follow */
	bool held;                     /* a domain that is DOMAIN_HOLDS */
	const struct span *targets;
	size_t target_count;
};
/* A domain alias stands for its domain first. Order: exact account, exact alias, subaddress (before the first '+') account, subaddress alias, postmaster/abuse to the owner, catch-all ("@domain" alias), unknown.
 * An empty domain (bare postmaster) means the owner. */
void snapshot_resolve(const struct snapshot *s, const struct address *addr, struct resolution *out);
/* May this account send as that address? Its own, an alias that has it as a target, or an identity; with any subaddress of them, and under domain aliases
 * (an identity under an alias of a domain counts there alone). The state of the domain does not matter: see `disabled`. */
bool snapshot_may_send_as(const struct snapshot *s, uint64_t account_id, const struct address *addr);

const struct account *snapshot_account(const struct snapshot *s, uint64_t id);                /* null: none */
const struct account *snapshot_account_by_login(const struct snapshot *s, struct span login); /* the primary address */
/* The recipient domain's own, else the sender domain's ("@domain"; empty: none), else "*", else null. */
const struct relay_host *snapshot_relay_for(const struct snapshot *s, struct span domain, struct span sender_domain);
const struct tls_rule *snapshot_tls_rule(const struct snapshot *s, struct span domain); /* of that very domain, not of those below it; null: none */
size_t snapshot_tls_rules(const struct snapshot *s, const struct tls_rule **out);
const struct domain *snapshot_domain(const struct snapshot *s, struct span name);      /* in its normal form; null: not ours */
size_t snapshot_domain_rows(const struct snapshot *s, const struct domain **out);      /* by name, as snapshot_domains() */
const struct relay_host *snapshot_relay(const struct snapshot *s, struct span domain); /* its own; null: none */

/* Lists, sorted; arrays live in the snapshot. */
size_t snapshot_domains(const struct snapshot *s, const struct span **out);
bool snapshot_has_domain(const struct snapshot *s, struct span name);                  /* in its normal form */
size_t snapshot_accounts(const struct snapshot *s, const struct account *const **out); /* by address */
size_t snapshot_accounts_by_id(const struct snapshot *s, const struct account **out);  /* in the order in which they were made */
/* Marks (one bit each, in the order in which they were made) the accounts whose address or name holds the text; it is ASCII in lower case. `hits` has room
 * for all and is zero. False: no memory for it. 100,000 accounts take about 2 ms, the first time with a snapshot 10. */
bool snapshot_search(const struct snapshot *s, struct span text, uint64_t *hits);
const struct alias *snapshot_alias(const struct snapshot *s, struct span address); /* however it is written; null: none */
struct alias {
	struct span address; /* "@domain": catch-all */
	const struct span *targets;
	size_t target_count;
};
size_t snapshot_aliases(const struct snapshot *s, const struct alias **out);
struct span snapshot_alias_key(const struct snapshot *s, size_t i); /* what they are sorted by: the address without case */
size_t snapshot_relays(const struct snapshot *s, const struct relay_host **out);

#endif
