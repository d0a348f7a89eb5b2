/* cli/verbs_mail.c: mail in motion: relays, what happened to messages, sending, who may hand in on this machine. */
#include "daemon/cli/tables.h"

/* clang-format off */
static const struct verb list[] = {
	{ .noun = "relay", .verb = "ls", .operation = "relays_list", .summary = "list the relay hosts", .kind = VERB_LIST, .columns = "domain host port tls user" },
	{ .noun = "relay", .verb = "show", .operation = "relay_get", .summary = "one relay host", .kind = VERB_API, .arguments = {
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "of recipients; @example.org: from senders there; * for all" },
	} },
	{ .noun = "relay", .verb = "set", .operation = "relay_put", .summary = "hand mail for a domain to a host", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "of recipients; @example.org: from senders there; * for all" },
		{ "--host", "HOST", ARGUMENT_TEXT, PLACE_BODY, "host", true, NULL, "a name or an IP address" },
		{ "--port", "PORT", ARGUMENT_PORT, PLACE_BODY, "port", true, NULL, NULL },
		{ "--tls", "MODE", ARGUMENT_TEXT, PLACE_BODY, "tls", true, NULL, "none, opportunistic, required (name and chain are checked), or encrypted (whoever it is)" },
		{ "--user", "NAME", ARGUMENT_TEXT, PLACE_BODY, "user", false, NULL, "the login at the host" },
		{ "--password-stdin", NULL, ARGUMENT_PASSWORD, PLACE_BODY, "password", false, NULL, NULL },
	} },
	{ .noun = "relay", .verb = "rm", .operation = "relay_delete", .summary = "deliver a domain by its MX again", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "of recipients; @example.org: from senders there; * for all" },
	} },
	{ .noun = "relay", .verb = "probe", .operation = "relay_probe", .summary = "would mail to an address go out? All steps of a delivery, and nothing is sent", .kind = VERB_PROBE, .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_BODY, "address", true, NULL, NULL },
		{ "--sender", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "sender", false, NULL, "the envelope's; the owner's address without it" },
	} },

	{ .noun = "tls-rule", .verb = "ls", .operation = "tls_rules_list", .summary = "list what TLS destinations must have", .kind = VERB_LIST, .columns = "domain mode names created_at" },
	{ .noun = "tls-rule", .verb = "show", .operation = "tls_rule_get", .summary = "one rule", .kind = VERB_API, .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "tls-rule", .verb = "set", .operation = "tls_rule_put", .summary = "say what TLS a domain's servers must have, over DANE and MTA-STS", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "of recipients" },
		{ "--mode", "MODE", ARGUMENT_TEXT, PLACE_BODY, "mode", true, "none may encrypt verify", "plain; TLS where it works; TLS, whoever it is; TLS and a certificate that fits" },
		{ "--names", "NAMES", ARGUMENT_LIST, PLACE_BODY, "names", false, NULL, "with verify: names the certificate may have instead of the server's; .example.net: any below" },
	} },
	{ .noun = "tls-rule", .verb = "rm", .operation = "tls_rule_delete", .summary = "leave TLS to a domain to DANE, MTA-STS and chance", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "DOMAIN", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "trace", .operation = "messages_list", .summary = "what happened to messages, the newest first", .kind = VERB_TRACE, .is = VERB_NEWEST, .columns = "id arrived_at direction state sender recipient subject last_reply", .arguments = {
		{ "WHAT", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "an address, a message's id (then its whole story), or words" },
		{ "--from", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "sender", false, NULL, "of the sender; *@domain for all of a domain" },
		{ "--to", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "recipient", false, NULL, "of the recipient; *@domain for all of a domain" },
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_QUERY, "state", false, "queued deferred delivered relayed bounced removed rejected", NULL },
		{ "--direction", "WAY", ARGUMENT_TEXT, PLACE_QUERY, "direction", false, "in out dsn", NULL },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "of sender or recipient" },
		{ "--since", "TIME", ARGUMENT_AGO, PLACE_QUERY, "since", false, NULL, "24h, 2027-01-31" },
		{ "--until", "TIME", ARGUMENT_AGO, PLACE_QUERY, "until", false, NULL, NULL },
		{ "-f", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "go on with what happens from now on" },
	} },
	{ .noun = "message", .verb = "show", .operation = "message_get", .summary = "the story of one message", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "send", .operation = "message_send", .summary = "send a message", .kind = VERB_SEND, .arguments = {
		{ "TO", NULL, ARGUMENT_LIST, PLACE_BODY, "to", false, NULL, "recipients" },
		{ "--from", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "from", false, NULL, "a user or alias of this server" },
		{ "--cc", "ADDRESSES", ARGUMENT_LIST, PLACE_BODY, "cc", false, NULL, NULL },
		{ "--bcc", "ADDRESSES", ARGUMENT_LIST, PLACE_BODY, "bcc", false, NULL, NULL },
		{ "--reply-to", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "reply_to", false, NULL, NULL },
		{ "--subject", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "subject", false, NULL, NULL },
		{ "--text", "FILE", ARGUMENT_FILE, PLACE_BODY, "text", false, NULL, "what it says; - is standard input" },
		{ "--html", "FILE", ARGUMENT_FILE, PLACE_BODY, "html", false, NULL, "the same as HTML" },
		{ "--attach", "FILE", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "may be given several times" },
		{ "--raw", "FILE", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "a whole message of RFC 5322 instead; - is standard input" },
		{ "--key", "KEY", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "Idempotency-Key: with the same one a message goes once" },
	} },

	{ .noun = "submitter", .verb = "ls", .operation = "submitters_list", .summary = "list who may hand in mail on this machine", .kind = VERB_API, .columns = "uid sender remote allowed" },
	{ .noun = "submitter", .verb = "set", .operation = "submitter_put", .summary = "what a user of this machine may hand in to sendmail(1)", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .fixed_body = "{}", .arguments = {
		{ "UID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "a number, or everybody: those without a line" },
		{ "--sender", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "sender", false, NULL, "the address they send as; by their login without it" },
		{ "--remote", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "remote", false, NULL, "may write to recipients elsewhere; no without it" },
		{ "--allowed", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "allowed", false, NULL, "no: may hand in nothing" },
	} },
	{ .noun = "submitter", .verb = "rm", .operation = "submitter_delete", .summary = "back to the line of everybody", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "UID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
};
/* clang-format on */

const struct verb_table verbs_mail = { list, sizeof list / sizeof list[0] };
