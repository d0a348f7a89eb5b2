/* directory/snapshot.h: making snapshots; for files of directory/ only. What others see of them is in directory.h. */
#ifndef POSTROOM_DIRECTORY_SNAPSHOT_H
#define POSTROOM_DIRECTORY_SNAPSHOT_H

#include <stdatomic.h>

#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"

struct db;
struct seal_key;

enum named_kind { NAMED_DOMAIN,
		  NAMED_ACCOUNT,
		  NAMED_ALIAS };

/* Whatever has a name: a domain by its name (no '@' in it), an account or alias by its key. */
struct named {
	struct span key;
	enum named_kind kind;
	uint32_t at; /* in its array */
};

/* Open addressing; `entry` counts from 1, 0 is free. */
struct slot {
	uint32_t hash, entry;
};

struct setting_value {
	struct span text;
	int64_t number;
	bool is_set; /* false: the default */
};

struct search_text;

struct snapshot {
	atomic_uint refs;
	struct arena text; /* all bytes that spans point to */
	struct span hostname;
	bool set_up;
	struct setting_value settings[SETTING_COUNT];
	const struct account *owner; /* gets what nobody else gets of postmaster and abuse; may be null */

	struct account *accounts;             /* by id */
	_Atomic(struct search_text *) search; /* of them; null until somebody searches */
	const struct account **by_address;
	size_t account_count;
	struct span *grants; /* of all accounts, in a row */
	size_t grant_count;
	struct span *forwards;
	size_t forward_count;
	struct span *identities;    /* of all accounts, in a row, sorted by key for each */
	struct span *identity_keys; /* beside it */
	size_t identity_count;
	struct span *domains;
	struct domain *domain_rows; /* beside it */
	size_t domain_count;
	struct alias *aliases;
	size_t alias_count;
	struct span *targets;      /* of all aliases, in a row */
	uint64_t *target_accounts; /* beside it: the account that is meant, or 0 */
	size_t target_count;
	struct relay_host *relays;
	size_t relay_count;
	struct tls_rule *tls_rules;
	size_t tls_rule_count;

	struct named *named;
	size_t named_count;
	struct slot *slots; /* a power of two */
	size_t slot_count;
};

/* Reads all in the transaction that `db` is in. References: one. */
enum err snapshot_build(struct db *db, const struct seal_key *data_key, struct snapshot **out, struct note *why) MUST_CHECK;
void search_text_free(struct search_text *t);
/* Null: nothing has this name. */
const struct named *snapshot_find(const struct snapshot *s, struct span key);

#endif
