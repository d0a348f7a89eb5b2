/* api/policy.c: the table of who may do what. What of a resource somebody reaches (domains, their own) is the handlers' affair. */
#include "api/policy.h"

#define OWN MAY_OWNER
#define MANAGES (MAY_ADMIN | MAY_OWNER)
#define MANAGES_DOMAIN (MANAGES | MAY_DOMAIN_ADMIN)
#define READS (MANAGES | MAY_AUDITOR)
#define READS_DOMAIN (MANAGES_DOMAIN | MAY_AUDITOR)
#define ALL (READS_DOMAIN | MAY_USER)
#define PERSON (DEMAND_NO_TOKEN | DEMAND_ACCOUNT)

const struct policy policies[OP_COUNT] = {
	[OP_status_get] = { READS, "metrics:read", 0 },
	[OP_setup_create] = { OWN, NULL, DEMAND_NO_TOKEN | DEMAND_LOCAL },
	[OP_session_get] = { ALL, NULL, PERSON },
	[OP_session_create] = { MAY_ANYBODY, NULL, 0 },
	[OP_session_delete] = { ALL, NULL, PERSON },
	[OP_session_prove] = { ALL, NULL, PERSON },
	[OP_session_passkey_options] = { MAY_ANYBODY, NULL, 0 },
	[OP_session_passkey_create] = { MAY_ANYBODY, NULL, 0 },
	[OP_me_get] = { ALL, NULL, DEMAND_ACCOUNT },
	[OP_me_update] = { ALL, NULL, PERSON },
	[OP_me_password_set] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_sessions_list] = { ALL, NULL, PERSON },
	[OP_me_sessions_revoke] = { ALL, NULL, PERSON },
	[OP_me_session_delete] = { ALL, NULL, PERSON },
	[OP_me_devices_list] = { ALL, NULL, PERSON },
	[OP_me_totp_get] = { ALL, NULL, PERSON },
	[OP_me_totp_create] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_totp_confirm] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_totp_delete] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_recovery_codes_create] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_passkeys_list] = { ALL, NULL, PERSON },
	[OP_me_passkey_options] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_passkey_create] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_passkey_delete] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_app_passwords_list] = { ALL, NULL, PERSON },
	[OP_me_app_password_create] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_me_app_password_delete] = { ALL, NULL, PERSON | DEMAND_PROVEN },
	[OP_domains_list] = { READS_DOMAIN, "domains:read", 0 },
	[OP_domain_create] = { MANAGES, "domains:write", 0 },
	[OP_domain_get] = { READS_DOMAIN, "domains:read", 0 },
	[OP_domain_put] = { MANAGES, "domains:write", 0 },
	[OP_domain_delete] = { MANAGES, "domains:write", DEMAND_PROVEN },
	[OP_users_list] = { READS_DOMAIN, "users:read", 0 },
	[OP_user_create] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_users_import] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_users_export] = { READS_DOMAIN, "users:read", 0 },
	[OP_users_bulk] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_user_get] = { READS_DOMAIN, "users:read", 0 },
	[OP_user_put] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_user_update] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_user_delete] = { MANAGES_DOMAIN, "users:write", DEMAND_PROVEN },
	[OP_user_password_set] = { MANAGES_DOMAIN, "users:write", DEMAND_PROVEN },
	[OP_user_app_passwords_list] = { READS_DOMAIN, "users:read", 0 },
	[OP_user_app_password_delete] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_user_sessions_revoke] = { MANAGES_DOMAIN, "users:write", 0 },
	[OP_user_second_factor_reset] = { MANAGES_DOMAIN, "users:write", DEMAND_PROVEN },
	[OP_aliases_list] = { READS_DOMAIN, "aliases:read", 0 },
	[OP_alias_create] = { MANAGES_DOMAIN, "aliases:write", 0 },
	[OP_aliases_import] = { MANAGES_DOMAIN, "aliases:write", 0 },
	[OP_aliases_export] = { READS_DOMAIN, "aliases:read", 0 },
	[OP_aliases_bulk] = { MANAGES_DOMAIN, "aliases:write", 0 },
	[OP_alias_get] = { READS_DOMAIN, "aliases:read", 0 },
	[OP_alias_put] = { MANAGES_DOMAIN, "aliases:write", 0 },
	[OP_alias_update] = { MANAGES_DOMAIN, "aliases:write", 0 },
	[OP_alias_delete] = { MANAGES_DOMAIN, "aliases:write", 0 },
	[OP_relays_list] = { READS, "relays:read", 0 },
	[OP_relay_get] = { READS, "relays:read", 0 },
	[OP_relay_put] = { MANAGES, "relays:write", 0 },
	[OP_relay_delete] = { MANAGES, "relays:write", 0 },
	[OP_queue_list] = { READS_DOMAIN, "queue:read", 0 },
	[OP_queue_get] = { READS_DOMAIN, "queue:read", 0 },
	[OP_queue_retry] = { MANAGES, "queue:manage", 0 },
	[OP_queue_delete] = { MANAGES, "queue:manage", 0 },
	[OP_queue_bulk] = { MANAGES, "queue:manage", 0 },
	[OP_messages_list] = { READS_DOMAIN, "messages:read", 0 },
	[OP_message_send] = { MANAGES_DOMAIN | MAY_USER, "messages:send", 0 },
	[OP_message_get] = { ALL, "messages:read", 0 }, /* users: what they sent */
	[OP_settings_list] = { READS, "settings:read", 0 },
	[OP_settings_update] = { MANAGES, "settings:write", 0 },
	[OP_certificates_list] = { READS, "certificates:read", 0 },
	[OP_certificate_get] = { READS, "certificates:read", 0 },
	[OP_certificate_put] = { MANAGES, "certificates:write", DEMAND_PROVEN },
	[OP_certificate_delete] = { MANAGES, "certificates:write", 0 },
	[OP_tokens_list] = { READS_DOMAIN, NULL, DEMAND_NO_TOKEN },
	[OP_token_create] = { MANAGES_DOMAIN, NULL, DEMAND_NO_TOKEN | DEMAND_PROVEN },
	[OP_token_get] = { READS_DOMAIN, NULL, DEMAND_NO_TOKEN },
	[OP_token_delete] = { MANAGES_DOMAIN, NULL, DEMAND_NO_TOKEN | DEMAND_PROVEN },
	[OP_admins_list] = { READS, NULL, DEMAND_NO_TOKEN },
	[OP_admin_create] = { OWN, NULL, DEMAND_NO_TOKEN | DEMAND_PROVEN },
	[OP_admin_get] = { READS, NULL, DEMAND_NO_TOKEN },
	[OP_admin_update] = { OWN, NULL, DEMAND_NO_TOKEN | DEMAND_PROVEN },
	[OP_admin_delete] = { OWN, NULL, DEMAND_NO_TOKEN | DEMAND_PROVEN },
	[OP_audit_list] = { READS_DOMAIN, "audit:read", 0 },
	[OP_audit_verify] = { READS, "audit:read", 0 },
	[OP_events_watch] = { READS_DOMAIN, "events:read", 0 },
	[OP_webhooks_list] = { READS, "webhooks:read", 0 },
	[OP_webhook_create] = { MANAGES, "webhooks:write", DEMAND_PROVEN },
	[OP_webhook_get] = { READS, "webhooks:read", 0 },
	[OP_webhook_update] = { MANAGES, "webhooks:write", 0 },
	[OP_webhook_delete] = { MANAGES, "webhooks:write", 0 },
	[OP_webhook_rotate_secret] = { MANAGES, "webhooks:write", DEMAND_PROVEN },
	[OP_webhook_test] = { MANAGES, "webhooks:write", 0 },
	[OP_webhook_deliveries_list] = { READS, "webhooks:read", 0 },
	[OP_webhook_redeliver] = { MANAGES, "webhooks:write", 0 },
	[OP_jobs_list] = { READS_DOMAIN, "jobs:read", 0 }, /* domain admins: their own */
	[OP_job_get] = { READS_DOMAIN, "jobs:read", 0 },
	[OP_job_items_list] = { READS_DOMAIN, "jobs:read", 0 },
	[OP_job_cancel] = { MANAGES_DOMAIN, "jobs:manage", 0 },
	[OP_refusals_list] = { READS, "refusals:read", 0 },
	[OP_refusal_delete] = { MANAGES, "refusals:manage", 0 },
	[OP_submitters_list] = { READS, "submitters:read", 0 },
	[OP_submitter_put] = { MANAGES, "submitters:write", 0 },
	[OP_submitter_delete] = { MANAGES, "submitters:write", 0 },
	[OP_export_get] = { READS, "config:read", 0 },
	[OP_apply_create] = { MANAGES, "config:write", DEMAND_PROVEN },
	[OP_openapi_get] = { MAY_ANYBODY, NULL, 0 },
	[OP_metrics_get] = { READS, "metrics:read", 0 },
};

static const char *const scopes[] = {
	"aliases:read",
	"aliases:write",
	"audit:read",
	"certificates:read",
	"certificates:write",
	"config:read",
	"config:write",
	"domains:read",
	"domains:write",
	"events:read",
	"jobs:manage",
	"jobs:read",
	"messages:read",
	"messages:send",
	"metrics:read",
	"queue:manage",
	"queue:read",
	"refusals:manage",
	"refusals:read",
	"relays:read",
	"relays:write",
	"settings:read",
	"settings:write",
	"submitters:read",
	"submitters:write",
	"users:read",
	"users:write",
	"webhooks:read",
	"webhooks:write",
};

unsigned policy_role_bit(enum role role)
{
	switch (role) {
	case ROLE_USER: return MAY_USER;
	case ROLE_OWNER: return MAY_OWNER;
	case ROLE_ADMIN: return MAY_ADMIN;
	case ROLE_DOMAIN_ADMIN: return MAY_DOMAIN_ADMIN;
	case ROLE_AUDITOR: return MAY_AUDITOR;
	}
	return 0;
}

bool policy_is_scope(struct span word)
{
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
		if (span_equals(word, span_str(scopes[i])))
			return true;
	return false;
}
