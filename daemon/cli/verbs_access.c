/* cli/verbs_access.c: who may do what, and what happened: tokens, admins, refusals, audit, events, webhooks, jobs. */
#include "daemon/cli/tables.h"

/* clang-format off */
static const struct verb list[] = {
	{ .noun = "token", .verb = "ls", .operation = "tokens_list", .summary = "list the API tokens", .kind = VERB_LIST, .columns = "id user label scopes domains expires_at used_at", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in their label" },
		{ "--user", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "user", false, NULL, "only those of this user" },
	} },
	{ .noun = "token", .verb = "show", .operation = "token_get", .summary = "one API token", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "token", .verb = "add", .operation = "token_create", .summary = "make an API token; it is shown once", .kind = VERB_API, .is = VERB_PLANS, .arguments = {
		{ "LABEL", NULL, ARGUMENT_TEXT, PLACE_BODY, "label", true, NULL, NULL },
		{ "--user", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "user", false, NULL, "whose rights it has" },
		{ "--scopes", "SCOPES", ARGUMENT_LIST, PLACE_BODY, "scopes", true, NULL, "what it may, with commas between: users:read,queue:manage" },
		{ "--domains", "DOMAINS", ARGUMENT_LIST, PLACE_BODY, "domains", false, NULL, "only things of these domains" },
		{ "--networks", "NETWORKS", ARGUMENT_LIST, PLACE_BODY, "networks", false, NULL, "only from these networks: 192.0.2.0/24" },
		{ "--expires", "TIME", ARGUMENT_AHEAD, PLACE_BODY, "expires_at", false, NULL, "90d, 2027-01-31" },
	} },
	{ .noun = "token", .verb = "rm", .operation = "token_delete", .summary = "end an API token", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "admin", .verb = "ls", .operation = "admins_list", .summary = "list who runs this instance", .kind = VERB_LIST, .columns = "address name role domains", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in address or name" },
		{ "--role", "ROLE", ARGUMENT_TEXT, PLACE_QUERY, "role", false, "owner admin domain_admin auditor", NULL },
	} },
	{ .noun = "admin", .verb = "show", .operation = "admin_get", .summary = "one of them", .kind = VERB_API, .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "admin", .verb = "add", .operation = "admin_create", .summary = "give a user a role", .kind = VERB_API, .is = VERB_PLANS, .done = "added", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_BODY, "user", true, NULL, NULL },
		{ "--role", "ROLE", ARGUMENT_TEXT, PLACE_BODY, "role", true, "owner admin domain_admin auditor", NULL },
		{ "--domains", "DOMAINS", ARGUMENT_LIST, PLACE_BODY, "domains", false, NULL, "of a domain_admin" },
	} },
	{ .noun = "admin", .verb = "set", .operation = "admin_update", .summary = "change a role", .kind = VERB_API, .is = VERB_PLANS, .done = "changed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--role", "ROLE", ARGUMENT_TEXT, PLACE_BODY, "role", false, "owner admin domain_admin auditor", NULL },
		{ "--domains", "DOMAINS", ARGUMENT_LIST, PLACE_BODY, "domains", false, NULL, "of a domain_admin" },
	} },
	{ .noun = "admin", .verb = "rm", .operation = "admin_delete", .summary = "take the role from a user, who stays one", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "refusal", .verb = "ls", .operation = "refusals_list", .summary = "list whose logins are refused for a time", .kind = VERB_LIST, .columns = "id user network failures refused until", .arguments = {
		{ "--refused", "YES|NO", ARGUMENT_YES_NO, PLACE_QUERY, "refused", false, NULL, "only those that are refused now, or only those that are not" },
	} },
	{ .noun = "refusal", .verb = "rm", .operation = "refusal_delete", .summary = "let an account or a network try again", .kind = VERB_API, .is = VERB_PLANS, .done = "removed", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "audit", .verb = "ls", .operation = "audit_list", .summary = "list what was changed, the newest first", .kind = VERB_LIST, .is = VERB_NEWEST, .columns = "at actor via operation subject", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only what holds this text" },
		{ "--subject", "NAME", ARGUMENT_TEXT, PLACE_QUERY, "subject", false, NULL, "what was changed: an address, a domain" },
		{ "--actor", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "actor", false, NULL, "who changed it" },
		{ "--operation", "NAME", ARGUMENT_TEXT, PLACE_QUERY, "operation", false, NULL, "user_create and the like" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, NULL },
		{ "--since", "TIME", ARGUMENT_AGO, PLACE_QUERY, "since", false, NULL, "24h, 2027-01-31" },
		{ "--until", "TIME", ARGUMENT_AGO, PLACE_QUERY, "until", false, NULL, NULL },
	} },
	{ .noun = "audit", .verb = "verify", .operation = "audit_verify", .summary = "check that nothing was taken out of the audit", .kind = VERB_API },

	{ .noun = "events", .operation = "events_watch", .summary = "what has happened, as far as it is kept; with -f what happens, as it happens", .kind = VERB_WATCH, .columns = "time type subject data", .arguments = {
		{ "--types", "TYPES", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "only these, with commas between: message.*,user.changed" },
		{ "--since", "ID", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "only those after this event; with -f they come first" },
		{ "-f", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "follow, until it is stopped or --limit events were shown" },
	} },

	{ .noun = "webhook", .verb = "ls", .operation = "webhooks_list", .summary = "list the webhooks", .kind = VERB_LIST, .columns = "id url types enabled failing" },
	{ .noun = "webhook", .verb = "show", .operation = "webhook_get", .summary = "one webhook", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "webhook", .verb = "add", .operation = "webhook_create", .summary = "send events to a server; its secret is shown once", .kind = VERB_API, .is = VERB_PLANS, .arguments = {
		{ "URL", NULL, ARGUMENT_TEXT, PLACE_BODY, "url", true, NULL, NULL },
		{ "--types", "TYPES", ARGUMENT_LIST, PLACE_BODY, "types", true, NULL, "which, with commas between: message.*,user.changed" },
		{ "--enabled", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "enabled", false, NULL, "no: keep it for later" },
	} },
	{ .noun = "webhook", .verb = "set", .operation = "webhook_update", .summary = "change a webhook", .kind = VERB_API, .is = VERB_PLANS, .done = "changed", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--url", "URL", ARGUMENT_TEXT, PLACE_BODY, "url", false, NULL, NULL },
		{ "--types", "TYPES", ARGUMENT_LIST, PLACE_BODY, "types", false, NULL, NULL },
		{ "--enabled", "YES|NO", ARGUMENT_YES_NO, PLACE_BODY, "enabled", false, NULL, NULL },
	} },
	{ .noun = "webhook", .verb = "rm", .operation = "webhook_delete", .summary = "remove a webhook", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "webhook", .verb = "rotate", .operation = "webhook_rotate_secret", .summary = "make a new secret; the old one holds beside it", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "webhook", .verb = "test", .operation = "webhook_test", .summary = "send an event to try it", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "webhook", .verb = "deliveries", .operation = "webhook_deliveries_list", .summary = "what was sent, the newest first", .kind = VERB_LIST, .is = VERB_NEWEST, .columns = "id type state attempts last_status last_error", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_QUERY, "state", false, "waiting delivered given_up", NULL },
	} },
	{ .noun = "webhook", .verb = "redeliver", .operation = "webhook_redeliver", .summary = "send one of them again", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "DELIVERY", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "job", .verb = "ls", .operation = "jobs_list", .summary = "list long work, the newest first", .kind = VERB_LIST, .is = VERB_NEWEST, .columns = "id operation state done failed total created_at", .arguments = {
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_QUERY, "state", false, "waiting running done failed cancelled", NULL },
	} },
	{ .noun = "job", .verb = "show", .operation = "job_get", .summary = "how far a job is", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "job", .verb = "items", .operation = "job_items_list", .summary = "what became of each thing of a job", .kind = VERB_LIST, .columns = "n subject status code detail", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--failed", NULL, ARGUMENT_FLAG, PLACE_QUERY, "failed", false, NULL, "only those that could not be done" },
	} },
	{ .noun = "job", .verb = "cancel", .operation = "job_cancel", .summary = "stop a job; what is done stays done", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "job", .verb = "wait", .operation = "job_get", .summary = "follow a job to its end", .kind = VERB_WAIT, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
};
/* clang-format on */

const struct verb_table verbs_access = { list, sizeof list / sizeof list[0] };
