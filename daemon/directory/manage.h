/* directory/manage.h: changes of the directory. Each is one durable transaction in control.db and then a new snapshot.
 *
 * ERR_SYNTAX: not a valid name (why says); ERR_EXISTS; ERR_NOT_FOUND; ERR_STATE: would break something (a domain that still has
 * users, the last owner); ERR_LIMIT; ERR_TEMP. Blocking on the local disk.
 */
#ifndef POSTROOM_DIRECTORY_MANAGE_H
#define POSTROOM_DIRECTORY_MANAGE_H

#include "daemon/directory/directory.h"

/* Each joins the open batch of its thread (directory_begin): then that is the transaction. */
struct directory_setup {
	struct span hostname, domain, admin; /* admin: an address in that domain */
	struct span password_hash;
};
/* Once: ERR_STATE when it is set up already. */
enum err directory_setup(struct directory *d, const struct directory_setup *setup, struct note *why) MUST_CHECK;

enum err directory_domain_add(struct directory *d, struct span name, struct note *why) MUST_CHECK;
/* All but the creation. ERR_STATE: alias_of is itself an alias or not a domain of ours, or the domain has users, aliases, or one that stands for it; no
 * owner would be left who can log in. ERR_SYNTAX: a source address of the wrong family. */
enum err directory_domain_set(struct directory *d, const struct domain *domain, struct note *why) MUST_CHECK;
enum err directory_domain_remove(struct directory *d, struct span name, struct note *why) MUST_CHECK;

/* The hash is read with db_account_get_password(): snapshots are without it. Empty: cannot log in. Other passwords are auth's to set. */
enum err directory_account_add(struct directory *d, struct span address, struct span password_hash, enum role role, uint64_t *id_out, struct note *why) MUST_CHECK;
/* One that nobody logs in to, for good: what it is decides who may read along. */
enum err directory_account_add_shared(struct directory *d, struct span address, uint64_t *id_out, struct note *why) MUST_CHECK;
enum err directory_account_set_suspended(struct directory *d, uint64_t id, bool suspended, struct note *why) MUST_CHECK;
/* The row and what names it; the caller erases the mailbox folder afterwards. Ids are never used again. */
enum err directory_account_remove(struct directory *d, uint64_t id, struct note *why) MUST_CHECK;

enum err directory_account_set_name(struct directory *d, uint64_t id, struct span name, struct note *why) MUST_CHECK; /* at most 200 bytes, no control characters */
/* `domains` for ROLE_DOMAIN_ADMIN only, domains of ours. ERR_STATE: the last owner that is not suspended; a role for a shared account. */
enum err directory_account_set_role(struct directory *d, uint64_t id, enum role role, const struct span *domains, size_t count, struct note *why) MUST_CHECK;

/* Where an account's mail goes on to. The account itself among the targets is `keeps`. ERR_STATE: to itself alone; ERR_LIMIT: over FORWARDS_MAX. Count 0:
 * nowhere. */
enum err directory_account_set_forwards(struct directory *d, uint64_t id, const struct span *targets, size_t count, bool keeps, struct note *why) MUST_CHECK;
/* "local@domain" of any domain, or "@domain" of ours (else ERR_NOT_FOUND, and `why` is set). */
enum err directory_account_set_identities(struct directory *d, uint64_t id, const struct span *addresses, size_t count, struct note *why) MUST_CHECK;
/* 0: none; -1: as the settings say. */
enum err directory_account_set_limits(struct directory *d, uint64_t id, int32_t hour, int32_t day, int32_t fresh, struct note *why) MUST_CHECK;
/* The same: how much its mailboxes may hold until mail to it is refused (queue/quota.h). */
enum err directory_account_set_quota(struct directory *d, uint64_t id, int64_t bytes, int64_t messages, struct note *why) MUST_CHECK;
/* As imap_capability_write() has it: atoms with a blank between; what they mean is not looked at. ERR_LIMIT over IMAP_OFF_MAX bytes. */
enum err directory_account_set_imap_off(struct directory *d, uint64_t id, struct span names, struct note *why) MUST_CHECK;

/* Bits of enum auth_protocol: mail protocols by which it does not log in. */
enum err directory_account_set_protocols_off(struct directory *d, uint64_t id, unsigned protocols, struct note *why) MUST_CHECK;

/* `address` may be "@domain" (catch-all). Replaces nothing: ERR_EXISTS. */
enum err directory_alias_add(struct directory *d, struct span address, const struct span *targets, size_t target_count, struct note *why) MUST_CHECK;
/* Other targets for an alias that is there. ERR_NOT_FOUND. */
enum err directory_alias_set(struct directory *d, struct span address, const struct span *targets, size_t target_count, struct note *why) MUST_CHECK;
enum err directory_alias_remove(struct directory *d, struct span address, struct note *why) MUST_CHECK;

/* Sets or replaces; the password is sealed at rest. ERR_NOT_FOUND: "@domain" of a domain that is not ours. */
enum err directory_relay_set(struct directory *d, const struct relay_host *relay, struct note *why) MUST_CHECK;
enum err directory_relay_remove(struct directory *d, struct span domain, struct note *why) MUST_CHECK;

/* Sets or replaces. Names for TLS_RULE_VERIFY only. */
enum err directory_tls_rule_set(struct directory *d, const struct tls_rule *rule, struct note *why) MUST_CHECK;
enum err directory_tls_rule_remove(struct directory *d, struct span domain, struct note *why) MUST_CHECK;

/* Certificates by name; key sealed at rest. `self_signed` ones are replaced when they run out. */
struct stored_certificate {
	struct span name, chain_pem, key_pem; /* in the arena of the call */
};
enum err directory_certificate_set(struct directory *d, struct span name, struct span chain_pem, struct span key_pem, struct note *why) MUST_CHECK;
enum err directory_certificate_remove(struct directory *d, struct span name, struct note *why) MUST_CHECK; /* ERR_NOT_FOUND */
enum err directory_certificates(struct directory *d, struct arena *a, struct stored_certificate **out, size_t *count_out) MUST_CHECK;

#endif
