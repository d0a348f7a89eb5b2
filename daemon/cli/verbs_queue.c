/* cli/verbs_queue.c: the queue and what steers it: destinations, hold rules, suppressed addresses, senders; how TLS went. */
#include "daemon/cli/tables.h"

#define STATES "waiting deferred active held"

/* clang-format off */
/* Which messages: `in` is where a field goes to. */
#define FILTER(place, in) \
	{ "--state", "STATE", ARGUMENT_TEXT, place, in "state", false, STATES, NULL }, \
	{ "--sender", "ADDRESS", ARGUMENT_TEXT, place, in "sender", false, NULL, "of the sender; *@domain for all of a domain" }, \
	{ "--recipient", "ADDRESS", ARGUMENT_TEXT, place, in "recipient", false, NULL, "of a recipient; *@domain for all of a domain" }, \
	{ "--domain", "DOMAIN", ARGUMENT_TEXT, place, in "domain", false, NULL, "of the sender or a recipient" }, \
	{ "--destination", "NAME", ARGUMENT_TEXT, place, in "destination", false, NULL, "the next hop, as queue destinations names it" }, \
	{ "--error", "TEXT", ARGUMENT_TEXT, place, in "error", false, NULL, "in the last error" }, \
	{ "--account", "ADDRESS", ARGUMENT_TEXT, place, in "account", false, NULL, "of the user who sent it" }, \
	{ "--older-than", "TIME", ARGUMENT_AGO, place, in "before", false, NULL, "accepted before: 2h, 2027-01-31" }, \
	{ "--newer-than", "TIME", ARGUMENT_AGO, place, in "after", false, NULL, "accepted after" }
#define IDS { "ID", NULL, ARGUMENT_LIST, PLACE_BODY, "ids", false, NULL, "messages; without: those that the options say, or --all" }

static const struct verb list[] = {
	{ .noun = "queue", .verb = "ls", .operation = "queue_list", .summary = "list what waits", .kind = VERB_LIST, .empty = "Mail queue is empty. That is good.", .columns = "id accepted_at size from recipients", .arguments = {
		FILTER(PLACE_QUERY, ""),
		{ "--from", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "from", false, NULL, "the same as --sender" },
		{ "--to", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "to", false, NULL, "the same as --recipient" },
		{ "--before", "TIME", ARGUMENT_AGO, PLACE_QUERY, "before", false, NULL, "the same as --older-than" },
	} },
	{ .noun = "queue", .verb = "show", .operation = "queue_get", .summary = "one message, with each attempt and the remote's words", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "queue", .verb = "retry", .operation = "queue_retry", .summary = "try messages now", .kind = VERB_STEER, .is = VERB_PLANS | VERB_HAS_JOB, .done = "due now", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
	} },
	{ .noun = "queue", .verb = "hold", .operation = "queue_hold", .summary = "send messages not until they are released", .kind = VERB_STEER, .is = VERB_PLANS | VERB_HAS_JOB, .done = "held", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
	} },
	{ .noun = "queue", .verb = "release", .operation = "queue_release", .summary = "let held messages go", .kind = VERB_STEER, .is = VERB_PLANS | VERB_HAS_JOB, .done = "due now", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
	} },
	{ .noun = "queue", .verb = "bounce", .operation = "queue_bounce", .summary = "give messages back to their senders", .kind = VERB_STEER, .is = VERB_PLANS | VERB_DESTROYS | VERB_HAS_JOB, .done = "given back", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
		{ "--words", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "words", false, NULL, "what the sender is told" },
	} },
	{ .noun = "queue", .verb = "rm", .operation = "queue_delete", .summary = "remove messages without telling their senders", .kind = VERB_STEER, .is = VERB_PLANS | VERB_DESTROYS | VERB_HAS_JOB, .done = "removed", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
	} },
	{ .noun = "queue", .verb = "route", .operation = "queue_route", .summary = "send messages another way", .kind = VERB_STEER, .is = VERB_PLANS | VERB_HAS_JOB, .done = "due now, that way", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
		{ "--via", "HOST:PORT", ARGUMENT_TEXT, PLACE_BODY, "route", true, NULL, "where to; \"\" is as DNS and relays say" },
	} },
	{ .noun = "queue", .verb = "expire", .operation = "queue_expire", .summary = "change when messages are given up", .kind = VERB_STEER, .is = VERB_PLANS | VERB_HAS_JOB, .done = "changed", .arguments = {
		IDS, FILTER(PLACE_BODY, "filter."),
		{ "--at", "TIME", ARGUMENT_AHEAD, PLACE_BODY, "expires_at", true, NULL, "2d, 2027-01-31; now and earlier: at once. All of a message, when one recipient fits" },
	} },
	{ .noun = "queue", .verb = "bulk", .operation = "queue_bulk", .summary = "do the same to many messages", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS | VERB_HAS_JOB, .arguments = {
		{ "ACTION", NULL, ARGUMENT_TEXT, PLACE_BODY, "action", true, "retry delete hold release bounce", NULL },
		{ "--ids", "IDS", ARGUMENT_LIST, PLACE_BODY, "ids", false, NULL, "these, with commas between" },
		FILTER(PLACE_BODY, "filter."),
		{ "--from", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "filter.from", false, NULL, "the same as --sender" },
		{ "--to", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "filter.to", false, NULL, "the same as --recipient" },
		{ "--before", "TIME", ARGUMENT_AGO, PLACE_BODY, "filter.before", false, NULL, "the same as --older-than" },
	} },
	{ .noun = "queue", .verb = "flush", .operation = "queue_bulk", .summary = "try all that waits now", .kind = VERB_API, .is = VERB_PLANS | VERB_HAS_JOB, .fixed_body = "{\"action\":\"retry\",\"filter\":{}}" },
	{ .noun = "queue", .verb = "history", .operation = "queue_history_list", .summary = "list what the queue has finished, the newest first", .kind = VERB_LIST, .is = VERB_NEWEST, .columns = "finished_at id state from recipient reply", .arguments = {
		{ "--state", "STATE", ARGUMENT_TEXT, PLACE_QUERY, "state", false, "delivered relayed bounced removed", NULL },
		{ "--sender", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "sender", false, NULL, "of the sender; *@domain for all of a domain" },
		{ "--recipient", "ADDRESS", ARGUMENT_TEXT, PLACE_QUERY, "recipient", false, NULL, "of the recipient; *@domain for all of a domain" },
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "of sender or recipient" },
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "in subject, addresses and replies" },
		{ "--since", "TIME", ARGUMENT_AGO, PLACE_QUERY, "since", false, NULL, "accepted after: 24h, 2027-01-31" },
		{ "--until", "TIME", ARGUMENT_AGO, PLACE_QUERY, "until", false, NULL, "accepted before" },
	} },
	{ .noun = "queue", .verb = "destinations", .operation = "destinations_list", .summary = "list the next hops that mail waits for", .kind = VERB_LIST, .columns = "name messages active limit failures paused held_until oldest_at last_error", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in their name" },
		{ "--paused", "YES|NO", ARGUMENT_YES_NO, PLACE_QUERY, "paused", false, NULL, "only those that are paused, or only those that are not" },
	} },
	{ .noun = "queue", .verb = "destination", .operation = "destination_get", .summary = "one next hop", .kind = VERB_API, .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "as queue destinations names it: a domain, or HOST:PORT of a relay" },
	} },
	{ .noun = "queue", .verb = "pause", .operation = "destination_pause_put", .summary = "send nothing to a next hop for now", .kind = VERB_API, .is = VERB_PLANS, .done = "paused", .fixed_body = "{}", .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "as queue destinations names it: a domain, or HOST:PORT of a relay" },
		{ "--reason", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "reason", false, NULL, "why, for who looks later" },
		{ "--until", "TIME", ARGUMENT_AHEAD, PLACE_BODY, "until", false, NULL, "2h, 2027-01-31; without it until queue resume" },
	} },
	{ .noun = "queue", .verb = "resume", .operation = "destination_pause_delete", .summary = "send to a next hop again", .kind = VERB_API, .is = VERB_PLANS, .done = "resumed", .arguments = {
		{ "NAME", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, "as queue destinations --paused yes names it" },
	} },

	{ .noun = "hold-rule", .verb = "ls", .operation = "hold_rules_list", .summary = "list what mail is held when it is accepted", .kind = VERB_LIST, .columns = "id sender recipient note matched expires_at" },
	{ .noun = "hold-rule", .verb = "show", .operation = "hold_rule_get", .summary = "one rule", .kind = VERB_API, .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "hold-rule", .verb = "add", .operation = "hold_rule_create", .summary = "hold mail when it is accepted", .kind = VERB_API, .is = VERB_PLANS, .fixed_body = "{}", .arguments = {
		{ "--sender", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "sender", false, NULL, "of the sender; *@domain for all of a domain" },
		{ "--recipient", "ADDRESS", ARGUMENT_TEXT, PLACE_BODY, "recipient", false, NULL, "of a recipient; *@domain for all of a domain" },
		{ "--note", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "note", false, NULL, "why" },
		{ "--expires", "TIME", ARGUMENT_AHEAD, PLACE_BODY, "expires_at", false, NULL, "2d, 2027-01-31" },
		{ "--apply-now", NULL, ARGUMENT_FLAG, PLACE_BODY, "apply_now", false, NULL, "hold what waits already, too" },
	} },
	{ .noun = "hold-rule", .verb = "rm", .operation = "hold_rule_delete", .summary = "remove a rule; what it held stays held", .kind = VERB_API, .is = VERB_PLANS, .done = "removed", .arguments = {
		{ "ID", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "suppression", .verb = "ls", .operation = "suppressions_list", .summary = "list addresses elsewhere that are not written to", .kind = VERB_LIST, .columns = "address source status failures expires_at reply", .arguments = {
		{ "--q", "TEXT", ARGUMENT_TEXT, PLACE_QUERY, "q", false, NULL, "only those with this in them" },
	} },
	{ .noun = "suppression", .verb = "show", .operation = "suppression_get", .summary = "one of them", .kind = VERB_API, .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "suppression", .verb = "add", .operation = "suppression_put", .summary = "write to an address no more", .kind = VERB_API, .is = VERB_PLANS, .done = "suppressed", .fixed_body = "{}", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--reply", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "reply", false, NULL, "what senders are told" },
		{ "--status", "CODE", ARGUMENT_TEXT, PLACE_BODY, "status", false, NULL, "enhanced status code of a permanent failure; 5.1.1 without it" },
		{ "--expires", "TIME", ARGUMENT_AHEAD, PLACE_BODY, "expires_at", false, NULL, "30d, 2027-01-31" },
	} },
	{ .noun = "suppression", .verb = "rm", .operation = "suppression_delete", .summary = "write to an address again", .kind = VERB_API, .is = VERB_PLANS, .done = "removed", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "sender", .verb = "ls", .operation = "senders_list", .summary = "list who sent outside in the last day, or is stopped", .kind = VERB_LIST, .columns = "user hour day new_day failed_day limit_hour limit_day limit_new stopped", .arguments = {
		{ "--stopped", NULL, ARGUMENT_FLAG, PLACE_QUERY, "stopped", false, NULL, "only those who are stopped" },
	} },
	{ .noun = "sender", .verb = "show", .operation = "sender_get", .summary = "what one user sends outside", .kind = VERB_API, .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "sender", .verb = "stop", .operation = "sender_stop", .summary = "take no more mail from a user, and hold what waits", .kind = VERB_API, .is = VERB_PLANS, .done = "stopped", .fixed_body = "{}", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
		{ "--detail", "TEXT", ARGUMENT_TEXT, PLACE_BODY, "detail", false, NULL, "why" },
	} },
	{ .noun = "sender", .verb = "release", .operation = "sender_release", .summary = "let a user send again, and what was held go", .kind = VERB_API, .is = VERB_PLANS, .done = "released", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },
	{ .noun = "sender", .verb = "purge", .operation = "sender_purge", .summary = "let a user send again, and remove what was held", .kind = VERB_API, .is = VERB_PLANS | VERB_DESTROYS, .done = "purged", .arguments = {
		{ "ADDRESS", NULL, ARGUMENT_TEXT, PLACE_PATH, NULL, true, NULL, NULL },
	} },

	{ .noun = "tls", .verb = "results", .operation = "tls_results_list", .summary = "how TLS to other servers went, the newest day first", .kind = VERB_LIST, .is = VERB_NEWEST, .columns = "day domain successes failures policies details", .arguments = {
		{ "--domain", "DOMAIN", ARGUMENT_TEXT, PLACE_QUERY, "domain", false, NULL, "of the recipients" },
	} },
};
/* clang-format on */

const struct verb_table verbs_queue = { list, sizeof list / sizeof list[0] };
