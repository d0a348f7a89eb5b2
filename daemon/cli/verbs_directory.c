/* cli/verbs_directory.c: domains, users, aliases. */
#include "daemon/cli/tables.h"

/* clang-format off */
static const struct verb list[] = {
	{ .noun = "domain", .verb = "ls", .operation = "domains_list", .summary = "list the domains", .kind = VERB_LIST, .columns = "name state alias_of", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in their name" },
		{ "--sort", "ORDER", ARGUMENT_TEXT, PLACE_QUERY, "sort", false, "name -name", NULL },
	} },
	{ .noun = "domain", .verb = "add", .operation = "domain_create", .summary = "take mail for a domain", .kind = VERB_API, .is = VERB_PLANS, .done = "added", .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_BODY, "name", true, NULL, NULL },
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_BODY, "state", false, "active accept hold refuse", "not active: no logins, nothing sent; its mail is accepted, held, or refused" },
		{ "--alias-of", "DOMAIN", ARGUMENT_TEXT, PLACE_BODY, "alias_of", false, NULL, "its addresses are those of that domain; empty: a domain of its own" },
		{ "--source-ipv4", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "source_ipv4", false, NULL, "from where its mail leaves; empty: as the settings say" },
		{ "--source-ipv6", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "source_ipv6", false, NULL, "the same over IPv6" },
	} },
	{ .noun = "domain", .verb = "show", .operation = "domain_get", .summary = "one domain", .kind = VERB_API, .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "domain", .verb = "set", .operation = "domain_update", .summary = "change a domain; who is in one that is not active is logged out", .kind = VERB_API, .is = VERB_PLANS, .done = "changed", .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_BODY, "state", false, "active accept hold refuse", "not active: no logins, nothing sent; its mail is accepted, held, or refused" },
		{ "--alias-of", "DOMAIN", ARGUMENT_TEXT, PLACE_BODY, "alias_of", false, NULL, "its addresses are those of that domain; empty: a domain of its own" },
		{ "--source-ipv4", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "source_ipv4", false, NULL, "from where its mail leaves; empty: as the settings say" },
		{ "--source-ipv6", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "source_ipv6", false, NULL, "the same over IPv6" },
	} },
	{ .noun = "domain", .verb = "ensure", .operation = "domain_put", .summary = "have this domain: adds it, or gives it these values and the defaults", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{}", .done = "there", .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_BODY, "state", false, "active accept hold refuse", "not active: no logins, nothing sent; its mail is accepted, held, or refused" },
		{ "--alias-of", "DOMAIN", ARGUMENT_TEXT, PLACE_BODY, "alias_of", false, NULL, "its addresses are those of that domain; empty: a domain of its own" },
		{ "--source-ipv4", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "source_ipv4", false, NULL, "from where its mail leaves; empty: as the settings say" },
		{ "--source-ipv6", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "source_ipv6", false, NULL, "the same over IPv6" },
	} },
	{ .noun = "domain", .verb = "rm", .operation = "domain_delete", .summary = "remove a domain without users", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "user", .verb = "ls", .operation = "users_list", .summary = "list the users", .kind = VERB_LIST, .columns = "address type name role suspended created_at", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in address or name" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "only those of this domain" },
		{ "--role", "ROLE", ARGUMENT_TEXT, PLACE_QUERY, "role", false, "user owner admin domain_admin auditor", NULL },
		{ "--suspended", "YES|NO", ARGUMENT_YES_NO, PLACE_QUERY, "suspended", false, NULL, "only those that are, or are not" },
		{ "--sort", "ORDER", ARGUMENT_TEXT, PLACE_QUERY, "sort", false, "address -address created_at -created_at", NULL },
	} },
	{ .noun = "user", .verb = "add", .operation = "user_create", .summary = "add a user with a mailbox", .kind = VERB_API, .is = VERB_PLANS, .done = "added", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_BODY, "address", true, NULL, NULL },
		{ "--name", "NAME", ARGUMENT_TEXT, PLACE_BODY, "name", false, NULL, "what people call them" },
		{ "--password-hash", "HASH", ARGUMENT_TEXT, PLACE_BODY, "password_hash", false, NULL, "a hash of crypt(5), or Dovecot's {SCHEME} form, instead of a password" },
		{ "--no-password", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "for later: nobody can log in until there is one" },
		{ "--password-stdin", NULL, ARGUMENT_PASSWORD, PLACE_BODY, "password", true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "add-shared", .operation = "user_create", .summary = "add an account of nobody: mailboxes that users are granted, and no login", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"type\":\"shared\"}", .done = "added", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_BODY, "address", true, NULL, NULL },
		{ "--name", "NAME", ARGUMENT_TEXT, PLACE_BODY, "name", false, NULL, "what people call it" },
	} },
	{ .noun = "user", .verb = "show", .operation = "user_get", .summary = "one user", .kind = VERB_API, .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "set", .operation = "user_update", .summary = "change a user", .kind = VERB_API, .is = VERB_PLANS, .done = "changed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--name", "NAME", ARGUMENT_TEXT, PLACE_BODY, "name", false, NULL, "what people call them" },
		{ "--suspended", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "suspended", false, NULL, NULL },
	} },
	{ .noun = "user", .verb = "passwd", .operation = "user_password_set", .summary = "set a user's password", .kind = VERB_API_LOCAL, .is = VERB_PLANS, .done = "password set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--password-hash", "HASH", ARGUMENT_TEXT, PLACE_BODY, "password_hash", false, NULL, "a hash of crypt(5), or Dovecot's {SCHEME} form, instead of a password" },
		{ "--password-stdin", NULL, ARGUMENT_PASSWORD, PLACE_BODY, "password", true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "suspend", .operation = "user_update", .summary = "stop logins and refuse mail; the mailbox stays", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"suspended\":true}", .done = "suspended", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "resume", .operation = "user_update", .summary = "end a suspension", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"suspended\":false}", .done = "resumed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "forward", .operation = "user_update", .summary = "send a user's mail on to other addresses", .kind = VERB_API, .is = VERB_PLANS, .done = "forwarded", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "TARGET", NULL, ARGUMENT_LIST, PLACE_BODY, "forwards", true, NULL, NULL },
		{ "--keep", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "forward_keeps", false, NULL, "does a copy stay in the mailbox? As it was, else yes" },
	} },
	{ .noun = "user", .verb = "unforward", .operation = "user_update", .summary = "send a user's mail on to nobody", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"forwards\":[]}", .done = "not forwarded", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "set-identities", .operation = "user_update", .summary = "addresses, or @domain, that a user may send as beside the own ones", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "IDENTITY", NULL, ARGUMENT_LIST, PLACE_BODY, "identities", true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "rm-identities", .operation = "user_update", .summary = "a user sends as the own addresses only", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"identities\":[]}", .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "set-limits", .operation = "user_update", .summary = "how much a user may send outside; 0: no limit", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--per-hour", "N", ARGUMENT_NUMBER, PLACE_BODY, "limits.per_hour", false, NULL, "recipients in an hour" },
		{ "--per-day", "N", ARGUMENT_NUMBER, PLACE_BODY, "limits.per_day", false, NULL, "recipients in a day" },
		{ "--new-per-day", "N", ARGUMENT_NUMBER, PLACE_BODY, "limits.new_per_day", false, NULL, "recipients in a day that were never written to" },
	} },
	{ .noun = "user", .verb = "rm-limits", .operation = "user_update", .summary = "a user may send as much as the settings say", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"limits\":null}", .done = "as the settings say", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "set-quota", .operation = "user_update", .summary = "how much a user's mailbox may hold until mail to it is refused; 0: no limit", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--bytes", "SIZE", ARGUMENT_SIZE, PLACE_BODY, "quota.bytes", false, NULL, "bytes, or 500M, 2G and the like" },
		{ "--messages", "N", ARGUMENT_NUMBER, PLACE_BODY, "quota.messages", false, NULL, "messages" },
	} },
	{ .noun = "user", .verb = "rm-quota", .operation = "user_update", .summary = "a user's mailbox may hold as much as the settings say", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"quota\":null}", .done = "as the settings say", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "set-protocols-disabled", .operation = "user_update", .summary = "mail protocols by which a user does not log in; open sessions of theirs end", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "PROTOCOL", NULL, ARGUMENT_LIST, PLACE_BODY, "protocols_disabled", true, "imap pop3 smtp", NULL },
	} },
	{ .noun = "user", .verb = "rm-protocols-disabled", .operation = "user_update", .summary = "a user logs in by every mail protocol", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"protocols_disabled\":[]}", .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "set-imap-disabled", .operation = "user_update", .summary = "IMAP capabilities that a user's programs are not offered, for one that chokes on them", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "CAPABILITY", NULL, ARGUMENT_LIST, PLACE_BODY, "imap_disabled", true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "rm-imap-disabled", .operation = "user_update", .summary = "a user's programs are offered all of IMAP", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{\"imap_disabled\":[]}", .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "rm", .operation = "user_delete", .summary = "remove a user and erase the mailbox", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "import", .operation = "users_import", .summary = "add users from a CSV or JSON file; who is there and otherwise is changed with --update only", .kind = VERB_UPLOAD, .is = VERB_PLANS | VERB_HAS_JOB, .arguments = {
		{ "FILE", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, "- is standard input" },
		{ "--format", "FORMAT", ARGUMENT_TEXT, PLACE_HAND, NULL, false, "csv json", "else by the file's name" },
		{ "--update", NULL, ARGUMENT_FLAG, PLACE_QUERY, "update", false, NULL, "give who is there the name, suspension and password of the file; roles stay" },
	} },
	{ .noun = "user", .verb = "export", .operation = "users_export", .summary = "all users as CSV, or with -o json as JSON; without passwords", .kind = VERB_DOWNLOAD, .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in address or name" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "only those of this domain" },
		{ "--role", "ROLE", ARGUMENT_TEXT, PLACE_QUERY, "role", false, "user owner admin domain_admin auditor", NULL },
		{ "--suspended", "YES|NO", ARGUMENT_YES_NO, PLACE_QUERY, "suspended", false, NULL, "only those that are, or are not" },
	} },
	{ .noun = "user", .verb = "bulk", .operation = "users_bulk", .summary = "do the same to many users", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS | VERB_HAS_JOB, .arguments = {
		{ "ACTION", NULL, ARGUMENT_TEXT, PLACE_BODY, "action", true, "suspend resume delete", NULL },
		{ "--users", "ADDRESSES", ARGUMENT_LIST, PLACE_BODY, "users", false, NULL, "these, with commas between" },
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "filter.q", false, NULL, "those with this in address or name" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_BODY, "filter.domain", false, NULL, "those of this domain" },
		{ "--role", "ROLE", ARGUMENT_TEXT, PLACE_BODY, "filter.role", false, "user owner admin domain_admin auditor", NULL },
		{ "--suspended", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "filter.suspended", false, NULL, "those that are, or are not" },
	} },
	{ .noun = "user", .verb = "end-sessions", .operation = "user_sessions_revoke", .summary = "log a user out everywhere", .kind = VERB_API, .is = VERB_PLANS, .done = "logged out", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "reset-2fa", .operation = "user_second_factor_reset", .summary = "take the second factor and the passkeys from a user", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "reset", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "app-passwords", .operation = "user_app_passwords_list", .summary = "list a user's app passwords", .kind = VERB_API, .columns = "id label protocols networks expires_at used_at used_from", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "user", .verb = "rm-app-password", .operation = "user_app_password_delete", .summary = "remove an app password of a user", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "grant", .verb = "ls", .operation = "user_grants_list", .summary = "what an account grants others on its mailboxes", .kind = VERB_LIST, .columns = "id mailbox grantee rights", .arguments = {
		{ "OWNER", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "grant", .verb = "ls-to", .operation = "user_granted_list", .summary = "what a user is granted on mailboxes of others", .kind = VERB_LIST, .columns = "owner mailbox grantee rights id", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "grant", .verb = "set", .operation = "user_grant_set", .summary = "grant read (lrs), write (lrswipte), full, none, or letters of lrswipkxtea to an address, or to anyone of the owner's domain", .kind = VERB_API, .is = VERB_PLANS, .done = "granted", .arguments = {
		{ "OWNER", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "GRANTEE", NULL, ARGUMENT_TEXT, PLACE_BODY, "grantee", true, NULL, NULL },
		{ "RIGHTS", NULL, ARGUMENT_TEXT, PLACE_BODY, "rights", true, NULL, NULL },
		{ "--mailbox", "NAME", ARGUMENT_TEXT, PLACE_BODY, "mailbox", false, NULL, "on this one; else on every one that has no grant of its own for the grantee" },
	} },
	{ .noun = "grant", .verb = "rm", .operation = "user_grant_delete", .summary = "take back what an account grants", .kind = VERB_API, .is = VERB_PLANS, .done = "taken back", .arguments = {
		{ "OWNER", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "alias", .verb = "ls", .operation = "aliases_list", .summary = "list the aliases", .kind = VERB_LIST, .columns = "address targets", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in address or targets" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "only those of this domain" },
		{ "--sort", "ORDER", ARGUMENT_TEXT, PLACE_QUERY, "sort", false, "address -address", NULL },
	} },
	{ .noun = "alias", .verb = "add", .operation = "alias_create", .summary = "deliver an address (@domain: all that nobody has) to others", .kind = VERB_API, .is = VERB_PLANS, .done = "added", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_BODY, "address", true, NULL, NULL },
		{ "TARGET", NULL, ARGUMENT_LIST, PLACE_BODY, "targets", true, NULL, NULL },
	} },
	{ .noun = "alias", .verb = "show", .operation = "alias_get", .summary = "one alias", .kind = VERB_API, .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "alias", .verb = "set", .operation = "alias_put", .summary = "have this alias: adds it, or gives it these targets", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "TARGET", NULL, ARGUMENT_LIST, PLACE_BODY, "targets", true, NULL, NULL },
	} },
	{ .noun = "alias", .verb = "rm", .operation = "alias_delete", .summary = "remove an alias", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "alias", .verb = "import", .operation = "aliases_import", .summary = "add and change aliases from a CSV or JSON file", .kind = VERB_UPLOAD, .is = VERB_PLANS | VERB_HAS_JOB, .arguments = {
		{ "FILE", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, "- is standard input" },
		{ "--format", "FORMAT", ARGUMENT_TEXT, PLACE_HAND, NULL, false, "csv json", "else by the file's name" },
	} },
	{ .noun = "alias", .verb = "export", .operation = "aliases_export", .summary = "all aliases as CSV, or with -o json as JSON", .kind = VERB_DOWNLOAD, .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in address or targets" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "only those of this domain" },
	} },
	{ .noun = "alias", .verb = "bulk", .operation = "aliases_bulk", .summary = "remove many aliases", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS | VERB_HAS_JOB, .arguments = {
		{ "ACTION", NULL, ARGUMENT_TEXT, PLACE_BODY, "action", true, "delete", NULL },
		{ "--aliases", "ADDRESSES", ARGUMENT_LIST, PLACE_BODY, "aliases", false, NULL, "these, with commas between" },
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "filter.q", false, NULL, "those with this in address or targets" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_BODY, "filter.domain", false, NULL, "those of this domain" },
	} },
};
/* clang-format on */

const struct verb_table verbs_directory = { list, sizeof list / sizeof list[0] };
