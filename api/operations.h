/* api/operations.h: every operation of the API: operationId, method, path. Internal to api/.
 *
 * What else is known of an operation stands beside its name elsewhere: who may call it in policy.c, its handler in routes.c, parameters, body and
 * answers in openapi/. A test walks all three.
 */
#ifndef POSTROOM_API_OPERATIONS_H
#define POSTROOM_API_OPERATIONS_H

/* {} stands for one segment; ":verb" ends a path. */
/* clang-format off */
#define OPERATIONS(X) \
	X(status_get, "GET", "/api/v1/status") \
	X(setup_create, "POST", "/api/v1/setup") \
	X(session_get, "GET", "/api/v1/session") \
	X(session_create, "POST", "/api/v1/session") \
	X(session_delete, "DELETE", "/api/v1/session") \
	X(session_prove, "POST", "/api/v1/session:prove") \
	X(session_passkey_options, "POST", "/api/v1/session/passkey:options") \
	X(session_passkey_create, "POST", "/api/v1/session/passkey") \
	X(me_get, "GET", "/api/v1/me") \
	X(me_update, "PATCH", "/api/v1/me") \
	X(me_password_set, "PUT", "/api/v1/me/password") \
	X(me_sessions_list, "GET", "/api/v1/me/sessions") \
	X(me_sessions_revoke, "POST", "/api/v1/me/sessions:revoke") \
	X(me_session_delete, "DELETE", "/api/v1/me/sessions/{}") \
	X(me_devices_list, "GET", "/api/v1/me/devices") \
	X(me_totp_get, "GET", "/api/v1/me/totp") \
	X(me_totp_create, "POST", "/api/v1/me/totp") \
	X(me_totp_confirm, "POST", "/api/v1/me/totp:confirm") \
	X(me_totp_delete, "DELETE", "/api/v1/me/totp") \
	X(me_recovery_codes_create, "POST", "/api/v1/me/recovery_codes") \
	X(me_passkeys_list, "GET", "/api/v1/me/passkeys") \
	X(me_passkey_options, "POST", "/api/v1/me/passkeys:options") \
	X(me_passkey_create, "POST", "/api/v1/me/passkeys") \
	X(me_passkey_delete, "DELETE", "/api/v1/me/passkeys/{}") \
	X(me_app_passwords_list, "GET", "/api/v1/me/app_passwords") \
	X(me_app_password_create, "POST", "/api/v1/me/app_passwords") \
	X(me_app_password_delete, "DELETE", "/api/v1/me/app_passwords/{}") \
	X(me_forwards_get, "GET", "/api/v1/me/forwards") \
	X(me_forwards_put, "PUT", "/api/v1/me/forwards") \
	X(me_grants_list, "GET", "/api/v1/me/grants") \
	X(me_grant_set, "POST", "/api/v1/me/grants") \
	X(me_grant_delete, "DELETE", "/api/v1/me/grants/{}") \
	X(me_granted_list, "GET", "/api/v1/me/granted") \
	X(domains_list, "GET", "/api/v1/domains") \
	X(domain_create, "POST", "/api/v1/domains") \
	X(domain_get, "GET", "/api/v1/domains/{}") \
	X(domain_put, "PUT", "/api/v1/domains/{}") \
	X(domain_update, "PATCH", "/api/v1/domains/{}") \
	X(domain_delete, "DELETE", "/api/v1/domains/{}") \
	X(users_list, "GET", "/api/v1/users") \
	X(user_create, "POST", "/api/v1/users") \
	X(users_import, "POST", "/api/v1/users:import") \
	X(users_export, "GET", "/api/v1/users:export") \
	X(users_bulk, "POST", "/api/v1/users:bulk") \
	X(user_get, "GET", "/api/v1/users/{}") \
	X(user_put, "PUT", "/api/v1/users/{}") \
	X(user_update, "PATCH", "/api/v1/users/{}") \
	X(user_delete, "DELETE", "/api/v1/users/{}") \
	X(user_password_set, "PUT", "/api/v1/users/{}/password") \
	X(user_app_passwords_list, "GET", "/api/v1/users/{}/app_passwords") \
	X(user_app_password_delete, "DELETE", "/api/v1/users/{}/app_passwords/{}") \
	X(user_sessions_revoke, "POST", "/api/v1/users/{}:revoke_sessions") \
	X(user_second_factor_reset, "POST", "/api/v1/users/{}:reset_second_factor") \
	X(user_check_get, "GET", "/api/v1/users/{}/check") \
	X(user_grants_list, "GET", "/api/v1/users/{}/grants") \
	X(user_grant_set, "POST", "/api/v1/users/{}/grants") \
	X(user_grant_delete, "DELETE", "/api/v1/users/{}/grants/{}") \
	X(user_granted_list, "GET", "/api/v1/users/{}/granted") \
	X(checks_create, "POST", "/api/v1/checks") \
	X(aliases_list, "GET", "/api/v1/aliases") \
	X(alias_create, "POST", "/api/v1/aliases") \
	X(aliases_import, "POST", "/api/v1/aliases:import") \
	X(aliases_export, "GET", "/api/v1/aliases:export") \
	X(aliases_bulk, "POST", "/api/v1/aliases:bulk") \
	X(alias_get, "GET", "/api/v1/aliases/{}") \
	X(alias_put, "PUT", "/api/v1/aliases/{}") \
	X(alias_update, "PATCH", "/api/v1/aliases/{}") \
	X(alias_delete, "DELETE", "/api/v1/aliases/{}") \
	X(relays_list, "GET", "/api/v1/relays") \
	X(relay_get, "GET", "/api/v1/relays/{}") \
	X(relay_put, "PUT", "/api/v1/relays/{}") \
	X(relay_delete, "DELETE", "/api/v1/relays/{}") \
	X(relay_probe, "POST", "/api/v1/relays:probe") \
	X(tls_rules_list, "GET", "/api/v1/tls_rules") \
	X(tls_rule_get, "GET", "/api/v1/tls_rules/{}") \
	X(tls_rule_put, "PUT", "/api/v1/tls_rules/{}") \
	X(tls_rule_delete, "DELETE", "/api/v1/tls_rules/{}") \
	X(tls_results_list, "GET", "/api/v1/tls_results") \
	X(queue_list, "GET", "/api/v1/queue") \
	X(queue_history_list, "GET", "/api/v1/queue/history") \
	X(destinations_list, "GET", "/api/v1/queue/destinations") \
	X(destination_get, "GET", "/api/v1/queue/destinations/{}") \
	X(destination_pause_put, "PUT", "/api/v1/queue/destinations/{}/pause") \
	X(destination_pause_delete, "DELETE", "/api/v1/queue/destinations/{}/pause") \
	X(queue_get, "GET", "/api/v1/queue/{}") \
	X(queue_retry, "POST", "/api/v1/queue/{}:retry") \
	X(queue_hold, "POST", "/api/v1/queue/{}:hold") \
	X(queue_release, "POST", "/api/v1/queue/{}:release") \
	X(queue_bounce, "POST", "/api/v1/queue/{}:bounce") \
	X(queue_route, "POST", "/api/v1/queue/{}:route") \
	X(queue_expire, "POST", "/api/v1/queue/{}:expire") \
	X(queue_delete, "DELETE", "/api/v1/queue/{}") \
	X(queue_bulk, "POST", "/api/v1/queue:bulk") \
	X(hold_rules_list, "GET", "/api/v1/hold_rules") \
	X(hold_rule_create, "POST", "/api/v1/hold_rules") \
	X(hold_rule_get, "GET", "/api/v1/hold_rules/{}") \
	X(hold_rule_delete, "DELETE", "/api/v1/hold_rules/{}") \
	X(suppressions_list, "GET", "/api/v1/suppressions") \
	X(suppression_get, "GET", "/api/v1/suppressions/{}") \
	X(suppression_put, "PUT", "/api/v1/suppressions/{}") \
	X(suppression_delete, "DELETE", "/api/v1/suppressions/{}") \
	X(senders_list, "GET", "/api/v1/senders") \
	X(sender_get, "GET", "/api/v1/senders/{}") \
	X(sender_stop, "POST", "/api/v1/senders/{}:stop") \
	X(sender_release, "POST", "/api/v1/senders/{}:release") \
	X(sender_purge, "POST", "/api/v1/senders/{}:purge") \
	X(messages_list, "GET", "/api/v1/messages") \
	X(message_send, "POST", "/api/v1/messages") \
	X(message_get, "GET", "/api/v1/messages/{}") \
	X(settings_list, "GET", "/api/v1/settings") \
	X(settings_update, "PATCH", "/api/v1/settings") \
	X(certificates_list, "GET", "/api/v1/certificates") \
	X(certificate_get, "GET", "/api/v1/certificates/{}") \
	X(certificate_put, "PUT", "/api/v1/certificates/{}") \
	X(certificate_delete, "DELETE", "/api/v1/certificates/{}") \
	X(tokens_list, "GET", "/api/v1/tokens") \
	X(token_create, "POST", "/api/v1/tokens") \
	X(token_get, "GET", "/api/v1/tokens/{}") \
	X(token_delete, "DELETE", "/api/v1/tokens/{}") \
	X(admins_list, "GET", "/api/v1/admins") \
	X(admin_create, "POST", "/api/v1/admins") \
	X(admin_get, "GET", "/api/v1/admins/{}") \
	X(admin_update, "PATCH", "/api/v1/admins/{}") \
	X(admin_delete, "DELETE", "/api/v1/admins/{}") \
	X(audit_list, "GET", "/api/v1/audit") \
	X(audit_verify, "GET", "/api/v1/audit:verify") \
	X(events_watch, "GET", "/api/v1/events") \
	X(webhooks_list, "GET", "/api/v1/webhooks") \
	X(webhook_create, "POST", "/api/v1/webhooks") \
	X(webhook_get, "GET", "/api/v1/webhooks/{}") \
	X(webhook_update, "PATCH", "/api/v1/webhooks/{}") \
	X(webhook_delete, "DELETE", "/api/v1/webhooks/{}") \
	X(webhook_rotate_secret, "POST", "/api/v1/webhooks/{}:rotate_secret") \
	X(webhook_test, "POST", "/api/v1/webhooks/{}:test") \
	X(webhook_deliveries_list, "GET", "/api/v1/webhooks/{}/deliveries") \
	X(webhook_redeliver, "POST", "/api/v1/webhooks/{}/deliveries/{}:redeliver") \
	X(jobs_list, "GET", "/api/v1/jobs") \
	X(job_get, "GET", "/api/v1/jobs/{}") \
	X(job_items_list, "GET", "/api/v1/jobs/{}/items") \
	X(job_cancel, "POST", "/api/v1/jobs/{}:cancel") \
	X(refusals_list, "GET", "/api/v1/refusals") \
	X(refusal_delete, "DELETE", "/api/v1/refusals/{}") \
	X(submitters_list, "GET", "/api/v1/submitters") \
	X(submitter_put, "PUT", "/api/v1/submitters/{}") \
	X(submitter_delete, "DELETE", "/api/v1/submitters/{}") \
	X(export_get, "GET", "/api/v1/export") \
	X(apply_create, "POST", "/api/v1/apply") \
	X(openapi_get, "GET", "/api/v1/openapi.json") \
	X(metrics_get, "GET", "/metrics")
/* clang-format on */

#define OPERATION_NAME(name, method, path) OP_##name,
enum operation { OPERATIONS(OPERATION_NAME) OP_COUNT };
#undef OPERATION_NAME

#endif
