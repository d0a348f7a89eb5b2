/* POST /messages: who may write as whom, who of the recipients is there, messages as they are, trying again. */
#include <string.h>

#include "api/send.h"
#include "daemon/auth/token.h"
#include "tests/unit/api/world.h"

static void token_of(struct world *w, const char *address, const char *domain)
{
	static char text[128];
	struct span scopes[1] = { SPAN("messages:send") }, domains[1] = { span_str(domain) };
	struct token spec = { .account_id = world_user(w, address), .label = SPAN("mail"), .scopes = scopes, .scope_count = 1, .domains = domains, .domain_count = domain[0] ? 1 : 0 };
	struct buf secret;
	uint64_t id;

	buf_init(&secret, sizeof text);
	assert_int_equal(token_create(w->api.auth, &spec, &id, &secret, NULL), ERR_OK);
	(void)snprintf(text, sizeof text, "%.*s", (int)secret.len, secret.ptr);
	buf_clear(&secret);
	w->token = span_str(text);
}

static int send_as(struct world *w, const char *from)
{
	char body[400];

	(void)snprintf(body, sizeof body, "{\"from\":\"%s\",\"to\":[\"bob@far.example\"],\"subject\":\"s\",\"text\":\"t\"}", from);
	return ask(w, "POST", "/api/v1/messages", body);
}

static int make(void **state)
{
	struct world *w;
	struct span target = SPAN("carol@example.org");
	uint64_t id;

	world_make(state);
	w = *state;
	assert_int_equal(directory_account_add(w->api.directory, SPAN("carol@example.org"), SPAN(""), ROLE_USER, &id, NULL), ERR_OK);
	assert_int_equal(directory_account_add(w->api.directory, SPAN("gone@example.org"), SPAN(""), ROLE_USER, &id, NULL), ERR_OK);
	assert_int_equal(directory_account_set_suspended(w->api.directory, id, true, NULL), ERR_OK);
	assert_int_equal(directory_alias_add(w->api.directory, SPAN("sales@example.org"), &target, 1, NULL), ERR_OK);
	assert_int_equal(directory_domain_add(w->api.directory, SPAN("other.example"), NULL), ERR_OK);
	return 0;
}

static void a_message_goes_to_the_queue_with_a_result_for_each_recipient(void **state)
{
	struct world *w = *state;
	char path[96];

	assert_int_equal(ask(w, "POST", "/api/v1/messages", "{\"from\":\"Alice <alice@example.org>\",\"to\":[\"carol@example.org\",\"nobody@example.org\"],\"cc\":[\"gone@example.org\"],"
							    "\"bcc\":[\"Dave <dave@far.example>\",\"dave@far.example\"],\"subject\":\"Hello\",\"text\":\"t\",\"html\":\"<p>t\","
							    "\"headers\":{\"X-Tag\":\"7\"},\"attachments\":[{\"filename\":\"a.txt\",\"content_type\":\"text/plain\",\"content\":\"YQ==\"}]}"),
			 202);
	assert_int_equal(got_number(w, "recipients"), 4);
	assert_int_equal(got_number(w, "recipients/0/accepted"), 1);
	assert_string_equal(got_text(w, "recipients/1/code"), "no_such_user");
	assert_string_equal(got_text(w, "recipients/2/code"), "suspended");
	assert_string_equal(got_text(w, "recipients/3/address"), "dave@far.example");
	(void)snprintf(path, sizeof path, "/api/v1/queue/%s", got_text(w, "id"));
	assert_int_equal(ask(w, "GET", path, ""), 200);
	assert_string_equal(got_text(w, "from"), "alice@example.org");
	assert_string_equal(got_text(w, "subject"), "Hello");
	assert_int_equal(got_number(w, "recipients"), 2);
	assert_int_equal(ask(w, "POST", "/api/v1/messages", "{\"from\":\"alice@example.org\",\"to\":[\"nobody@example.org\"]}"), 422);
	assert_string_equal(got_text(w, "code"), "no_recipients");
	assert_int_equal(ask(w, "POST", "/api/v1/messages", "{\"from\":\"alice@example.org\",\"subject\":\"to nobody\"}"), 422);
}

static void the_sender_is_ones_own(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_as(w, "anything@example.org"), 202); /* the socket: any of ours */
	assert_int_equal(send_as(w, "eve@far.example"), 403);
	assert_string_equal(got_text(w, "code"), "not_your_sender");
	token_of(w, "carol@example.org", "");
	assert_int_equal(send_as(w, "carol@example.org"), 202);
	assert_int_equal(send_as(w, "Carol <CAROL+news@example.org>"), 202);
	assert_int_equal(send_as(w, "sales@example.org"), 202);
	assert_int_equal(send_as(w, "alice@example.org"), 403);
	token_of(w, "alice@example.org", "other.example");
	assert_int_equal(send_as(w, "noreply@other.example"), 202);
	assert_int_equal(send_as(w, "alice@example.org"), 403);
	token_of(w, "alice@example.org", "example.org");
	assert_int_equal(send_as(w, "carol@example.org"), 202);
	assert_int_equal(send_as(w, "alice@example.org"), 202);
	/* Who has a role is managed by no token, and not written as. */
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "carol@example.org"), ROLE_ADMIN, NULL, 0, NULL), ERR_OK);
	assert_int_equal(send_as(w, "carol@example.org"), 403);
	assert_int_equal(send_as(w, "Carol <carol+news@example.org>"), 403);
	assert_int_equal(send_as(w, "nobody@example.org"), 202);
	assert_int_equal(directory_account_set_role(w->api.directory, world_user(w, "carol@example.org"), ROLE_USER, NULL, 0, NULL), ERR_OK);
	token_of(w, "carol@example.org", "other.example");
	assert_int_equal(send_as(w, "carol@example.org"), 403);
	assert_int_equal(send_as(w, "noreply@other.example"), 403);
	w->token = SPAN("");
}

static void what_is_not_valid_is_named(void **state)
{
	static const struct {
		const char *body, *pointer;
	} bad[] = {
		{ "{\"to\":[\"bob@far.example\"]}", "/from" },
		{ "{\"from\":\"alice@example.org, bob@example.org\",\"to\":[\"bob@far.example\"]}", "/from" },
		{ "{\"from\":\"alice@example.org\\r\\nBcc: eve@far.example\",\"to\":[\"bob@far.example\"]}", "/from" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\",\"bob\"]}", "/to/1" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"team: bob@far.example;\"]}", "/to/0" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"reply_to\":\"x\"}", "/reply_to" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"headers\":{\"From\":\"x@y.example\"}}", "/headers" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"headers\":{\"X-A: b\\r\\nBcc\":\"x@y.example\"}}", "/headers" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"headers\":{\"X-A\":\"b\\r\\nBcc: x@y.example\"}}", "/headers" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"headers\":{\"Content-Type\":\"text/html\"}}", "/headers" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"attachments\":[{\"content\":\"Y Q\"}]}", "/attachments/0/content" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"attachments\":[{\"content\":\"\",\"content_type\":\"message/rfc822\"}]}", "/attachments/0/content_type" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"attachments\":[{\"content\":\"\",\"content_type\":\"text/plain\\r\\nX: y\"}]}", "/attachments/0/content_type" },
		{ "{\"from\":\"alice@example.org\",\"to\":[\"bob@far.example\"],\"attachments\":[{\"content\":\"\",\"content_id\":\"a>\\r\\nX: y\"}]}", "/attachments/0/content_id" },
		{ "{\"raw\":\"!\"}", "/raw" },
		{ "{\"raw\":\"U3ViamVjdDogeA0KDQo=\",\"to\":[\"bob@far.example\"]}", "/raw" }, /* no From */
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (ask(w, "POST", "/api/v1/messages", bad[i].body) != 422)
			fail_msg("%s: %d", bad[i].body, w->response.status);
		assert_string_equal(got_text(w, "errors/0/pointer"), bad[i].pointer);
	}
	assert_int_equal(ask_type(w, "POST", "/api/v1/messages", "text/plain", SPAN("x")), 415);
}

static int send_raw(struct world *w, const char *text)
{
	return ask_type(w, "POST", "/api/v1/messages", "message/rfc822", span_str(text));
}

static void a_message_as_it_is_is_checked_and_completed(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_raw(w, "From: Alice <alice@example.org>\nTo: bob@far.example, Carol\n <carol@example.org>\nBcc: dave@far.example\nMessage-ID: <mine@example.org>\n\nHello\n"), 202);
	assert_int_equal(got_number(w, "recipients"), 3);
	assert_string_equal(got_text(w, "message_id"), "mine@example.org");
	assert_int_equal(send_raw(w, "From: eve@far.example\r\nTo: bob@far.example\r\n\r\n"), 403);
	assert_int_equal(send_raw(w, "From: alice@example.org\r\nSender: eve@far.example\r\nTo: bob@far.example\r\n\r\n"), 403);
	assert_int_equal(send_raw(w, "From: alice@example.org\r\nFrom: alice@example.org\r\nTo: bob@far.example\r\n\r\n"), 403);
	assert_int_equal(send_raw(w, "From: alice@example.org\r\nTo: bob@far.example\r\n\r\nlone \r here\r\n"), 422);
	assert_int_equal(ask_type(w, "POST", "/api/v1/messages", "message/rfc822", SPAN("From: alice@example.org\r\nTo: bob@far.example\r\n\r\n\0\r\n")), 422);
	assert_int_equal(send_raw(w, ""), 422);
	assert_int_equal(send_raw(w, "no header at all"), 422);
}

static enum err collect(void *arg, struct span bytes)
{
	buf_add(arg, bytes);
	return ERR_OK;
}

static void line_ends_become_crlf(void **state)
{
	static const struct {
		const char *in, *out;
	} texts[] = { { "", "" }, { "a", "a\r\n" }, { "a\n", "a\r\n" }, { "a\r\n", "a\r\n" }, { "\n\na\nb", "\r\n\r\na\r\nb\r\n" }, { "a\r\nb\nc\r\n", "a\r\nb\r\nc\r\n" } };
	struct buf out;

	(void)state;
	buf_init(&out, 256);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		buf_reset(&out);
		assert_int_equal(send_add_lines(span_str(texts[i].in), collect, &out), ERR_OK);
		assert_true(span_equals(buf_span(&out), span_str(texts[i].out)));
	}
	assert_int_equal(send_add_lines(SPAN("a\rb\n"), collect, &out), ERR_SYNTAX);
	assert_int_equal(send_add_lines(SPAN("a\r"), collect, &out), ERR_SYNTAX);
	assert_int_equal(send_add_lines(SPAN("a\r\r\n"), collect, &out), ERR_SYNTAX);
	buf_clear(&out);
}

/* Many go out of one request only once, whether it is answered from what was kept or finds its id in the queue. */
static void trying_again_sends_once(void **state)
{
	struct world *w = *state;
	char id[64];
	long before;

	assert_int_equal(ask(w, "GET", "/api/v1/queue?limit=500", ""), 200);
	before = got_number(w, "data");
	w->also.idempotency_key = SPAN("mail-1");
	assert_int_equal(send_as(w, "alice@example.org"), 202);
	(void)snprintf(id, sizeof id, "%s", got_text(w, "id"));
	assert_int_equal(send_as(w, "alice@example.org"), 202);
	assert_string_equal(got_text(w, "id"), id);
	w->also.idempotency_key = SPAN("");
	assert_int_equal(ask(w, "GET", "/api/v1/queue?limit=500", ""), 200);
	assert_int_equal(got_number(w, "data"), before + 1);
}

static void more_recipients_than_are_allowed_are_refused(void **state)
{
	struct world *w = *state;
	struct buf body;

	buf_init(&body, 1 << 20);
	buf_add_str(&body, "{\"from\":\"alice@example.org\",\"to\":[\"r@far.example\"");
	for (int i = 0; i < 999; i++)
		buf_addf(&body, ",\"r%d@far.example\"", i);
	buf_add_str(&body, "],\"cc\":[\"one-more@far.example\"]}");
	assert_int_equal(ask(w, "POST", "/api/v1/messages", buf_cstr(&body)), 422);
	assert_string_equal(got_text(w, "code"), "limit");
	buf_clear(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_goes_to_the_queue_with_a_result_for_each_recipient),
		cmocka_unit_test(the_sender_is_ones_own),
		cmocka_unit_test(what_is_not_valid_is_named),
		cmocka_unit_test(a_message_as_it_is_is_checked_and_completed),
		cmocka_unit_test(line_ends_become_crlf),
		cmocka_unit_test(trying_again_sends_once),
		cmocka_unit_test(more_recipients_than_are_allowed_are_refused),
	};

	return cmocka_run_group_tests(tests, make, world_remove);
}
