/* Sessions, one's own account, app passwords, tokens, roles and refusals, as the handlers answer. */
#include "tests/unit/api/world.h"

#include "daemon/directory/setting.h"
#include "db/control_session.h"

static char cookie[128], csrf[128];

/* By the session of `cookie`, from an address; with its CSRF token. */
static int ask_from(struct world *w, const char *ip, const char *method, const char *path, const char *body)
{
	struct span target = span_str(path);
	struct api_request request = { .method = span_str(method), .content_type = SPAN("application/json"), .body = span_str(body), .upload_fd = -1, .caller = API_NOBODY };

	assert_int_equal(net_ip_parse(span_str(ip), &request.peer), ERR_OK);
	request.path = target;
	if (span_split(&target, '?', &request.path))
		request.query = target;
	request.cookie = span_str(cookie);
	request.csrf = span_str(csrf);
	request.if_match = w->if_match;
	request.user_agent = SPAN("Browser/1");
	json_decref(w->json);
	api_response_clear(&w->response);
	api_response_init(&w->response);
	api_run(&w->api, &request, &w->response);
	w->json = w->response.body.len ? json_loadb(w->response.body.ptr, w->response.body.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	return w->response.status;
}

static int ask_as(struct world *w, const char *method, const char *path, const char *body)
{
	return ask_from(w, "198.51.100.1", method, path, body);
}

static int log_in(struct world *w, const char *login, const char *password, const char *ip)
{
	char body[256];
	int status;

	cookie[0] = csrf[0] = '\0';
	(void)snprintf(body, sizeof(body), "{\"login\":\"%s\",\"password\":\"%s\"}", login, password);
	status = ask_from(w, ip, "POST", "/api/v1/session", body);
	if (status == 201) {
		(void)snprintf(csrf, sizeof(csrf), "%s", got_text(w, "csrf_token"));
		assert_int_equal(sscanf(world_header(w, "Set-Cookie"), "__Host-postroom=%127[^;]", cookie), 1);
	}
	return status;
}

static void alice_logs_in(struct world *w)
{
	assert_int_equal(log_in(w, "alice@example.org", "correct-horse", "198.51.100.1"), 201);
}

static void add_user(struct world *w, const char *address)
{
	char body[256];

	(void)snprintf(body, sizeof(body), "{\"address\":\"%s\",\"password\":\"correct-horse\"}", address);
	assert_int_equal(ask(w, "POST", "/api/v1/users", body), 201);
}

static void login_opens_a_session_and_logging_out_closes_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(log_in(w, "alice@example.org", "wrong-horse", "198.51.100.1"), 401);
	assert_string_equal(got_text(w, "code"), "login_failed");
	assert_true(w->response.delay_ms > 0);
	assert_int_equal(log_in(w, "", "x", "198.51.100.1"), 422);
	alice_logs_in(w);
	assert_non_null(strstr(world_header(w, "Set-Cookie"), "; Path=/; Secure; HttpOnly; SameSite=Strict"));
	assert_string_equal(got_text(w, "user/role"), "owner");
	assert_int_equal(ask_as(w, "GET", "/api/v1/session", ""), 200);
	assert_int_equal(got_number(w, "proven"), 1);
	assert_string_equal(got_text(w, "csrf_token"), csrf);
	assert_int_equal(ask_as(w, "DELETE", "/api/v1/session", ""), 204);
	assert_non_null(strstr(world_header(w, "Set-Cookie"), "Max-Age=0"));
	assert_int_equal(ask_as(w, "GET", "/api/v1/session", ""), 401);
}

static void own_account_is_shown_and_its_name_set(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "GET", "/api/v1/me", ""), 403);
	assert_string_equal(got_text(w, "code"), "no_account");
	alice_logs_in(w);
	assert_int_equal(ask_as(w, "PATCH", "/api/v1/me", "{\"name\":\"Alice A.\"}"), 200);
	assert_int_equal(ask_as(w, "GET", "/api/v1/me", ""), 200);
	assert_string_equal(got_text(w, "name"), "Alice A.");
	assert_int_equal(got_number(w, "totp"), 0);
	assert_int_equal(got_number(w, "passkeys"), 0);
	w->if_match = SPAN("\"another\"");
	assert_int_equal(ask_as(w, "PATCH", "/api/v1/me", "{\"name\":\"x\"}"), 412);
	w->if_match = SPAN("");
	assert_int_equal(ask_as(w, "PATCH", "/api/v1/me", "{\"role\":\"owner\"}"), 422);
	assert_int_equal(ask_as(w, "PATCH", "/api/v1/me?dry_run=1", "{\"name\":\"x\"}"), 200);
	assert_string_equal(got_text(w, "changes/0/after/name"), "x");
	assert_int_equal(ask_as(w, "PATCH", "/api/v1/me", "{\"name\":null}"), 200);
	assert_string_equal(got_text(w, "name"), "");
}

static enum err forget_proof(struct db *db, void *arg)
{
	return db_session_set_proven(db, *(uint64_t *)arg, 1);
}

static void suspension_ends_a_session_for_good(void **state)
{
	static const char *const ways[][3] = {
		{ "PATCH", "/api/v1/users/bob@example.org", "{\"suspended\":true}" },
		{ "PUT", "/api/v1/users/bob@example.org", "{\"suspended\":true}" },
		{ "POST", "/api/v1/users:bulk", "{\"action\":\"suspend\",\"users\":[\"bob@example.org\"]}" },
	};
	struct world *w = *state;

	add_user(w, "bob@example.org");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(log_in(w, "bob@example.org", "correct-horse", "198.51.100.1"), 201);
		assert_int_equal(ask(w, "PATCH", "/api/v1/users/bob@example.org?dry_run=1", "{\"suspended\":true}"), 200);
		assert_int_equal(ask_as(w, "GET", "/api/v1/me", ""), 200);
		assert_int_equal(ask(w, ways[i][0], ways[i][1], ways[i][2]), 200);
		assert_int_equal(ask_as(w, "GET", "/api/v1/me", ""), 401);
		assert_int_equal(ask(w, "PATCH", "/api/v1/users/bob@example.org", "{\"suspended\":false}"), 200);
		assert_int_equal(ask_as(w, "GET", "/api/v1/me", ""), 401);
	}
}

/* A cookie that somebody found sets no password, by whatever operation. */
static void passwords_of_others_want_a_fresh_proof(void **state)
{
	struct world *w = *state;
	uint64_t session;

	add_user(w, "bob@example.org");
	alice_logs_in(w);
	assert_int_equal(span_to_u64(span_skip(span_str(got_text(w, "id")), 4), INT64_MAX, &session), ERR_OK);
	assert_int_equal(directory_write(w->api.directory, forget_proof, &session, NULL), ERR_OK);
	auth_forget(w->api.auth, world_user(w, "alice@example.org"));
	assert_int_equal(ask_as(w, "PUT", "/api/v1/users/bob@example.org/password", "{\"password\":\"better-horse\"}"), 403);
	assert_int_equal(ask_as(w, "PUT", "/api/v1/users/bob@example.org", "{\"password\":\"better-horse\"}"), 403);
	assert_string_equal(got_text(w, "code"), "step_up_required");
	assert_int_equal(ask_as(w, "PUT", "/api/v1/users/alice@example.org", "{\"password_hash\":\"{SHA256.HEX}ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}"), 403);
	assert_int_equal(ask_as(w, "PUT", "/api/v1/users/bob@example.org", "{\"name\":\"Bob\"}"), 200);
	assert_int_equal(ask_as(w, "PUT", "/api/v1/users/carol@example.org", "{\"password\":\"better-horse\"}"), 201);
	assert_int_equal(ask_as(w, "POST", "/api/v1/users:import?update=true", "{\"users\":[{\"address\":\"bob@example.org\",\"password\":\"better-horse\"}]}"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask_as(w, "POST", "/api/v1/session:prove", "{\"password\":\"correct-horse\"}"), 204);
	assert_int_equal(ask_as(w, "PUT", "/api/v1/users/bob@example.org", "{\"password\":\"better-horse\"}"), 200);
}

static void new_password_wants_the_current_one_and_ends_the_rest(void **state)
{
	struct world *w = *state;
	char other[128];

	alice_logs_in(w);
	(void)snprintf(other, sizeof(other), "%s", cookie);
	alice_logs_in(w);
	assert_int_equal(ask_as(w, "PUT", "/api/v1/me/password", "{\"current_password\":\"wrong\",\"password\":\"better-horse\"}"), 422);
	assert_string_equal(got_text(w, "code"), "wrong_password");
	assert_string_equal(got_text(w, "errors/0/pointer"), "/current_password");
	assert_int_equal(ask_as(w, "PUT", "/api/v1/me/password", "{\"current_password\":\"correct-horse\",\"password\":\"short\"}"), 422);
	assert_string_equal(got_text(w, "code"), "password_length");
	assert_int_equal(w->ended, 0);
	assert_int_equal(ask_as(w, "PUT", "/api/v1/me/password", "{\"current_password\":\"correct-horse\",\"password\":\"better-horse\"}"), 204);
	assert_int_equal(w->ended, world_user(w, "alice@example.org"));
	assert_int_equal(ask_as(w, "GET", "/api/v1/me/sessions", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_string_equal(got_text(w, "data/0/agent"), "Browser/1");
	(void)snprintf(cookie, sizeof(cookie), "%s", other);
	assert_int_equal(ask_as(w, "GET", "/api/v1/me", ""), 401);
	assert_int_equal(log_in(w, "alice@example.org", "correct-horse", "198.51.100.1"), 401);
	assert_int_equal(log_in(w, "alice@example.org", "better-horse", "198.51.100.1"), 201);
}

static void app_password_is_shown_once(void **state)
{
	struct world *w = *state;
	char path[128];

	alice_logs_in(w);
	assert_int_equal(ask_as(w, "POST", "/api/v1/me/app_passwords", "{\"label\":\"Phone\",\"protocols\":[\"imap\",\"smtp\"],\"networks\":[\"192.0.2.0/24\"]}"), 201);
	assert_int_equal(strlen(got_text(w, "password")), 29);
	(void)snprintf(path, sizeof(path), "%s", world_header(w, "Location"));
	assert_int_equal(ask_as(w, "GET", "/api/v1/me/app_passwords", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_null(got(w, "data/0/password"));
	assert_string_equal(got_text(w, "data/0/networks/0"), "192.0.2.0/24");
	assert_int_equal(ask(w, "GET", "/api/v1/audit?subject=alice@example.org", ""), 200);
	assert_null(got(w, "data/0/after/password"));
	assert_int_equal(ask_as(w, "DELETE", path, ""), 204);
	assert_int_equal(w->ended, world_user(w, "alice@example.org"));
	assert_int_equal(ask_as(w, "DELETE", path, ""), 404);
	assert_int_equal(ask_as(w, "DELETE", "/api/v1/me/app_passwords/phone", ""), 404);
}

static void token_ends_within_what_the_setting_allows(void **state)
{
	struct world *w = *state;
	struct directory *d = w->api.directory;

	assert_int_equal(directory_setting_set(d, SETTING_TOKEN_DAYS_MAX, SPAN("30"), NULL), ERR_OK);
	assert_int_equal(ask(w, "POST", "/api/v1/tokens", "{\"label\":\"x\",\"scopes\":[\"users:read\"]}"), 201);
	assert_string_equal(got_text(w, "user"), "alice@example.org");
	assert_int_equal(ask(w, "POST", "/api/v1/tokens", "{\"label\":\"x\",\"scopes\":[\"users:read\"],\"expires_at\":null}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/expires_at");
	assert_int_equal(directory_setting_set(d, SETTING_TOKEN_DAYS_MAX, SPAN("0"), NULL), ERR_OK);
	assert_int_equal(ask(w, "POST", "/api/v1/tokens", "{\"label\":\"x\",\"scopes\":[\"users:read\"],\"expires_at\":null}"), 201);
	assert_true(json_is_null(got(w, "expires_at")));
	assert_int_equal(ask(w, "POST", "/api/v1/tokens", "{\"label\":\"x\",\"scopes\":[\"users:read\",\"nonsense\"]}"), 422);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/scopes/1");
	assert_int_equal(ask(w, "POST", "/api/v1/tokens", "{\"label\":\"x\",\"scopes\":[\"users:read\"],\"domains\":[\"Example.ORG\"]}"), 201);
	assert_string_equal(got_text(w, "domains/0"), "example.org");
	assert_int_equal(ask(w, "GET", "/api/v1/tokens?limit=2", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
	assert_int_equal(got_number(w, "total_estimate"), 3);
	assert_int_equal(ask(w, "GET", "/api/v1/tokens?user=nobody@example.org", ""), 200);
	assert_int_equal(got_number(w, "data"), 0);
	assert_int_equal(ask(w, "DELETE", "/api/v1/tokens/tok_1?dry_run=1", ""), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/tokens/tok_1", ""), 200);
	assert_int_equal(ask(w, "DELETE", "/api/v1/tokens/tok_1", ""), 204);
	assert_int_equal(ask(w, "GET", "/api/v1/tokens/tok_1", ""), 404);
}

static void roles_are_given_changed_and_taken(void **state)
{
	struct world *w = *state;

	add_user(w, "bob@example.org");
	assert_int_equal(ask(w, "GET", "/api/v1/admins", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "POST", "/api/v1/admins?dry_run=1", "{\"user\":\"bob@example.org\",\"role\":\"admin\"}"), 200);
	assert_string_equal(got_text(w, "changes/0/after/role"), "admin");
	assert_int_equal(ask(w, "GET", "/api/v1/admins/bob@example.org", ""), 404);
	assert_int_equal(ask(w, "POST", "/api/v1/admins", "{\"user\":\"bob@example.org\",\"role\":\"domain_admin\",\"domains\":[\"Example.org\"]}"), 201);
	assert_string_equal(got_text(w, "domains/0"), "example.org");
	assert_string_equal(world_header(w, "Location"), "/api/v1/admins/bob@example.org");
	assert_int_equal(ask(w, "POST", "/api/v1/admins", "{\"user\":\"bob@example.org\",\"role\":\"domain_admin\",\"domains\":[\"nowhere.example\"]}"), 409);
	assert_int_equal(ask(w, "PATCH", "/api/v1/admins/bob@example.org", "{\"domains\":[\"nowhere.example\"]}"), 422);
	assert_int_equal(ask(w, "PATCH", "/api/v1/admins/bob@example.org", "{\"domains\":[]}"), 422);
	w->if_match = SPAN("\"another\"");
	assert_int_equal(ask(w, "PATCH", "/api/v1/admins/bob@example.org", "{\"role\":\"owner\"}"), 412);
	w->if_match = SPAN("");
	assert_int_equal(ask(w, "PATCH", "/api/v1/admins/bob@example.org", "{\"role\":\"owner\"}"), 200);
	assert_int_equal(got_number(w, "domains"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/admins?role=owner&q=BOB", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "DELETE", "/api/v1/admins/alice@example.org", ""), 204);
	assert_int_equal(ask(w, "DELETE", "/api/v1/admins/bob@example.org", ""), 409);
	assert_int_equal(ask(w, "DELETE", "/api/v1/admins/nobody@example.org", ""), 404);
}

static void refusals_are_listed_and_lifted(void **state)
{
	struct world *w = *state;
	char password[32];

	assert_int_equal(directory_setting_set(w->api.directory, SETTING_LOGIN_FAILURES_MAX, SPAN("3"), NULL), ERR_OK);
	for (int i = 0; i < 3; i++) {
		(void)snprintf(password, sizeof(password), "guess-%d", i);
		assert_int_equal(log_in(w, "alice@example.org", password, "203.0.113.1"), 401);
	}
	assert_int_equal(log_in(w, "alice@example.org", "correct-horse", "203.0.113.1"), 429);
	assert_string_equal(got_text(w, "code"), "refused");
	assert_string_equal(world_header(w, "Retry-After"), "900");
	alice_logs_in(w);
	assert_int_equal(ask_as(w, "GET", "/api/v1/refusals?refused=true", ""), 200);
	assert_int_equal(got_number(w, "data"), 2); /* the pair, and the narrow network */
	assert_string_equal(got_text(w, "data/0/id"), "account:1@203.0.113.0/24");
	assert_string_equal(got_text(w, "data/0/user"), "alice@example.org");
	assert_string_equal(got_text(w, "data/0/network"), "203.0.113.0/24");
	assert_string_equal(got_text(w, "data/1/network"), "203.0.113.1/32");
	assert_int_equal(ask_as(w, "GET", "/api/v1/refusals?refused=false", ""), 200);
	assert_int_equal(got_number(w, "data"), 2); /* the account, and the wide network */
	assert_true(json_is_null(got(w, "data/0/until")));
	assert_int_equal(ask_as(w, "DELETE", "/api/v1/refusals/account%3A1?dry_run=1", ""), 200);
	assert_int_equal(log_in(w, "alice@example.org", "correct-horse", "203.0.113.1"), 429);
	alice_logs_in(w);
	assert_int_equal(ask_as(w, "DELETE", "/api/v1/refusals/account%3A1", ""), 204);
	assert_int_equal(ask_as(w, "DELETE", "/api/v1/refusals/account%3A1", ""), 404);
	assert_int_equal(ask_as(w, "DELETE", "/api/v1/refusals/network%3A203.0.113.1%2F32", ""), 204);
	assert_int_equal(log_in(w, "alice@example.org", "correct-horse", "203.0.113.1"), 201);
	assert_int_equal(ask_as(w, "GET", "/api/v1/me/devices", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(login_opens_a_session_and_logging_out_closes_it),
		CASE(own_account_is_shown_and_its_name_set),
		CASE(suspension_ends_a_session_for_good),
		CASE(passwords_of_others_want_a_fresh_proof),
		CASE(new_password_wants_the_current_one_and_ends_the_rest),
		CASE(app_password_is_shown_once),
		CASE(token_ends_within_what_the_setting_allows),
		CASE(roles_are_given_changed_and_taken),
		CASE(refusals_are_listed_and_lifted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
