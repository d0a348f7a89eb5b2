/* /export and /apply: a document that describes how things shall be. */
#include <string.h>

#include "tests/unit/api/world.h"

static char tag[64];

/* The export's tag becomes the condition of what follows. */
static void export_now(struct world *w, const char *path)
{
	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", path, ""), 200);
	(void)snprintf(tag, sizeof tag, "%s", world_header(w, "ETag"));
	w->if_match = span_str(tag);
}

static int apply(struct world *w, const char *path, const char *document)
{
	int status;

	export_now(w, "/api/v1/export");
	status = ask(w, "POST", path, document);
	w->if_match = SPAN("");
	return status;
}

static const char document[] = "{\"version\":1,"
			       "\"settings\":{\"trace_days\":7,\"trace_subjects\":false},"
			       "\"domains\":[{\"name\":\"example.org\"},{\"name\":\"Second.Example\"}],"
			       "\"users\":[{\"address\":\"alice@example.org\",\"role\":\"owner\",\"name\":\"Alice\"},{\"address\":\"bob@second.example\",\"role\":\"domain_admin\",\"domains\":[\"second.example\"]},"
			       "{\"address\":\"eve@second.example\",\"suspended\":true,\"password_hash\":\"$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\"}],"
			       "\"aliases\":[{\"address\":\"Sales@second.example\",\"targets\":[\"BOB@second.example\",\"alice@example.org\"]},{\"address\":\"@second.example\",\"targets\":[\"alice@example.org\"]}],"
			       "\"relays\":[{\"domain\":\"*\",\"host\":\"smtp.far.example\",\"port\":587,\"tls\":\"required\",\"user\":\"u\",\"password\":\"relay-secret\"}]}";

static void a_document_is_applied_once_and_then_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(apply(w, "/api/v1/apply?dry_run=1", document), 200);
	assert_int_equal(got_number(w, "changes"), 9);
	assert_int_equal(ask(w, "GET", "/api/v1/domains/second.example", ""), 404);
	assert_int_equal(apply(w, "/api/v1/apply", document), 200);
	assert_int_equal(got_number(w, "created"), 6);
	assert_int_equal(got_number(w, "updated"), 3);
	assert_int_equal(apply(w, "/api/v1/apply", document), 200);
	assert_int_equal(got_number(w, "created") + got_number(w, "updated") + got_number(w, "removed"), 0);
	assert_int_equal(apply(w, "/api/v1/apply?dry_run=1&prune=1", document), 200);
	assert_int_equal(got_number(w, "changes"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@second.example", ""), 200);
	assert_string_equal(got_text(w, "role"), "domain_admin");
	assert_string_equal(got_text(w, "domains/0"), "second.example");
	assert_int_equal(ask(w, "GET", "/api/v1/audit?operation=apply_create&limit=500", ""), 200);
	assert_int_equal(got_number(w, "data"), 9);
	assert_null(strstr(buf_cstr(&w->response.body), "relay-secret"));
	assert_null(strstr(buf_cstr(&w->response.body), "saltsalt"));
}

static void what_was_exported_can_be_applied(void **state)
{
	struct world *w = *state;
	char *text;

	export_now(w, "/api/v1/export");
	assert_null(strstr(buf_cstr(&w->response.body), "relay-secret"));
	assert_null(strstr(buf_cstr(&w->response.body), "saltsalt"));
	assert_null(strstr(buf_cstr(&w->response.body), "argon2"));
	text = strndup(w->response.body.ptr, w->response.body.len);
	assert_non_null(text);
	assert_int_equal(ask(w, "POST", "/api/v1/apply?prune=1", text), 200);
	assert_int_equal(got_number(w, "created") + got_number(w, "updated") + got_number(w, "removed"), 0);
	free(text);
	export_now(w, "/api/v1/export?hashes=1");
	assert_non_null(strstr(buf_cstr(&w->response.body), "saltsalt"));
	assert_non_null(strstr(buf_cstr(&w->response.body), "$argon2id$"));
	assert_int_equal(ask(w, "POST", "/api/v1/apply", "{\"version\":1}"), 200); /* its tag does as well */
	w->if_match = SPAN("");
}

static void who_is_suspended_is_logged_out(void **state)
{
	struct world *w = *state;

	w->ended = 0;
	assert_int_equal(apply(w, "/api/v1/apply?dry_run=1", "{\"version\":1,\"users\":[{\"address\":\"bob@second.example\",\"suspended\":true,\"role\":\"domain_admin\",\"domains\":[\"second.example\"]}]}"), 200);
	assert_int_equal(w->ended, 0);
	assert_int_equal(apply(w, "/api/v1/apply", "{\"version\":1,\"users\":[{\"address\":\"bob@second.example\",\"suspended\":true,\"role\":\"domain_admin\",\"domains\":[\"second.example\"]}]}"), 200);
	assert_int_equal(got_number(w, "updated"), 1);
	assert_int_equal(w->ended, world_user(w, "bob@second.example"));
}

static void what_is_not_named_goes_only_when_asked_and_users_never(void **state)
{
	struct world *w = *state;
	static const char less[] = "{\"version\":1,\"settings\":{},\"aliases\":[{\"address\":\"@second.example\",\"targets\":[\"alice@example.org\"]}],\"relays\":[],\"users\":[]}";

	assert_int_equal(apply(w, "/api/v1/apply", less), 200);
	assert_int_equal(got_number(w, "removed"), 0);
	assert_int_equal(apply(w, "/api/v1/apply?prune=1", less), 200);
	assert_int_equal(got_number(w, "removed"), 4); /* an alias, a relay, two settings */
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@second.example", ""), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases/sales@second.example", ""), 404);
	assert_int_equal(apply(w, "/api/v1/apply?prune=1", "{\"version\":1,\"domains\":[{\"name\":\"example.org\"}]}"), 409); /* it has users */
	assert_string_equal(got_text(w, "errors/0/pointer"), "/domains");
	assert_int_equal(ask(w, "GET", "/api/v1/domains/second.example", ""), 200);
}

static void a_document_that_is_wrong_in_one_place_changes_nothing(void **state)
{
	static const struct {
		int status;
		const char *body, *pointer;
	} bad[] = {
		{ 422, "{\"domains\":[]}", "/version" },
		{ 422, "{\"version\":2}", "/version" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"},{\"name\":\"-bad-\"}]}", "/domains/1/name" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"users\":[{\"address\":\"x@nowhere.example\"}]}", "/users/0/address" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"users\":[{\"address\":\"x@new.example\",\"password_hash\":\"nonsense\"}]}", "/users/0/password_hash" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"settings\":{\"colour\":1}}", "/settings/colour" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"settings\":{\"trace_days\":-1}}", "/settings/trace_days" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"relays\":[{\"domain\":\"*\",\"host\":\"h.example\",\"port\":25,\"tls\":\"none\",\"user\":\"u\",\"password\":\"p\"}]}", "/relays/0" },
		{ 422, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"relays\":[{\"domain\":\"*\",\"host\":\"h.example\",\"port\":25,\"tls\":\"required\",\"user\":\"other\"}]}", "/relays/0" },
		{ 409, "{\"version\":1,\"domains\":[{\"name\":\"new.example\"}],\"users\":[{\"address\":\"alice@example.org\",\"role\":\"user\"}]}", "/users/0/role" }, /* the last owner */
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (apply(w, "/api/v1/apply", bad[i].body) != bad[i].status)
			fail_msg("%s: %d", bad[i].body, w->response.status);
		assert_string_equal(got_text(w, "errors/0/pointer"), bad[i].pointer);
	}
	assert_int_equal(ask(w, "GET", "/api/v1/domains/new.example", ""), 404);
}

static void the_tag_of_the_export_is_asked_for(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/apply", "{\"version\":1}"), 428);
	export_now(w, "/api/v1/export");
	w->if_match = SPAN("");
	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"meanwhile.example\"}"), 201);
	w->if_match = span_str(tag);
	assert_int_equal(ask(w, "POST", "/api/v1/apply", "{\"version\":1}"), 412);
	w->if_match = SPAN("");
}

static void roles_are_not_for_tokens_and_hashes_for_owners_only(void **state)
{
	struct world *w = *state;

	/* Olga has no password yet. */
	assert_int_equal(ask(w, "POST", "/api/v1/users", "{\"address\":\"olga@second.example\"}"), 201);
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "olga@second.example"), ROLE_OWNER, NULL, 0, NULL), ERR_OK);
	export_now(w, "/api/v1/export");
	w->token = world_token(w, world_user(w, "alice@example.org"), "config:write");
	assert_int_equal(ask(w, "POST", "/api/v1/apply", "{\"version\":1,\"users\":[{\"address\":\"bob@second.example\",\"role\":\"admin\"}]}"), 403);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/users/0/role");
	assert_int_equal(ask(w, "POST", "/api/v1/apply", "{\"version\":1,\"users\":[{\"address\":\"olga@second.example\",\"role\":\"owner\",\"password_hash\":\"{SHA256.HEX}ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}]}"), 403);
	assert_string_equal(got_text(w, "errors/0/pointer"), "/users/0/password_hash");
	w->token = world_token(w, world_user(w, "alice@example.org"), "config:read");
	w->if_match = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/export", ""), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/export?hashes=1", ""), 403);
	w->token = SPAN("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_applied_once_and_then_changes_nothing),
		cmocka_unit_test(what_was_exported_can_be_applied),
		cmocka_unit_test(who_is_suspended_is_logged_out),
		cmocka_unit_test(what_is_not_named_goes_only_when_asked_and_users_never),
		cmocka_unit_test(a_document_that_is_wrong_in_one_place_changes_nothing),
		cmocka_unit_test(the_tag_of_the_export_is_asked_for),
		cmocka_unit_test(roles_are_not_for_tokens_and_hashes_for_owners_only),
	};

	return cmocka_run_group_tests(tests, world_make, world_remove);
}
