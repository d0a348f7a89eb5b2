/* CSV, and what goes in and out by the thousand: import, export, bulk. */
#include "api/csv.h"
#include "tests/unit/api/world.h"

#include "daemon/auth/token.h"

#define IMPORT "/api/v1/users:import"

/* ---- CSV ---- */

static size_t records(const char *text, struct note *why, enum err *end)
{
	struct span fields[CSV_FIELDS_MAX];
	struct csv_reader r;
	struct arena a;
	size_t count, n = 0;

	arena_init(&a, 1 << 20);
	csv_reader_init(&r, span_str(text));
	while ((*end = csv_next(&r, &a, fields, &count, why)) == ERR_OK)
		n++;
	arena_clear(&a);
	return n;
}

static void csv_is_read_by_the_rfc(void **state)
{
	struct span fields[CSV_FIELDS_MAX];
	struct csv_reader r;
	struct arena a;
	size_t count;

	(void)state;
	arena_init(&a, 1 << 20);
	csv_reader_init(&r, SPAN("\xEF\xBB\xBFone,\"two, \"\"quoted\"\"\r\nlines\",\r\n\r\n,x\ny"));
	assert_int_equal(csv_next(&r, &a, fields, &count, NULL), ERR_OK);
	assert_int_equal(count, 3);
	assert_true(span_equals(fields[0], SPAN("one")));
	assert_true(span_equals(fields[1], SPAN("two, \"quoted\"\r\nlines")));
	assert_int_equal(fields[2].len, 0);
	assert_int_equal(csv_next(&r, &a, fields, &count, NULL), ERR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(r.line, 4);
	assert_int_equal(csv_next(&r, &a, fields, &count, NULL), ERR_OK);
	assert_true(span_equals(fields[0], SPAN("y")));
	assert_int_equal(csv_next(&r, &a, fields, &count, NULL), ERR_NOT_FOUND);
	arena_clear(&a);
}

static void bad_csv_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = { "a\n\"b", "a\nb\"c", "a\n\"b\"c", "a\nb\rc", "a\n\"b\"\"" };
	static char wide[200], long_field[CSV_FIELD_BYTES_MAX + 2];
	struct note why;
	enum err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.text[0] = '\0';
		assert_int_equal(records(bad[i], &why, &e), 1);
		assert_int_equal(e, ERR_SYNTAX);
		assert_non_null(strstr(why.text, "line 2"));
	}
	memset(wide, ',', sizeof(wide) - 1);
	assert_int_equal(records(wide, &why, &e), 0);
	assert_int_equal(e, ERR_LIMIT);
	memset(long_field, 'x', sizeof(long_field) - 1);
	assert_int_equal(records(long_field, &why, &e), 0);
	assert_int_equal(e, ERR_LIMIT);
}

static void no_cell_is_a_formula(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	csv_add(&b, SPAN("=1+1"), false);
	csv_add(&b, SPAN("@SUM(A1)"), false);
	csv_add(&b, SPAN("-x,\"y\""), false);
	csv_add(&b, SPAN("plain"), true);
	assert_true(span_equals(buf_span(&b), SPAN("'=1+1,'@SUM(A1),\"'-x,\"\"y\"\"\",plain\r\n")));
	assert_true(span_equals(csv_plain(SPAN("'=1+1")), SPAN("=1+1")));
	assert_true(span_equals(csv_plain(SPAN("'quoted'")), SPAN("'quoted'")));
	buf_clear(&b);
}

/* ---- import ---- */

static int import_csv(struct world *w, const char *query, const char *csv)
{
	char path[64];

	(void)snprintf(path, sizeof(path), IMPORT "%s", query);
	return ask_type(w, "POST", path, "text/csv", span_str(csv));
}

/* The result of a row, once more asked for. */
static long item_status(struct world *w, const char *job, size_t n)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "/api/v1/jobs/%s/items?limit=100", job);
	assert_int_equal(ask(w, "GET", path, ""), 200);
	(void)snprintf(path, sizeof(path), "data/%zu/status", n);
	return got_number(w, path);
}

static void each_row_of_an_import_stands_for_itself(void **state)
{
	static const char csv[] = "address,name,password,password_hash,suspended\r\n"
				  "bob@example.org,\"Bob, the builder\",correct-horse,,\r\n"
				  "alice@example.org,Alice,,,\r\n"
				  "carl@example.org,'=1+1,,{SHA256.HEX}ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad,TRUE\r\n"
				  "dora@elsewhere.example,,,,\r\n"
				  "emil@example.org,,short,,\r\n"
				  "fred@example.org,,,nonsense,\r\n"
				  "gina@example.org,,,,maybe\r\n"
				  "not an address,,,,\r\n";
	static const long expected[] = { 201, 409, 201, 422, 422, 422, 422, 422 };
	struct world *w = *state;
	char job[32];

	assert_int_equal(import_csv(w, "", csv), 200);
	assert_string_equal(got_text(w, "state"), "done");
	assert_int_equal(got_number(w, "total"), 8);
	assert_int_equal(got_number(w, "failed"), 6);
	(void)snprintf(job, sizeof(job), "%s", got_text(w, "id"));
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(item_status(w, job, i), expected[i]);
	assert_string_equal(got_text(w, "data/1/code"), "exists");
	assert_string_equal(got_text(w, "data/3/code"), "no_such_domain");
	assert_int_equal(ask(w, "GET", "/api/v1/users/carl@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "=1+1");
	assert_int_equal(got_number(w, "suspended"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "Bob, the builder");
	assert_int_equal(world_user(w, "emil@example.org"), 0);
	assert_int_equal(world_user(w, "gina@example.org"), 0);
}

static void import_that_cannot_be_read_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(import_csv(w, "", ""), 422);
	assert_int_equal(import_csv(w, "", "address,colour\r\nbob@example.org,red\r\n"), 422);
	assert_int_equal(import_csv(w, "", "name\r\nBob\r\n"), 422);
	assert_int_equal(import_csv(w, "", "address,address\r\nbob@example.org,x\r\n"), 422);
	assert_int_equal(import_csv(w, "", "address,name\r\nbob@example.org,Bob\r\ncarl@example.org\r\n"), 422);
	assert_non_null(strstr(got_text(w, "detail"), "line 3"));
	assert_int_equal(import_csv(w, "", "address\r\nbob@example.org\r\n\"carl"), 422);
	assert_int_equal(import_csv(w, "", "address\r\n\xff@example.org\r\n"), 422);
	assert_int_equal(ask_type(w, "POST", IMPORT, "text/plain", SPAN("address\r\n")), 415);
	assert_int_equal(ask(w, "POST", IMPORT, "{\"users\":[{\"name\":\"x\"}]}"), 422);
	assert_int_equal(world_user(w, "bob@example.org"), 0);
}

static void planned_import_tells_each_row_and_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(import_csv(w, "?dry_run=1", "address,password\r\nbob@example.org,correct-horse\r\nalice@example.org,correct-horse\r\nbob@example.org,\r\n"), 200);
	assert_int_equal(got_number(w, "changes"), 3);
	assert_string_equal(got_text(w, "changes/0/verb"), "create");
	assert_string_equal(got_text(w, "changes/0/subject"), "bob@example.org");
	assert_string_equal(got_text(w, "changes/1/verb"), "fail");
	assert_string_equal(got_text(w, "changes/1/after/code"), "exists");
	assert_string_equal(got_text(w, "changes/2/verb"), "fail");
	assert_int_equal(world_user(w, "bob@example.org"), 0);
}

static void forwards_come_and_go_with_their_users(void **state)
{
	struct world *w = *state;
	char csv[1024], job[32];

	assert_int_equal(import_csv(w, "", "address,forwards,forward_keeps\r\nbob@example.org,\"a@far.example, b@far.example\",false\r\ncarl@example.org,not an address,\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	(void)snprintf(job, sizeof(job), "%s", got_text(w, "id"));
	assert_int_equal(item_status(w, job, 1), 422);
	assert_int_equal(world_user(w, "carl@example.org"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "forwards/1"), "b@far.example");
	assert_true(json_is_false(got(w, "forward_keeps")));
	assert_int_equal(ask(w, "GET", "/api/v1/users:export?q=bob", ""), 200);
	(void)snprintf(csv, sizeof(csv), "%.*s", (int)w->response.body.len, w->response.body.ptr);
	assert_non_null(strstr(csv, "a@far.example b@far.example,false"));
	assert_int_equal(import_csv(w, "?dry_run=1&update=true", csv), 200);
	assert_int_equal(got_number(w, "changes"), 0);
	assert_int_equal(import_csv(w, "", "address,forwards\r\nbob@example.org,c@far.example\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(import_csv(w, "?update=true", "address,forwards\r\nbob@example.org,c@far.example\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_int_equal(got_number(w, "forwards"), 1);
	assert_true(json_is_false(got(w, "forward_keeps")));
	/* What is there stays when the rest of a row does not work. */
	assert_int_equal(import_csv(w, "?update=true", "address,name,forwards,suspended\r\nalice@example.org,A,d@far.example,true\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/users/alice@example.org", ""), 200);
	assert_int_equal(got_number(w, "forwards"), 0);
}

/* Whoever has whatever role. */
static void export_imports_again_and_changes_nothing(void **state)
{
	const struct span granted = SPAN("example.org");
	struct world *w = *state;
	char csv[1024], job[32];

	assert_int_equal(import_csv(w, "", "address,name,role,suspended\r\nbob@example.org,Bob,auditor,true\r\ncarl@example.org,,,\r\n"), 200);
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "carl@example.org"), ROLE_DOMAIN_ADMIN, &granted, 1, NULL), ERR_OK);
	assert_int_equal(ask(w, "GET", "/api/v1/users:export", ""), 200);
	(void)snprintf(csv, sizeof(csv), "%.*s", (int)w->response.body.len, w->response.body.ptr);
	assert_non_null(strstr(csv, "domain_admin"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(import_csv(w, i ? "?update=true" : "", csv), 200);
		assert_int_equal(got_number(w, "done"), 3);
		assert_int_equal(got_number(w, "failed"), 0);
		(void)snprintf(job, sizeof(job), "%s", got_text(w, "id"));
		for (size_t n = 0; n < 3; n++)
			assert_int_equal(item_status(w, job, n), 200);
		assert_string_equal(got_text(w, "data/2/code"), "unchanged");
	}
	assert_int_equal(import_csv(w, "?dry_run=1", csv), 200);
	assert_int_equal(got_number(w, "changes"), 0);
	w->token = world_token(w, world_user(w, "alice@example.org"), "users:write");
	assert_int_equal(import_csv(w, "", csv), 200);
	assert_int_equal(got_number(w, "failed"), 0);
}

static void import_changes_who_is_there_when_told_to(void **state)
{
	static const char csv[] = "address,name,password,role,suspended\r\nbob@example.org,Robert,,,true\r\ncarl@example.org,,better-horse,,\r\nBOB@example.org,Robert,,auditor,\r\n"
				  "alice@example.org,Alicia,,,true\r\n";
	struct world *w = *state;
	char job[32];

	assert_int_equal(import_csv(w, "", "address,name\r\nbob@example.org,Bob\r\ncarl@example.org,Carl\r\n"), 200);
	assert_int_equal(import_csv(w, "", csv), 200);
	assert_int_equal(got_number(w, "failed"), 4);
	assert_int_equal(import_csv(w, "?update=true&dry_run=1", csv), 200);
	assert_string_equal(got_text(w, "changes/0/verb"), "update");
	assert_string_equal(got_text(w, "changes/1/after/password"), "***");
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "Bob");
	assert_int_equal(import_csv(w, "?update=true", csv), 200);
	assert_int_equal(got_number(w, "failed"), 2);
	(void)snprintf(job, sizeof(job), "%s", got_text(w, "id"));
	assert_int_equal(item_status(w, job, 0), 200);
	assert_true(json_is_null(got(w, "data/0/code")));
	assert_string_equal(got_text(w, "data/2/code"), "conflict");
	/* The last owner stays, name and all. */
	assert_string_equal(got_text(w, "data/3/code"), "conflict");
	assert_int_equal(ask(w, "GET", "/api/v1/users/alice@example.org", ""), 200);
	assert_string_not_equal(got_text(w, "name"), "Alicia");
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "Robert");
	assert_string_equal(got_text(w, "role"), "user");
	assert_int_equal(got_number(w, "suspended"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/users/carl@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "Carl");
	assert_int_equal(ask(w, "POST", "/api/v1/session", "{\"login\":\"carl@example.org\",\"password\":\"better-horse\"}"), 201);
}

/* A token manages nobody with a role, whatever the file says. */
static void import_with_a_token_changes_nobody_with_a_role(void **state)
{
	struct world *w = *state;

	assert_int_equal(import_csv(w, "", "address,role\r\nbob@example.org,auditor\r\ncarl@example.org,\r\n"), 200);
	w->token = world_token(w, world_user(w, "alice@example.org"), "users:write");
	assert_int_equal(import_csv(w, "?update=true", "address,name,password\r\nbob@example.org,X,\r\nalice@example.org,,better-horse\r\ncarl@example.org,X,\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 2);
	w->token = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "name"), "");
}

static void json_imports_like_csv(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", IMPORT, "{\"users\":[{\"address\":\"bob@example.org\",\"name\":\"Bob\",\"role\":\"auditor\",\"suspended\":true},{\"address\":\"carl@example.org\",\"role\":\"domain_admin\"}]}"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/users/bob@example.org", ""), 200);
	assert_string_equal(got_text(w, "role"), "auditor");
	assert_int_equal(got_number(w, "suspended"), 1);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases:import", "{\"aliases\":[{\"address\":\"info@example.org\",\"targets\":[\"bob@example.org\",\"x@example.com\"]}]}"), 200);
	assert_int_equal(got_number(w, "failed"), 0);
	assert_int_equal(ask_type(w, "POST", "/api/v1/aliases:import", "text/csv", SPAN("address,targets\ninfo@example.org,\"alice@example.org, bob@example.org\"\nnone@example.org,\n@example.org,alice@example.org\n")), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases/info@example.org", ""), 200);
	assert_string_equal(got_text(w, "targets/0"), "alice@example.org");
	assert_int_equal(got_number(w, "targets"), 2);
}

static void admin_imports_no_roles(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/users", "{\"address\":\"adam@example.org\"}"), 201);
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "adam@example.org"), ROLE_ADMIN, NULL, 0, NULL), ERR_OK);
	w->token = world_token(w, world_user(w, "adam@example.org"), "users:write");
	assert_int_equal(import_csv(w, "", "address,role\r\neve@example.org,owner\r\nbob@example.org,user\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(world_user(w, "eve@example.org"), 0);
	assert_true(world_user(w, "bob@example.org") > 0);
}

static void domain_admin_imports_into_domains_granted(void **state)
{
	struct world *w = *state;
	const struct span granted = SPAN("second.example");

	assert_int_equal(ask(w, "POST", "/api/v1/domains", "{\"name\":\"second.example\"}"), 201);
	assert_int_equal(ask(w, "POST", "/api/v1/users", "{\"address\":\"dora@second.example\"}"), 201);
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "dora@second.example"), ROLE_DOMAIN_ADMIN, &granted, 1, NULL), ERR_OK);
	w->token = world_token(w, world_user(w, "dora@second.example"), "users:write");
	assert_int_equal(import_csv(w, "", "address\r\nbob@second.example\r\nbob@example.org\r\n"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(world_user(w, "bob@example.org"), 0);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"suspend\",\"users\":[\"alice@example.org\",\"bob@second.example\",\"dora@second.example\"]}"), 200);
	assert_int_equal(got_number(w, "failed"), 2);
}

/* Its owner reaches more than the token. */
static void token_of_a_domain_sees_its_own_jobs_only(void **state)
{
	const struct span scopes[] = { SPAN("users:write"), SPAN("jobs:read") }, domain = SPAN("example.org");
	struct world *w = *state;
	struct token spec = { .account_id = world_user(w, "alice@example.org"), .label = SPAN("t"), .scopes = scopes, .scope_count = 2, .domains = &domain, .domain_count = 1 };
	struct buf secret;
	uint64_t id;

	w->token = world_token(w, spec.account_id, "users:write");
	assert_int_equal(import_csv(w, "", "address\r\nbob@example.org\r\n"), 200);
	buf_init(&secret, 128);
	assert_int_equal(token_create(w->api.auth, &spec, &id, &secret, NULL), ERR_OK);
	w->token = buf_span(&secret);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs", ""), 200);
	assert_int_equal(got_number(w, "data"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs/job_1", ""), 404);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs/job_1/items", ""), 404);
	assert_int_equal(import_csv(w, "", "address\r\ncarl@example.org\r\n"), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs/job_2/items", ""), 200);
	w->token = SPAN("");
	buf_clear(&secret);
	assert_int_equal(ask(w, "GET", "/api/v1/jobs", ""), 200);
	assert_int_equal(got_number(w, "data"), 2);
}

/* ---- export ---- */

static void export_and_import_are_each_other(void **state)
{
	struct world *w = *state;
	char csv[1024];

	assert_int_equal(import_csv(w, "", "address,name,suspended\r\nbob@example.org,\"-1 \"\"Bob\"\"\",true\r\ncarl@example.org,Carl,\r\n"), 200);
	assert_int_equal(ask(w, "GET", "/api/v1/users:export?q=ob", ""), 200);
	assert_string_equal(w->response.content_type, "text/csv; charset=utf-8");
	(void)snprintf(csv, sizeof(csv), "%.*s", (int)w->response.body.len, w->response.body.ptr);
	assert_string_equal(csv, "address,name,role,suspended,forwards,forward_keeps,type\r\nbob@example.org,\"'-1 \"\"Bob\"\"\",user,true,,true,user\r\n");
	assert_int_equal(import_csv(w, "", csv), 200);
	assert_int_equal(got_number(w, "failed"), 0);
	assert_int_equal(ask(w, "DELETE", "/api/v1/users/bob@example.org", ""), 204);
	assert_int_equal(import_csv(w, "", csv), 200);
	assert_int_equal(got_number(w, "failed"), 0);
	assert_int_equal(ask(w, "GET", "/api/v1/users:export?format=json&suspended=true", ""), 200);
	assert_int_equal(got_number(w, "users"), 1);
	assert_string_equal(got_text(w, "users/0/name"), "-1 \"Bob\"");
	assert_int_equal(ask(w, "POST", "/api/v1/aliases", "{\"address\":\"info@example.org\",\"targets\":[\"bob@example.org\",\"x@example.com\"]}"), 201);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases:export", ""), 200);
	assert_non_null(memmem(w->response.body.ptr, w->response.body.len, "info@example.org,bob@example.org x@example.com\r\n", 48));
	assert_int_equal(ask(w, "GET", "/api/v1/aliases:export?format=json", ""), 200);
	assert_int_equal(got_number(w, "aliases"), 1);
}

/* ---- bulk ---- */

static void many_are_suspended_resumed_and_removed(void **state)
{
	struct world *w = *state;
	char csv[16384], job[32];
	size_t len = (size_t)snprintf(csv, sizeof(csv), "address\r\n");

	for (int i = 0; i < 250; i++)
		len += (size_t)snprintf(csv + len, sizeof(csv) - len, "user%03d@example.org\r\n", i);
	assert_int_equal(import_csv(w, "", csv), 200);
	assert_int_equal(got_number(w, "failed"), 0);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk?dry_run=1", "{\"action\":\"suspend\",\"filter\":{\"q\":\"user1\"}}"), 200);
	assert_int_equal(got_number(w, "changes"), 100);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"suspend\",\"filter\":{\"q\":\"user1\"}}"), 200);
	assert_int_equal(got_number(w, "done"), 100);
	assert_int_equal(ask(w, "GET", "/api/v1/users?suspended=true", ""), 200);
	assert_int_equal(got_number(w, "total_estimate"), 100);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"resume\",\"users\":[\"user100@example.org\",\"nobody@example.org\"]}"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"delete\",\"filter\":{}}"), 200);
	assert_string_equal(got_text(w, "state"), "done");
	assert_int_equal(got_number(w, "done"), 251);
	/* The last owner stays, and as she was. */
	assert_int_equal(got_number(w, "failed"), 1);
	(void)snprintf(job, sizeof(job), "%s", got_text(w, "id"));
	assert_int_equal(item_status(w, job, 0), 409);
	assert_int_equal(ask(w, "GET", "/api/v1/users", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
	assert_int_equal(got_number(w, "data/0/suspended"), 0);
}

static void bulk_says_clearly_who_is_meant(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"suspend\"}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"suspend\",\"users\":[\"x\"],\"filter\":{}}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/users:bulk", "{\"action\":\"explode\",\"users\":[\"x\"]}"), 422);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases:bulk", "{\"action\":\"delete\"}"), 422);
}

static void many_aliases_are_removed(void **state)
{
	struct world *w = *state;

	assert_int_equal(ask_type(w, "POST", "/api/v1/aliases:import", "text/csv", SPAN("address,targets\na1@example.org,alice@example.org\na2@example.org,alice@example.org\nb1@example.org,alice@example.org\n")), 200);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases:bulk?dry_run=true", "{\"action\":\"delete\",\"filter\":{}}"), 200);
	assert_int_equal(got_number(w, "changes"), 3);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases:bulk", "{\"action\":\"delete\",\"filter\":{\"q\":\"A1@\"}}"), 200);
	assert_int_equal(got_number(w, "done"), 1);
	assert_int_equal(ask(w, "POST", "/api/v1/aliases:bulk", "{\"action\":\"delete\",\"aliases\":[\"b1@example.org\",\"b2@example.org\"]}"), 200);
	assert_int_equal(got_number(w, "failed"), 1);
	assert_int_equal(ask(w, "GET", "/api/v1/aliases", ""), 200);
	assert_int_equal(got_number(w, "data"), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_is_read_by_the_rfc),
		cmocka_unit_test(bad_csv_is_refused_with_its_line),
		cmocka_unit_test(no_cell_is_a_formula),
		CASE(each_row_of_an_import_stands_for_itself),
		CASE(import_that_cannot_be_read_changes_nothing),
		CASE(planned_import_tells_each_row_and_changes_nothing),
		CASE(forwards_come_and_go_with_their_users),
		CASE(export_imports_again_and_changes_nothing),
		CASE(import_changes_who_is_there_when_told_to),
		CASE(import_with_a_token_changes_nobody_with_a_role),
		CASE(json_imports_like_csv),
		CASE(admin_imports_no_roles),
		CASE(domain_admin_imports_into_domains_granted),
		CASE(token_of_a_domain_sees_its_own_jobs_only),
		CASE(export_and_import_are_each_other),
		CASE(many_are_suspended_resumed_and_removed),
		CASE(bulk_says_clearly_who_is_meant),
		CASE(many_aliases_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
