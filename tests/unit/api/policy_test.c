/* Who may do what: every operation with every role, against a table of its own; then the same asked of the API with a session of each role. */
#include <string.h>

#include "api/policy.h"
#include "api/routes.h"
#include "daemon/auth/web_session.h"
#include "tests/unit/api/world.h"

/* Roles: user, auditor, domain admin, admin, owner; "*": anybody. Demands: proven, no token, local, account of one's own (c). */
static const struct wanted {
	const char *name, *roles, *demands, *scope;
} wanted[] = {
	{ "status_get", ".a.mo", "", "metrics:read" },
	{ "setup_create", "....o", "tl", NULL },
	{ "session_get", "uadmo", "tc", NULL },
	{ "session_create", "*", "", NULL },
	{ "session_delete", "uadmo", "tc", NULL },
	{ "session_prove", "uadmo", "tc", NULL },
	{ "session_passkey_options", "*", "", NULL },
	{ "session_passkey_create", "*", "", NULL },
	{ "me_get", "uadmo", "c", NULL },
	{ "me_update", "uadmo", "tc", NULL },
	{ "me_password_set", "uadmo", "ptc", NULL },
	{ "me_sessions_list", "uadmo", "tc", NULL },
	{ "me_sessions_revoke", "uadmo", "tc", NULL },
	{ "me_session_delete", "uadmo", "tc", NULL },
	{ "me_devices_list", "uadmo", "tc", NULL },
	{ "me_totp_get", "uadmo", "tc", NULL },
	{ "me_totp_create", "uadmo", "ptc", NULL },
	{ "me_totp_confirm", "uadmo", "ptc", NULL },
	{ "me_totp_delete", "uadmo", "ptc", NULL },
	{ "me_recovery_codes_create", "uadmo", "ptc", NULL },
	{ "me_passkeys_list", "uadmo", "tc", NULL },
	{ "me_passkey_options", "uadmo", "ptc", NULL },
	{ "me_passkey_create", "uadmo", "ptc", NULL },
	{ "me_passkey_delete", "uadmo", "ptc", NULL },
	{ "me_app_passwords_list", "uadmo", "tc", NULL },
	{ "me_app_password_create", "uadmo", "ptc", NULL },
	{ "me_app_password_delete", "uadmo", "ptc", NULL },
	{ "me_forwards_get", "uadmo", "tc", NULL },
	{ "me_forwards_put", "uadmo", "ptc", NULL },
	{ "me_grants_list", "uadmo", "tc", NULL },
	{ "me_grant_set", "uadmo", "ptc", NULL },
	{ "me_grant_delete", "uadmo", "tc", NULL },
	{ "me_granted_list", "uadmo", "tc", NULL },
	{ "domains_list", ".admo", "", "domains:read" },
	{ "domain_create", "...mo", "", "domains:write" },
	{ "domain_get", ".admo", "", "domains:read" },
	{ "domain_put", "...mo", "", "domains:write" },
	{ "domain_update", "...mo", "", "domains:write" },
	{ "domain_delete", "...mo", "p", "domains:write" },
	{ "users_list", ".admo", "", "users:read" },
	{ "user_create", "..dmo", "", "users:write" },
	{ "users_import", "..dmo", "", "users:write" },
	{ "users_export", ".admo", "", "users:read" },
	{ "users_bulk", "..dmo", "", "users:write" },
	{ "user_get", ".admo", "", "users:read" },
	{ "user_put", "..dmo", "", "users:write" },
	{ "user_update", "..dmo", "", "users:write" },
	{ "user_delete", "..dmo", "p", "users:write" },
	{ "user_password_set", "..dmo", "p", "users:write" },
	{ "user_app_passwords_list", ".admo", "", "users:read" },
	{ "user_app_password_delete", "..dmo", "", "users:write" },
	{ "user_sessions_revoke", "..dmo", "", "users:write" },
	{ "user_second_factor_reset", "..dmo", "p", "users:write" },
	{ "user_check_get", ".admo", "", "users:read" },
	{ "user_grants_list", ".admo", "", "users:read" },
	{ "user_grant_set", "..dmo", "p", "users:write" },
	{ "user_grant_delete", "..dmo", "", "users:write" },
	{ "user_granted_list", ".admo", "", "users:read" },
	{ "checks_create", "...mo", "", "users:write" },
	{ "aliases_list", ".admo", "", "aliases:read" },
	{ "alias_create", "..dmo", "", "aliases:write" },
	{ "aliases_import", "..dmo", "", "aliases:write" },
	{ "aliases_export", ".admo", "", "aliases:read" },
	{ "aliases_bulk", "..dmo", "", "aliases:write" },
	{ "alias_get", ".admo", "", "aliases:read" },
	{ "alias_put", "..dmo", "", "aliases:write" },
	{ "alias_update", "..dmo", "", "aliases:write" },
	{ "alias_delete", "..dmo", "", "aliases:write" },
	{ "relays_list", ".a.mo", "", "relays:read" },
	{ "relay_get", ".a.mo", "", "relays:read" },
	{ "relay_put", "...mo", "", "relays:write" },
	{ "relay_delete", "...mo", "", "relays:write" },
	{ "relay_probe", "...mo", "", "relays:probe" },
	{ "tls_rules_list", ".a.mo", "", "relays:read" },
	{ "tls_rule_get", ".a.mo", "", "relays:read" },
	{ "tls_rule_put", "...mo", "", "relays:write" },
	{ "tls_rule_delete", "...mo", "", "relays:write" },
	{ "tls_results_list", ".a.mo", "", "relays:read" },
	{ "queue_list", ".admo", "", "queue:read" },
	{ "queue_history_list", ".admo", "", "queue:read" },
	{ "destinations_list", ".a.mo", "", "queue:read" },
	{ "destination_get", ".a.mo", "", "queue:read" },
	{ "destination_pause_put", "...mo", "", "queue:manage" },
	{ "destination_pause_delete", "...mo", "", "queue:manage" },
	{ "queue_get", ".admo", "", "queue:read" },
	{ "queue_retry", "...mo", "", "queue:manage" },
	{ "queue_hold", "...mo", "", "queue:manage" },
	{ "queue_release", "...mo", "", "queue:manage" },
	{ "queue_bounce", "...mo", "", "queue:manage" },
	{ "queue_route", "...mo", "", "queue:manage" },
	{ "queue_expire", "...mo", "", "queue:manage" },
	{ "queue_delete", "...mo", "", "queue:manage" },
	{ "queue_bulk", "...mo", "", "queue:manage" },
	{ "hold_rules_list", ".a.mo", "", "queue:read" },
	{ "hold_rule_create", "...mo", "", "queue:manage" },
	{ "hold_rule_get", ".a.mo", "", "queue:read" },
	{ "hold_rule_delete", "...mo", "", "queue:manage" },
	{ "suppressions_list", ".a.mo", "", "queue:read" },
	{ "suppression_get", ".a.mo", "", "queue:read" },
	{ "suppression_put", "...mo", "", "queue:manage" },
	{ "suppression_delete", "...mo", "", "queue:manage" },
	{ "senders_list", ".admo", "", "senders:read" },
	{ "sender_get", ".admo", "", "senders:read" },
	{ "sender_stop", "...mo", "", "senders:manage" },
	{ "sender_release", "...mo", "", "senders:manage" },
	{ "sender_purge", "...mo", "", "senders:manage" },
	{ "messages_list", ".admo", "", "messages:read" },
	{ "message_send", "u.dmo", "", "messages:send" },
	{ "message_get", "uadmo", "", "messages:read" },
	{ "settings_list", ".a.mo", "", "settings:read" },
	{ "settings_update", "...mo", "", "settings:write" },
	{ "certificates_list", ".a.mo", "", "certificates:read" },
	{ "certificate_get", ".a.mo", "", "certificates:read" },
	{ "certificate_put", "...mo", "p", "certificates:write" },
	{ "certificate_delete", "...mo", "", "certificates:write" },
	{ "tokens_list", ".admo", "t", NULL },
	{ "token_create", "..dmo", "pt", NULL },
	{ "token_get", ".admo", "t", NULL },
	{ "token_delete", "..dmo", "pt", NULL },
	{ "admins_list", ".a.mo", "t", NULL },
	{ "admin_create", "....o", "pt", NULL },
	{ "admin_get", ".a.mo", "t", NULL },
	{ "admin_update", "....o", "pt", NULL },
	{ "admin_delete", "....o", "pt", NULL },
	{ "audit_list", ".admo", "", "audit:read" },
	{ "audit_verify", ".a.mo", "", "audit:read" },
	{ "events_watch", ".admo", "", "events:read" },
	{ "webhooks_list", ".a.mo", "", "webhooks:read" },
	{ "webhook_create", "...mo", "p", "webhooks:write" },
	{ "webhook_get", ".a.mo", "", "webhooks:read" },
	{ "webhook_update", "...mo", "", "webhooks:write" },
	{ "webhook_delete", "...mo", "", "webhooks:write" },
	{ "webhook_rotate_secret", "...mo", "p", "webhooks:write" },
	{ "webhook_test", "...mo", "", "webhooks:write" },
	{ "webhook_deliveries_list", ".a.mo", "", "webhooks:read" },
	{ "webhook_redeliver", "...mo", "", "webhooks:write" },
	{ "jobs_list", ".admo", "", "jobs:read" },
	{ "job_get", ".admo", "", "jobs:read" },
	{ "job_items_list", ".admo", "", "jobs:read" },
	{ "job_cancel", "..dmo", "", "jobs:manage" },
	{ "refusals_list", ".a.mo", "", "refusals:read" },
	{ "refusal_delete", "...mo", "", "refusals:manage" },
	{ "submitters_list", ".a.mo", "", "submitters:read" },
	{ "submitter_put", "...mo", "", "submitters:write" },
	{ "submitter_delete", "...mo", "", "submitters:write" },
	{ "export_get", ".a.mo", "", "config:read" },
	{ "apply_create", "...mo", "p", "config:write" },
	{ "openapi_get", "*", "", NULL },
	{ "metrics_get", ".a.mo", "", "metrics:read" },
};

static const struct {
	char letter;
	enum role role;
	unsigned bit;
} roles[] = {
	{ 'u', ROLE_USER, MAY_USER },
	{ 'a', ROLE_AUDITOR, MAY_AUDITOR },
	{ 'd', ROLE_DOMAIN_ADMIN, MAY_DOMAIN_ADMIN },
	{ 'm', ROLE_ADMIN, MAY_ADMIN },
	{ 'o', ROLE_OWNER, MAY_OWNER },
};
#define ROLES (sizeof roles / sizeof roles[0])

static const struct wanted *row_of(enum operation operation)
{
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (strcmp(wanted[i].name, routes[operation].name) == 0)
			return &wanted[i];
	fail_msg("%s stands in no row here", routes[operation].name);
	return NULL;
}

static void every_operation_has_its_row(void **state)
{
	(void)state;
	assert_int_equal(sizeof wanted / sizeof wanted[0], OP_COUNT);
	for (int i = 0; i < OP_COUNT; i++) {
		const struct wanted *w = row_of((enum operation)i);
		const struct policy *p = &policies[i];

		if (p->roles == 0)
			fail_msg("%s: nobody may call it", w->name);
		assert_int_equal(p->roles == MAY_ANYBODY, strcmp(w->roles, "*") == 0);
		for (size_t r = 0; r < ROLES; r++)
			if (((p->roles & roles[r].bit) != 0) != (strchr(w->roles, roles[r].letter) != NULL))
				fail_msg("%s: role %c", w->name, roles[r].letter);
		assert_int_equal((p->demands & DEMAND_PROVEN) != 0, strchr(w->demands, 'p') != NULL);
		assert_int_equal((p->demands & DEMAND_NO_TOKEN) != 0, strchr(w->demands, 't') != NULL);
		assert_int_equal((p->demands & DEMAND_LOCAL) != 0, strchr(w->demands, 'l') != NULL);
		assert_int_equal((p->demands & DEMAND_ACCOUNT) != 0, strchr(w->demands, 'c') != NULL);
		assert_string_equal(p->scope ? p->scope : "", w->scope ? w->scope : "");
	}
}

static void every_scope_is_known(void **state)
{
	(void)state;
	for (int i = 0; i < OP_COUNT; i++)
		if (policies[i].scope)
			assert_true(policy_is_scope(span_str(policies[i].scope)));
	assert_false(policy_is_scope(SPAN("users")));
	assert_false(policy_is_scope(SPAN("users:delete")));
	assert_false(policy_is_scope(SPAN("")));
}

/* What changes nothing is never open to fewer than what changes; only reading is open to auditors. */
static void auditors_change_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < OP_COUNT; i++) {
		bool reads = strcmp(routes[i].method, "GET") == 0, own = strncmp(routes[i].path, "/api/v1/me", 10) == 0 || strncmp(routes[i].path, "/api/v1/session", 15) == 0;

		if ((policies[i].roles & MAY_AUDITOR) && !own)
			assert_true(reads);
	}
}

/* ---- asked of the API ---- */

static uint64_t accounts[ROLES];

static int make_world(void **state)
{
	static const struct span granted[] = { { "example.org", 11 } };
	struct world *w;

	world_make(state);
	w = *state;
	for (size_t i = 0; i < ROLES; i++) {
		char address[64];

		if (roles[i].role == ROLE_OWNER) {
			accounts[i] = world_user(w, "alice@example.org");
			continue;
		}
		(void)snprintf(address, sizeof address, "role-%c@example.org", roles[i].letter);
		assert_int_equal(directory_account_add(w->api.directory, span_str(address), SPAN(""), ROLE_USER, &accounts[i], NULL), ERR_OK);
		if (roles[i].role != ROLE_USER)
			assert_int_equal(directory_account_set_role(w->api.directory, accounts[i], roles[i].role, granted, roles[i].role == ROLE_DOMAIN_ADMIN, NULL), ERR_OK);
	}
	return 0;
}

/* "/api/v1/users/{}:revoke_sessions" with something in each hole that is not there. */
static void fill_path(const char *pattern, char *out, size_t room)
{
	size_t len = 0;

	for (; *pattern && len + 8 < room; pattern++) {
		if (*pattern == '{') {
			memcpy(out + len, "nobody", 6);
			len += 6;
			pattern++;
			continue;
		}
		out[len++] = *pattern;
	}
	out[len] = '\0';
}

/* With a session that has just been opened, and so is proven. */
static int ask_as_session(struct world *w, uint64_t account, const char *method, const char *path)
{
	struct buf cookie, csrf;
	uint64_t id;
	int status;

	buf_init(&cookie, 256);
	buf_init(&csrf, 256);
	assert_int_equal(web_session_create(w->api.auth, account, &w->also.peer, SPAN("test"), &id, &cookie), ERR_OK);
	web_session_csrf(w->api.auth, buf_span(&cookie), &csrf);
	w->also.cookie = buf_span(&cookie);
	w->also.csrf = buf_span(&csrf);
	status = ask(w, method, path, "");
	w->also.cookie = w->also.csrf = SPAN("");
	buf_clear(&cookie);
	buf_clear(&csrf);
	return status;
}

static void each_role_may_what_its_row_says(void **state)
{
	struct world *w = *state;
	char path[128];

	for (int i = 0; i < OP_COUNT; i++) {
		const struct wanted *row = row_of((enum operation)i);

		fill_path(routes[i].path, path, sizeof path);
		for (size_t r = 0; r < ROLES; r++) {
			bool may = (strcmp(row->roles, "*") == 0 || strchr(row->roles, roles[r].letter)) && !strchr(row->demands, 'l');
			int status = ask_as_session(w, accounts[r], routes[i].method, path);

			if ((status != 403) != may)
				fail_msg("%s as %c: %d", row->name, roles[r].letter, status);
		}
		w->also.peer.family = NET_IPV4;
		w->also.peer.ip[0] = (uint8_t)i; /* nobody's own bucket */
		assert_int_equal(ask(w, routes[i].method, path, "") != 401, strcmp(row->roles, "*") == 0);
		w->also.peer = (struct net_addr){ .family = NET_NONE };
	}
}

/* One a scope: an account does not have a token for each operation. */
static struct span token_for(struct world *w, const char *scope)
{
	static struct made {
		const char *scope;
		char text[128];
	} made[64];
	size_t i = 0;

	while (made[i].scope && strcmp(made[i].scope, scope) != 0)
		i++;
	assert_true(i < sizeof made / sizeof made[0] - 1);
	if (!made[i].scope) {
		made[i].scope = scope;
		(void)snprintf(made[i].text, sizeof made[i].text, "%s", world_token(w, accounts[4], scope).ptr);
	}
	return span_str(made[i].text);
}

static void a_token_opens_what_its_scope_says(void **state)
{
	struct world *w = *state;
	char path[128];

	for (int i = 0; i < OP_COUNT; i++) {
		const struct wanted *row = row_of((enum operation)i);
		bool closed = strchr(row->demands, 't') != NULL;

		fill_path(routes[i].path, path, sizeof path);
		w->token = token_for(w, row->scope && strcmp(row->scope, "users:read") == 0 ? "domains:read" : "users:read");
		if (strcmp(row->roles, "*") != 0 && (row->scope || closed)) {
			assert_int_equal(ask(w, routes[i].method, path, ""), 403);
			assert_string_equal(got_text(w, "code"), closed ? "not_allowed" : "scope_missing");
		}
		if (row->scope) {
			w->token = token_for(w, row->scope);
			assert_int_not_equal(ask(w, routes[i].method, path, ""), 403);
		}
		w->token = SPAN("");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_has_its_row),
		cmocka_unit_test(every_scope_is_known),
		cmocka_unit_test(auditors_change_nothing),
		cmocka_unit_test(each_role_may_what_its_row_says),
		cmocka_unit_test(a_token_opens_what_its_scope_says),
	};

	return cmocka_run_group_tests(tests, make_world, world_remove);
}
