/* cli/verbs.c: the table. A verb that is not here does not exist; one that is here is parsed, run, shown in help and in the manual. */
#include "daemon/cli/verbs.h"

#include <string.h>

const struct verb verbs[] = {
	{ .noun = "serve", .summary = "run the daemon", .kind = VERB_SERVE },
	{ .noun = "setup", .summary = "create the first domain and its owner", .kind = VERB_SETUP, .method = "POST", .path = "/api/v1/setup", .arguments = { { "--hostname", "H", ARGUMENT_STRING, true, "hostname" }, { "--domain", "D", ARGUMENT_STRING, true, "domain" }, { "--admin", "ADDRESS", ARGUMENT_STRING, true, "admin" }, { "--password-stdin", NULL, ARGUMENT_PASSWORD, true, "password" } } },
	{ .noun = "config", .verb = "check", .summary = "check the configuration file", .kind = VERB_CONFIG_CHECK },
	{ .noun = "status", .summary = "what is running, and its counters", .kind = VERB_API, .method = "GET", .path = "/api/v1/status" },
	{ .noun = "domain", .verb = "add", .summary = "take mail for a domain", .kind = VERB_API, .method = "POST", .path = "/api/v1/domains", .done = "added", .arguments = { { "DOMAIN", NULL, ARGUMENT_STRING, true, "name" } } },
	{ .noun = "domain", .verb = "ls", .summary = "list the domains", .kind = VERB_API, .method = "GET", .path = "/api/v1/domains", .columns = "name" },
	{ .noun = "domain", .verb = "rm", .summary = "remove a domain without users", .kind = VERB_API, .method = "DELETE", .path = "/api/v1/domains/{}", .done = "removed", .arguments = { { "DOMAIN", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "user", .verb = "add", .summary = "add a user with a mailbox", .kind = VERB_API, .method = "POST", .path = "/api/v1/users", .done = "added", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, "address" }, { "--password-stdin", NULL, ARGUMENT_PASSWORD, true, "password" } } },
	{ .noun = "user", .verb = "ls", .summary = "list the users", .kind = VERB_API, .method = "GET", .path = "/api/v1/users", .columns = "address role suspended created_at" },
	{ .noun = "user", .verb = "passwd", .summary = "set a user's password", .kind = VERB_API_LOCAL, .method = "PUT", .path = "/api/v1/users/{}/password", .done = "password set", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, NULL }, { "--password-stdin", NULL, ARGUMENT_PASSWORD, true, "password" } } },
	{ .noun = "user", .verb = "suspend", .summary = "stop logins and refuse mail; the mailbox stays", .kind = VERB_API, .method = "PATCH", .path = "/api/v1/users/{}", .fixed_body = "{\"suspended\":true}", .done = "suspended", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "user", .verb = "resume", .summary = "end a suspension", .kind = VERB_API, .method = "PATCH", .path = "/api/v1/users/{}", .fixed_body = "{\"suspended\":false}", .done = "resumed", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "user", .verb = "rm", .summary = "remove a user and erase the mailbox", .kind = VERB_API, .method = "DELETE", .path = "/api/v1/users/{}", .done = "removed", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "alias", .verb = "add", .summary = "deliver an address (@domain: all that nobody has) to others", .kind = VERB_API, .method = "POST", .path = "/api/v1/aliases", .done = "added", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, "address" }, { "TARGET", NULL, ARGUMENT_REST, true, "targets" } } },
	{ .noun = "alias", .verb = "ls", .summary = "list the aliases", .kind = VERB_API, .method = "GET", .path = "/api/v1/aliases", .columns = "address targets" },
	{ .noun = "alias", .verb = "rm", .summary = "remove an alias", .kind = VERB_API, .method = "DELETE", .path = "/api/v1/aliases/{}", .done = "removed", .arguments = { { "ADDRESS", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "relay", .verb = "set", .summary = "hand mail for a domain ('*': for all) to a host", .kind = VERB_API, .method = "PUT", .path = "/api/v1/relays/{}", .done = "set", .arguments = { { "--domain", "D", ARGUMENT_STRING, true, NULL }, { "--host", "H", ARGUMENT_STRING, true, "host" }, { "--port", "N", ARGUMENT_PORT, true, "port" }, { "--tls", "none|opportunistic|required", ARGUMENT_STRING, true, "tls" }, { "--user", "U", ARGUMENT_STRING, false, "user" }, { "--password-stdin", NULL, ARGUMENT_PASSWORD, false, "password" } } },
	{ .noun = "relay", .verb = "ls", .summary = "list the relay hosts", .kind = VERB_API, .method = "GET", .path = "/api/v1/relays", .columns = "domain host port tls user" },
	{ .noun = "relay", .verb = "rm", .summary = "deliver a domain by its MX again", .kind = VERB_API, .method = "DELETE", .path = "/api/v1/relays/{}", .done = "removed", .arguments = { { "--domain", "D", ARGUMENT_STRING, true, NULL } } },
	{ .noun = "queue", .verb = "ls", .summary = "list what waits", .kind = VERB_API, .method = "GET", .path = "/api/v1/queue?limit=500", .columns = "id accepted_at size from recipients" },
	{ .noun = "queue", .verb = "show", .summary = "one message, with the remote's words", .kind = VERB_API, .method = "GET", .path = "/api/v1/queue/{}", .arguments = { { "ID", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "queue", .verb = "retry", .summary = "try a message now", .kind = VERB_API, .method = "POST", .path = "/api/v1/queue/{}:retry", .done = "due now", .arguments = { { "ID", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "queue", .verb = "rm", .summary = "remove a message without telling its sender", .kind = VERB_API, .method = "DELETE", .path = "/api/v1/queue/{}", .done = "removed", .arguments = { { "ID", NULL, ARGUMENT_STRING, true, NULL } } },
	{ .noun = "version", .summary = "print the version", .kind = VERB_VERSION },
	{ .noun = "manual", .summary = "print the manual page's source", .kind = VERB_MANUAL },
};
const size_t verb_count = sizeof verbs / sizeof verbs[0];

const struct verb *verb_find(int argc, char **argv, int *words_out)
{
	for (size_t i = 0; i < verb_count; i++) {
		const struct verb *v = &verbs[i];

		if (argc < 1 || strcmp(argv[0], v->noun) != 0)
			continue;
		if (!v->verb) {
			*words_out = 1;
			return v;
		}
		if (argc >= 2 && strcmp(argv[1], v->verb) == 0) {
			*words_out = 2;
			return v;
		}
	}
	return NULL;
}
