/* api/routes.c: the route table, made of the list of operations: an operation without a handler does not link. */
#include "api/routes.h"

#include <stdio.h>

#include "api/resources.h"

#define ROUTE(name, method, path) [OP_##name] = { #name, method, path, api_##name },
const struct route routes[OP_COUNT] = { OPERATIONS(ROUTE) };

static const unsigned char flags[OP_COUNT] = {
	[OP_status_get] = ROUTE_RUNNING,
	[OP_users_import] = ROUTE_UPLOAD,
	[OP_aliases_import] = ROUTE_UPLOAD,
	[OP_user_delete] = ROUTE_RUNNING,
	[OP_users_bulk] = ROUTE_RUNNING,
	[OP_me_grants_list] = ROUTE_RUNNING,
	[OP_me_grant_set] = ROUTE_RUNNING,
	[OP_me_grant_delete] = ROUTE_RUNNING,
	[OP_me_granted_list] = ROUTE_RUNNING,
	[OP_user_grants_list] = ROUTE_RUNNING,
	[OP_user_grant_set] = ROUTE_RUNNING,
	[OP_user_grant_delete] = ROUTE_RUNNING,
	[OP_user_granted_list] = ROUTE_RUNNING,
	[OP_queue_list] = ROUTE_RUNNING,
	[OP_queue_get] = ROUTE_RUNNING,
	[OP_queue_retry] = ROUTE_RUNNING,
	[OP_queue_delete] = ROUTE_RUNNING,
	[OP_queue_bulk] = ROUTE_RUNNING,
	[OP_queue_history_list] = ROUTE_TRACE,
	[OP_queue_hold] = ROUTE_RUNNING,
	[OP_queue_release] = ROUTE_RUNNING,
	[OP_queue_bounce] = ROUTE_RUNNING,
	[OP_queue_route] = ROUTE_RUNNING,
	[OP_queue_expire] = ROUTE_RUNNING,
	[OP_hold_rules_list] = ROUTE_RUNNING,
	[OP_hold_rule_create] = ROUTE_RUNNING,
	[OP_hold_rule_get] = ROUTE_RUNNING,
	[OP_hold_rule_delete] = ROUTE_RUNNING,
	[OP_suppressions_list] = ROUTE_RUNNING,
	[OP_suppression_get] = ROUTE_RUNNING,
	[OP_suppression_put] = ROUTE_RUNNING,
	[OP_suppression_delete] = ROUTE_RUNNING,
	[OP_senders_list] = ROUTE_RUNNING,
	[OP_sender_get] = ROUTE_RUNNING,
	[OP_sender_stop] = ROUTE_RUNNING,
	[OP_sender_release] = ROUTE_RUNNING,
	[OP_sender_purge] = ROUTE_RUNNING,
	[OP_destinations_list] = ROUTE_RUNNING,
	[OP_destination_get] = ROUTE_RUNNING,
	[OP_destination_pause_put] = ROUTE_RUNNING,
	[OP_destination_pause_delete] = ROUTE_RUNNING,
	[OP_relay_probe] = ROUTE_RELAY,
	[OP_tls_results_list] = ROUTE_RELAY,
	[OP_metrics_get] = ROUTE_RUNNING | ROUTE_TRACE,
	[OP_message_send] = ROUTE_RUNNING | ROUTE_UPLOAD,
	[OP_apply_create] = ROUTE_UPLOAD,
	[OP_messages_list] = ROUTE_TRACE,
	[OP_message_get] = ROUTE_TRACE,
	[OP_events_watch] = ROUTE_EVENTS,
	[OP_webhooks_list] = ROUTE_WEBHOOKS,
	[OP_webhook_create] = ROUTE_WEBHOOKS,
	[OP_webhook_get] = ROUTE_WEBHOOKS,
	[OP_webhook_update] = ROUTE_WEBHOOKS,
	[OP_webhook_delete] = ROUTE_WEBHOOKS,
	[OP_webhook_rotate_secret] = ROUTE_WEBHOOKS,
	[OP_webhook_test] = ROUTE_WEBHOOKS,
	[OP_webhook_deliveries_list] = ROUTE_WEBHOOKS,
	[OP_webhook_redeliver] = ROUTE_WEBHOOKS,
};

unsigned route_flags(enum operation operation)
{
	return flags[operation];
}

/* Matches segment by segment. */
static bool path_matches(const char *pattern, struct span path, struct span args[CALL_MAX_ARGS])
{
	struct span pattern_rest = span_str(pattern), path_rest = path, want, got;
	size_t count = 0;

	while (span_split(&pattern_rest, '/', &want)) {
		struct span verb;

		if (!span_split(&path_rest, '/', &got))
			return false;
		if (!span_starts(want, SPAN("{}"))) {
			if (!span_equals(want, got))
				return false;
			continue;
		}
		verb = span_skip(want, 2);
		if (!span_ends(got, verb) || got.len <= verb.len || count == CALL_MAX_ARGS)
			return false;
		args[count++] = span_take(got, got.len - verb.len);
	}
	return !span_split(&path_rest, '/', &got);
}

/* RFC 9110 15.5.6: a 405 says what is allowed. */
static void add_allowed(char allow[ROUTE_ALLOW_MAX], const char *method)
{
	size_t len = strlen(allow);

	if (strstr(allow, method)) /* of a path that fits two patterns */
		return;
	snprintf(allow + len, ROUTE_ALLOW_MAX - len, "%s%s%s", len ? ", " : "", method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

bool routes_find(struct span method, struct span path, enum operation *out, struct span args[CALL_MAX_ARGS], char allow[ROUTE_ALLOW_MAX])
{
	allow[0] = '\0';
	for (int i = 0; i < OP_COUNT; i++) {
		struct span found[CALL_MAX_ARGS] = { { NULL, 0 } };

		if (!path_matches(routes[i].path, path, found))
			continue;
		if (span_equals(method, span_str(routes[i].method))) {
			memcpy(args, found, sizeof found);
			*out = (enum operation)i;
			return true;
		}
		add_allowed(allow, routes[i].method);
	}
	return false;
}
