/* One-time codes, recovery codes and passkeys of one's own account, as the handlers answer. */
#include "tests/unit/api/world.h"

#include "daemon/base/clock.h"
#include "daemon/crypto/digest.h"
#include "daemon/crypto/x509.h"

#define ALICE "alice@example.org"
#define PASSWORD "correct-horse"

static char cookie[128], csrf[128], other_cookie[128];

static void log_in(struct world *w)
{
	w->also = (struct api_request){ .origin = SPAN("https://mail.example.org"), .user_agent = SPAN("Browser/1") };
	assert_int_equal(net_ip_parse(SPAN("198.51.100.1"), &w->also.peer), ERR_OK);
	assert_int_equal(ask(w, "POST", "/api/v1/session", "{\"login\":\"" ALICE "\",\"password\":\"" PASSWORD "\"}"), 201);
	(void)snprintf(csrf, sizeof(csrf), "%s", got_text(w, "csrf_token"));
	assert_int_equal(sscanf(world_header(w, "Set-Cookie"), "__Host-postroom=%127[^;]", cookie), 1);
	w->also.cookie = span_str(cookie);
	w->also.csrf = span_str(csrf);
}

static int send_code(struct world *w, const char *code)
{
	char body[64];

	(void)snprintf(body, sizeof(body), "{\"code\":\"%s\"}", code);
	return ask(w, "POST", "/api/v1/me/totp:confirm", body);
}

static void read_base32(const char *text, char out[20])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned held = 0, have = 0;

	for (size_t i = 0, len = 0; i < 32; i++) {
		held = held << 5 | (unsigned)(strchr(digits, text[i]) - digits);
		have += 5;
		if (have >= 8) {
			have -= 8;
			out[len++] = (char)(held >> have);
		}
	}
}

/* A code of the secret that was answered last, for a time. */
static void make_code(const char *secret, int64_t real_ms, char out[7])
{
	uint64_t step = (uint64_t)(real_ms / 30000);
	uint8_t mac[SHA1_BYTES], counter[8];
	const uint8_t *at;
	char key[20];

	read_base32(secret, key);
	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)(step >> (56 - 8 * i));
	crypto_hmac_sha1(span_make(key, sizeof(key)), span_make((const char *)counter, 8), mac);
	at = mac + (mac[19] & 15);
	(void)snprintf(out, 7, "%06u", (((unsigned)at[0] & 127) << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3]) % 1000000);
}

static void the_first_code_turns_them_on_and_ends_the_other_sessions(void **state)
{
	struct world *w = *state;
	char code[7], secret[100];

	log_in(w);
	memcpy(other_cookie, cookie, sizeof(cookie));
	log_in(w);
	assert_int_equal(ask(w, "GET", "/api/v1/me/totp", ""), 200);
	assert_int_equal(got_number(w, "on"), 0);
	assert_int_equal(ask(w, "POST", "/api/v1/me/totp", ""), 201);
	(void)snprintf(secret, sizeof(secret), "%s", got_text(w, "secret"));
	assert_int_equal(strlen(secret), 32);
	assert_non_null(strstr(got_text(w, "uri"), secret));
	make_code(secret, clock_real_ms() + 7200000, code);
	assert_int_equal(send_code(w, code), 422);
	assert_string_equal(got_text(w, "code"), "clock_skew");
	make_code(secret, clock_real_ms(), code);
	w->ended = 0;
	assert_int_equal(send_code(w, code), 200);
	assert_int_equal(got_number(w, "recovery_codes"), 10);
	assert_int_equal(w->ended, world_user(w, ALICE));
	assert_int_equal(ask(w, "GET", "/api/v1/me/totp", ""), 200);
	assert_int_equal(got_number(w, "on"), 1);
	assert_int_equal(got_number(w, "recovery_codes_left"), 10);
	assert_int_equal(ask(w, "POST", "/api/v1/me/totp", ""), 409);
	assert_int_equal(send_code(w, code), 409);
	w->also.cookie = span_str(other_cookie);
	assert_int_equal(ask(w, "GET", "/api/v1/me/totp", ""), 401);
	w->also.cookie = span_str(cookie);
	assert_int_equal(ask(w, "POST", "/api/v1/me/recovery_codes", ""), 201);
	assert_int_equal(got_number(w, "recovery_codes"), 10);
	w->ended = 0;
	assert_int_equal(ask(w, "DELETE", "/api/v1/me/totp", ""), 204);
	assert_int_equal(w->ended, world_user(w, ALICE));
	assert_int_equal(ask(w, "DELETE", "/api/v1/me/totp", ""), 404);
}

static void what_does_not_fit_turns_nothing_on(void **state)
{
	struct world *w = *state;

	log_in(w);
	assert_int_equal(send_code(w, "123456"), 409);
	assert_string_equal(got_text(w, "code"), "totp_not_begun");
	assert_int_equal(ask(w, "POST", "/api/v1/me/recovery_codes", ""), 409);
	assert_string_equal(got_text(w, "code"), "no_second_factor");
	assert_int_equal(ask(w, "POST", "/api/v1/me/totp", ""), 201);
	assert_int_equal(send_code(w, "123"), 422);
	assert_int_equal(send_code(w, "abcdefghij"), 422);
	assert_string_equal(got_text(w, "code"), "wrong_code");
	assert_string_equal(got_text(w, "errors/0/pointer"), "/code");
	assert_int_equal(ask(w, "POST", "/api/v1/me/totp:confirm", "{}"), 422);
	assert_int_equal(ask(w, "GET", "/api/v1/me/totp", ""), 200);
	assert_int_equal(got_number(w, "on"), 0);
}

static void only_people_with_a_session_have_factors(void **state)
{
	struct world *w = *state;

	w->also = (struct api_request){ .origin = SPAN("") };
	assert_int_equal(ask(w, "GET", "/api/v1/me/totp", ""), 403); /* the socket is nobody's account */
	w->token = world_token(w, world_user(w, ALICE), "users:read");
	assert_int_equal(ask(w, "GET", "/api/v1/me/totp", ""), 403);
	assert_int_equal(ask(w, "GET", "/api/v1/me/passkeys", ""), 403);
	w->token = SPAN("");
	log_in(w);
	w->also.csrf = SPAN("");
	assert_int_equal(ask(w, "POST", "/api/v1/me/totp", ""), 403);
	assert_string_equal(got_text(w, "code"), "csrf");
}

static void make_self_signed(struct world *w)
{
	static const char *const name[] = { "mail.example.org" };
	struct buf chain, key;

	buf_init(&chain, 65536);
	buf_init(&key, 65536);
	assert_int_equal(x509_self_signed(name, 1, 10, &chain, &key, NULL), ERR_OK);
	assert_int_equal(directory_certificate_set(w->api.directory, SPAN("mail.example.org"), buf_span(&chain), buf_span(&key), NULL), ERR_OK);
	buf_clear(&chain);
	buf_clear(&key);
}

static void passkeys_want_the_host_name_and_a_trusted_certificate(void **state)
{
	static const char *const others[] = { "", "https://mail.example.org.evil.example", "http://mail.example.org", "https://192.0.2.1", "https://mail" };
	struct world *w = *state;

	log_in(w);
	assert_int_equal(ask(w, "GET", "/api/v1/me/passkeys", ""), 200);
	assert_int_equal(got_number(w, "data"), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		w->also.origin = span_str(others[i]);
		assert_int_equal(ask(w, "POST", "/api/v1/me/passkeys:options", ""), 409);
		assert_string_equal(got_text(w, "code"), "not_this_host");
	}
	w->also.origin = SPAN("https://mail.example.org:8443");
	assert_int_equal(ask(w, "POST", "/api/v1/me/passkeys:options", ""), 409);
	assert_string_equal(got_text(w, "code"), "certificate_not_trusted");
	make_self_signed(w);
	assert_int_equal(ask(w, "POST", "/api/v1/me/passkeys:options", ""), 409);
	assert_string_equal(got_text(w, "code"), "certificate_not_trusted");
	assert_int_equal(ask(w, "POST", "/api/v1/me/passkeys", "{\"label\":\"x\",\"client_data\":\"e30\",\"attestation_object\":\"oA\"}"), 409);
	assert_int_equal(ask(w, "DELETE", "/api/v1/me/passkeys/key_1", ""), 404);
	assert_int_equal(ask(w, "DELETE", "/api/v1/me/passkeys/1", ""), 404);
	w->also.cookie = w->also.csrf = SPAN("");
	assert_int_equal(ask(w, "POST", "/api/v1/session/passkey:options", ""), 409);
	assert_string_equal(got_text(w, "code"), "certificate_not_trusted");
	assert_int_equal(ask(w, "POST", "/api/v1/session/passkey", "{\"credential_id\":\"AA\",\"client_data\":\"AA\",\"authenticator_data\":\"AA\",\"signature\":\"AA\",\"user_handle\":\"AA\"}"), 409);
	assert_int_equal(ask(w, "POST", "/api/v1/session/passkey", "{\"credential_id\":\"AA\"}"), 422);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(the_first_code_turns_them_on_and_ends_the_other_sessions),
		IN_A_WORLD(what_does_not_fit_turns_nothing_on),
		IN_A_WORLD(only_people_with_a_session_have_factors),
		IN_A_WORLD(passkeys_want_the_host_name_and_a_trusted_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
