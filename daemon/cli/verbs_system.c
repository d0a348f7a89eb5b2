/* cli/verbs_system.c: the instance itself: serving, setting up, its state, settings, certificates, its configuration as a whole. */
#include "daemon/cli/tables.h"

/* clang-format off */
static const struct verb list[] = {
	{ .noun = "serve", .summary = "run the daemon", .kind = VERB_SERVE },
	{ .noun = "setup", .operation = "setup_create", .summary = "create the first domain and its owner", .kind = VERB_SETUP, .arguments = {
		{ "--hostname", "NAME", ARGUMENT_TEXT, PLACE_BODY, "hostname", true, NULL, "the name of this machine in the DNS" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_BODY, "domain", true, NULL, "whose mail it takes" },
		{ "--admin", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "admin", true, NULL, "the owner, a user in that domain" },
		{ "--password-stdin", NULL, ARGUMENT_PASSWORD, PLACE_BODY, "password", true, NULL, NULL },
	} },
	{ .noun = "config", .verb = "check", .summary = "check the configuration file", .kind = VERB_CONFIG_CHECK },
	{ .noun = "status", .operation = "status_get", .summary = "what is running, and its counters", .kind = VERB_API },

	{ .noun = "doctor", .operation = "checks_create", .summary = "is all as it should be? Files, databases, disk, clock, certificate, ports; also while the daemon is down. Exit status 1: no", .kind = VERB_DOCTOR, .columns = "result check subject words next", .arguments = {
		{ "--accounts", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "the mailboxes instead: of all users, or of those named" },
		{ "ADDRESS", NULL, ARGUMENT_LIST, PLACE_HAND, NULL, false, NULL, "with --accounts: whose" },
		{ "--repair", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "with --accounts: make right again what is derived from the rest" },
		{ "--restored", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "with --accounts: an older copy was put back; mail programs get to know it anew, and mix nothing up" },
	} },

	{ .noun = "setting", .verb = "ls", .operation = "settings_list", .summary = "list the settings", .kind = VERB_API, .columns = "name value default unit group" },
	{ .noun = "setting", .verb = "show", .operation = "settings_list", .summary = "one setting, what it may be and why", .kind = VERB_SETTING, .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, NULL },
	} },
	{ .noun = "setting", .verb = "set", .operation = "settings_update", .summary = "change a setting", .kind = VERB_SETTING, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, NULL },
		{ "VALUE", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, "a number, a text, yes or no" },
	} },
	{ .noun = "setting", .verb = "reset", .operation = "settings_update", .summary = "go back to the default of a setting", .kind = VERB_SETTING, .is = VERB_PLANS, .done = "reset", .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, NULL },
	} },

	{ .noun = "cert", .verb = "ls", .operation = "certificates_list", .summary = "list the certificates", .kind = VERB_LIST, .columns = "name not_after self_signed is_usable subject" },
	{ .noun = "cert", .verb = "show", .operation = "certificate_get", .summary = "one certificate", .kind = VERB_API, .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "cert", .verb = "set", .operation = "certificate_put", .summary = "use a certificate from PEM files", .kind = VERB_API, .is = VERB_PLANS, .done = "set", .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--chain", "FILE", ARGUMENT_FILE, PLACE_BODY, "chain_pem", true, NULL, "the certificate and those between it and the authority" },
		{ "--key", "FILE", ARGUMENT_FILE, PLACE_BODY, "key_pem", true, NULL, "its private key" },
	} },
	{ .noun = "cert", .verb = "rm", .operation = "certificate_delete", .summary = "remove a certificate", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "removed", .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "export", .operation = "export_get", .summary = "the whole configuration as one document, without secrets", .kind = VERB_DOWNLOAD, .arguments = {
		{ "--hashes", NULL, ARGUMENT_FLAG, PLACE_QUERY, "hashes", false, NULL, "with the hashes of the passwords" },
	} },
	{ .noun = "apply", .operation = "apply_create", .summary = "make the configuration as a document says; shows the plan first", .kind = VERB_APPLY, .is = VERB_PLANS, .arguments = {
		{ "-f", "FILE", ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, "the document, as export gives it; - is standard input" },
		{ "--prune", NULL, ARGUMENT_FLAG, PLACE_QUERY, "prune", false, NULL, "what a section of it does not name goes; never a user" },
	} },
	{ .noun = "metrics", .operation = "metrics_get", .summary = "counters and gauges in the format of Prometheus", .kind = VERB_DOWNLOAD },
	{ .noun = "api", .summary = "any request of the API", .kind = VERB_RAW, .arguments = {
		{ "METHOD", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, "GET POST PUT PATCH DELETE", NULL },
		{ "PATH", NULL, ARGUMENT_TEXT, PLACE_HAND, NULL, true, NULL, "with the query: /api/v1/users?limit=5" },
		{ "--data", "DATA", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "the body: JSON, @FILE, or - for standard input" },
		{ "--content-type", "TYPE", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "of the body; application/json" },
		{ "--if-match", "ETAG", ARGUMENT_TEXT, PLACE_HAND, NULL, false, NULL, "only if nobody has changed it meanwhile" },
		{ "--include", NULL, ARGUMENT_FLAG, PLACE_HAND, NULL, false, NULL, "print status and tag of the answer too" },
	} },
	{ .noun = "openapi", .operation = "openapi_get", .summary = "the API's own description", .kind = VERB_DOWNLOAD },
};
/* clang-format on */

const struct verb_table verbs_system = { list, sizeof list / sizeof list[0] };
