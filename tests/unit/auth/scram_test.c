/* auth/scram.h: exchanges with a client that is written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "daemon/auth/app_password.h"
#include "daemon/auth/scram.h"
#include "daemon/auth/scram_keys.h"
#include "daemon/auth/scram_parse.h"
#include "daemon/auth/totp.h"
#include "daemon/base/encode.h"
#include "daemon/net/session.h"
#include "db/control_scram.h"
#include "tests/unit/auth/place.h"

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"

/* What a client may do differently. */
struct client {
	const char *login, *password; /* the login as it is written */
	const char *header;           /* "n,," */
	struct span bound;            /* behind the header in "c=" */
	enum auth_protocol protocol;
	bool plus, offered_plus;
	const struct session_binding *binding;
	const char *nonce_tail; /* behind the nonce of the last message */
};

struct outcome {
	enum err first, final;
	struct auth_result result;
	char server_first[SCRAM_REPLY_MAX];
	bool server_is_right;
};

static struct span bytes(const uint8_t *b, size_t len)
{
	return span_make((const char *)b, len);
}

static void decode(struct span base64, uint8_t *out, size_t len)
{
	struct buf b;

	buf_init(&b, 200);
	assert_int_equal(base64_decode(base64, &b), ERR_OK);
	assert_int_equal(b.len, len);
	memcpy(out, b.ptr, len);
	buf_clear(&b);
}

static struct span attribute(struct span message, char name)
{
	struct span part;

	while (span_split(&message, ',', &part)) {
		if (part.len > 1 && part.ptr[0] == name && part.ptr[1] == '=')
			return span_skip(part, 2);
	}
	fail_msg("no attribute %c", name);
	return SPAN("");
}

/* The proof of a client that knows the password; the server's signature to expect. */
static void prove(const char *password, struct span server_first, struct span auth_message, struct buf *proof, uint8_t signature[SHA256_BYTES])
{
	struct span salt64 = attribute(server_first, 's');
	uint8_t salt[16], salted[32], client_key[32], stored[32], client_signature[32], server_key[32];
	uint64_t iterations = 0;

	decode(salt64, salt, sizeof(salt));
	assert_int_equal(span_to_u64(attribute(server_first, 'i'), 1000000, &iterations), ERR_OK);
	crypto_pbkdf2_sha256(span_str(password), bytes(salt, sizeof(salt)), (unsigned)iterations, salted);
	crypto_hmac_sha256(bytes(salted, 32), SPAN("Client Key"), client_key);
	crypto_sha256(bytes(client_key, 32), stored);
	crypto_hmac_sha256(bytes(stored, 32), auth_message, client_signature);
	for (int i = 0; i < 32; i++)
		client_key[i] ^= client_signature[i];
	base64_encode(bytes(client_key, 32), proof);
	crypto_hmac_sha256(bytes(salted, 32), SPAN("Server Key"), server_key);
	crypto_hmac_sha256(bytes(server_key, 32), auth_message, signature);
}

static void finish(struct scram *s, const struct client *c, struct span bare, struct span server_first, struct outcome *out)
{
	struct buf bound, without, message, final;
	uint8_t signature[32], said[32];

	buf_init(&bound, 500);
	buf_init(&without, 2000);
	buf_init(&message, 5000);
	buf_init(&final, SCRAM_REPLY_MAX);
	buf_add_str(&bound, c->header ? c->header : "n,,");
	buf_add(&bound, c->bound);
	buf_add_str(&without, "c=");
	base64_encode(buf_span(&bound), &without);
	buf_add_str(&without, ",r=");
	buf_add(&without, attribute(server_first, 'r'));
	buf_add_str(&without, c->nonce_tail ? c->nonce_tail : "");
	buf_add(&message, bare);
	buf_add_char(&message, ',');
	buf_add(&message, server_first);
	buf_add_char(&message, ',');
	buf_add(&message, buf_span(&without));
	buf_add_str(&without, ",p=");
	prove(c->password, server_first, buf_span(&message), &without, signature);
	out->final = scram_final(s, buf_span(&without), &final, &out->result);
	if (out->final == ERR_OK) {
		decode(attribute(buf_span(&final), 'v'), said, sizeof(said));
		out->server_is_right = memcmp(said, signature, sizeof(said)) == 0;
	}
	buf_clear(&bound);
	buf_clear(&without);
	buf_clear(&message);
	buf_clear(&final);
}

static struct outcome exchange(struct place *p, const struct client *c)
{
	struct outcome out = { .first = ERR_OK, .final = ERR_OK };
	struct scram *s;
	struct buf first, bare, server;

	buf_init(&first, 2000);
	buf_init(&bare, 2000);
	buf_init(&server, SCRAM_REPLY_MAX);
	buf_addf(&bare, "n=%s,r=" CLIENT_NONCE, c->login);
	buf_addf(&first, "%s%s", c->header ? c->header : "n,,", buf_cstr(&bare));
	assert_int_equal(scram_begin(p->auth, c->protocol ? c->protocol : AUTH_IMAP, c->plus, c->offered_plus, c->binding, &p->peer, &s), ERR_OK);
	out.first = scram_first(s, buf_span(&first), &server);
	if (out.first == ERR_OK) {
		(void)snprintf(out.server_first, sizeof(out.server_first), "%s", buf_cstr(&server));
		assert_true(span_starts(attribute(buf_span(&server), 'r'), SPAN(CLIENT_NONCE)));
		finish(s, c, buf_span(&bare), buf_span(&server), &out);
	}
	scram_free(&s);
	buf_clear(&first);
	buf_clear(&bare);
	buf_clear(&server);
	return out;
}

static const struct client bob = { .login = "bob@example.test", .password = PLACE_PASSWORD };

static enum err add_salt(struct db *db, void *arg)
{
	const struct place *p = arg;
	uint8_t salt[16];

	decode(SPAN("W22ZaJ0SNY7soEsUEjb6gQ=="), salt, 16);
	return db_scram_add(db, p->ann, bytes(salt, 16), 4096);
}

static void the_keys_are_those_of_rfc_7677(void **state)
{
	const struct span message = SPAN("n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
					 "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
	uint8_t proof[32], signature[32], wanted[32];
	struct place *p = *state;
	struct scram_row row;

	assert_int_equal(directory_write(p->d, add_salt, p, NULL), ERR_OK);
	assert_int_equal(scram_keys_set(p->d, p->ann, SPAN("pencil")), ERR_OK);
	assert_int_equal(scram_row_read(p->d, p->ann, &row), ERR_OK);
	assert_int_equal(row.iterations, 4096);
	assert_true(row.has_keys);
	decode(SPAN("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), proof, 32);
	decode(SPAN("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), wanted, 32);
	crypto_hmac_sha256(bytes(row.keys.stored, 32), message, signature);
	for (int i = 0; i < 32; i++)
		proof[i] ^= signature[i];
	crypto_sha256(bytes(proof, 32), signature);
	assert_memory_equal(signature, row.keys.stored, 32);
	crypto_hmac_sha256(bytes(row.keys.server, 32), message, signature);
	assert_memory_equal(signature, wanted, 32);
	assert_int_equal(scram_keys_forget(p->d, p->ann), ERR_OK);
	assert_int_equal(scram_row_read(p->d, p->ann, &row), ERR_OK);
	assert_false(row.has_keys);
}

static void the_right_password_opens_and_the_server_proves_itself(void **state)
{
	struct place *p = *state;
	struct outcome o = exchange(p, &bob);

	assert_int_equal(o.final, ERR_OK);
	assert_int_equal(o.result.verdict, AUTH_OK);
	assert_int_equal(o.result.account_id, p->bob);
	assert_true(o.server_is_right);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, o.result.credential));
	place_restart(p);
	assert_int_equal(exchange(p, &bob).result.verdict, AUTH_OK);
}

static void a_wrong_password_waits_and_a_stranger_looks_the_same(void **state)
{
	struct place *p = *state;
	const struct client wrong = { .login = "bob@example.test", .password = "wrong" };
	struct client stranger = { .login = "nobody@example.test", .password = PLACE_PASSWORD };
	struct outcome first = exchange(p, &wrong), second = exchange(p, &stranger), again = exchange(p, &stranger), other;

	assert_int_equal(first.result.verdict, AUTH_WRONG);
	assert_true(first.result.delay_ms > 0);
	assert_int_equal(second.final, first.final);
	assert_int_equal(second.result.verdict, AUTH_WRONG);
	assert_true(second.result.delay_ms > 0);
	assert_true(span_equals(attribute(span_str(second.server_first), 's'), attribute(span_str(again.server_first), 's')));
	assert_true(span_equals(attribute(span_str(second.server_first), 'i'), attribute(span_str(first.server_first), 'i')));
	stranger.login = "NOBODY@Example.Test";
	other = exchange(p, &stranger);
	assert_true(span_equals(attribute(span_str(second.server_first), 's'), attribute(span_str(other.server_first), 's')));
	stranger.login = "\"no\\body\"@example.test"; /* one spelling more, as all have it who are there */
	other = exchange(p, &stranger);
	assert_true(span_equals(attribute(span_str(second.server_first), 's'), attribute(span_str(other.server_first), 's')));
	stranger.login = "somebody@example.test";
	other = exchange(p, &stranger);
	assert_false(span_equals(attribute(span_str(second.server_first), 's'), attribute(span_str(other.server_first), 's')));
	place_restart(p);
	stranger.login = "nobody@example.test";
	other = exchange(p, &stranger);
	assert_true(span_equals(attribute(span_str(second.server_first), 's'), attribute(span_str(other.server_first), 's')));
}

static void the_binding_must_be_the_one_of_this_connection(void **state)
{
	static const struct session_binding binding = { .exporter = { 1, 2, 3 }, .exporter_len = 32, .end_point = { 7, 7 }, .end_point_len = 48 };
	static const struct session_binding older = { .end_point = { 7, 7 }, .end_point_len = 48 };
	struct place *p = *state;
	struct client c = bob;

	c.plus = c.offered_plus = true;
	c.binding = &binding;
	c.header = "p=tls-exporter,,";
	c.bound = bytes(binding.exporter, 32);
	assert_int_equal(exchange(p, &c).result.verdict, AUTH_OK);
	c.bound = bytes(older.exporter, 32); /* another connection's */
	assert_int_equal(exchange(p, &c).final, ERR_DENIED);
	c.bound = SPAN("");
	assert_int_equal(exchange(p, &c).final, ERR_DENIED);
	c.header = "p=tls-server-end-point,,";
	c.bound = bytes(binding.end_point, 48);
	assert_int_equal(exchange(p, &c).result.verdict, AUTH_OK);
	c.binding = &older;
	assert_int_equal(exchange(p, &c).result.verdict, AUTH_OK);
	c.header = "p=tls-exporter,,";
	assert_int_equal(exchange(p, &c).first, ERR_DENIED);
	c.header = "p=tls-unique,,";
	assert_int_equal(exchange(p, &c).first, ERR_DENIED);
}

static void a_downgrade_is_seen(void **state)
{
	static const struct {
		const char *header;
		bool plus, offered;
		enum err first;
	} cases[] = {
		{ "n,,", false, true, ERR_OK },
		{ "n,,", false, false, ERR_OK },
		{ "y,,", false, false, ERR_OK },
		{ "y,,", false, true, ERR_DENIED }, /* somebody hid the offer */
		{ "y,,", true, true, ERR_DENIED },
		{ "n,,", true, true, ERR_DENIED },
		{ "p=tls-exporter,,", false, true, ERR_DENIED },
	};
	static const struct session_binding binding = { .exporter_len = 32 };
	struct place *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client c = bob;

		c.header = cases[i].header;
		c.plus = cases[i].plus;
		c.offered_plus = cases[i].offered;
		c.binding = &binding;
		assert_int_equal(exchange(p, &c).first, cases[i].first);
	}
}

static void nobody_acts_for_somebody_else(void **state)
{
	struct place *p = *state;
	struct client c = bob;

	c.header = "n,a=bob@example.test,";
	assert_int_equal(exchange(p, &c).result.verdict, AUTH_OK);
	c.header = "n,a=ann@example.test,";
	assert_int_equal(exchange(p, &c).first, ERR_DENIED);
}

static void only_the_nonce_of_this_exchange_counts_and_only_once(void **state)
{
	struct place *p = *state;
	struct client c = bob;
	struct scram *s;
	struct buf out;
	struct auth_result result;

	c.nonce_tail = "x";
	assert_int_equal(exchange(p, &c).final, ERR_DENIED);
	buf_init(&out, SCRAM_REPLY_MAX);
	assert_int_equal(scram_begin(p->auth, AUTH_SMTP, false, false, NULL, NULL, &s), ERR_OK);
	assert_int_equal(scram_final(s, SPAN("c=biws,r=x,p=AAAA"), &out, &result), ERR_STATE);
	assert_int_equal(result.verdict, AUTH_WRONG);
	assert_int_equal(scram_first(s, SPAN("n,,n=bob,r=x"), &out), ERR_OK);
	assert_int_equal(scram_first(s, SPAN("n,,n=bob,r=x"), &out), ERR_STATE);
	assert_int_equal(scram_final(s, SPAN("c=biws,r=x,p=AAAA"), &out, &result), ERR_SYNTAX); /* three bytes of proof */
	assert_int_equal(scram_final(s, SPAN("c=biws,r=x,p=AAAA"), &out, &result), ERR_STATE);
	scram_free(&s);
	buf_clear(&out);
}

static void messages_that_are_none_are_refused(void **state)
{
	static const char *const firsts[] = {
		"", "n", "n,", "n,,", "n,,n=", "n,,n=bob", "n,,n=bob,", "n,,n=bob,r=", "x,,n=bob,r=a", ",,n=bob,r=a", "n,,r=a,n=bob", "n,bob,n=bob,r=a",
		"n,a=,n=bob,r=a", "p=,,n=bob,r=a", "p=tls exporter,,n=bob,r=a", "p,,n=bob,r=a", "n,,m=x,n=bob,r=a", "n,,n=bob,r=a,m=x", "n,,n=bob,r=a b",
		"n,,n=bob,r=\xc3\xa4", "n,,n=\xff,r=a", "n,,n=bob,r=a,", "n,,n=bob,r=a,x", "n,,n=bob,r=a,1=x", "n,,n=bob,r=a,x=", "N,,n=bob,r=a", "n,,N=bob,r=a"
	};
	static const char *const finals[] = {
		"", "c=biws", "c=biws,r=a", "c=biws,r=a,p=", "r=a,c=biws,p=AAAA", "c=biws,r=a,p=AAAA,x=y", "c=biws,p=AAAA,r=a", "c=biws,r=a,m=x,p=AAAA",
		"c=biws,r=a,p=AAAA,", "c=biws,r=a,p=AAAA,p=BBBB", "c=,r=a,p=AAAA", "c=biws,r=a,p=\xff"
	};
	struct scram_client_first first;
	struct scram_client_final final;

	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
		assert_int_equal(scram_parse_first(span_str(firsts[i]), &first), ERR_SYNTAX);
	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++)
		assert_int_equal(scram_parse_final(span_str(finals[i]), &final), ERR_SYNTAX);
	assert_int_equal(scram_parse_first(SPAN("n,,n=b\0b,r=a"), &first), ERR_SYNTAX);
	assert_int_equal(scram_parse_first(SPAN("n,,n=bob,r=a,x=1,y=2=3"), &first), ERR_OK);
	assert_true(span_equals(first.bare, SPAN("n=bob,r=a,x=1,y=2=3")));
	assert_int_equal(scram_parse_final(SPAN("c=biws,r=a,x=1,p=AAAA"), &final), ERR_OK);
	assert_true(span_equals(final.without_proof, SPAN("c=biws,r=a,x=1")));
	assert_true(span_equals(final.proof, SPAN("AAAA")));
}

static void escapes_of_names_are_exactly_two(void **state)
{
	static const char *const wrong[] = { "a=b", "=", "a=2", "=2c", "=3d", "=2D", "a=3" };
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(scram_unescape(SPAN("a=2Cb=3Dc=2C"), &b), ERR_OK);
	assert_string_equal(buf_cstr(&b), "a,b=c,");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		buf_reset(&b);
		assert_int_equal(scram_unescape(span_str(wrong[i]), &b), ERR_SYNTAX);
	}
	buf_clear(&b);
}

static void a_long_message_is_refused(void **state)
{
	struct place *p = *state;
	char text[SCRAM_MESSAGE_MAX + 2];
	struct scram *s;
	struct buf out;

	memset(text, 'a', sizeof(text));
	memcpy(text, "n,,n=bob,r=", 11);
	buf_init(&out, SCRAM_REPLY_MAX);
	assert_int_equal(scram_begin(p->auth, AUTH_IMAP, false, false, NULL, &p->peer, &s), ERR_OK);
	assert_int_equal(scram_first(s, span_make(text, SCRAM_MESSAGE_MAX + 1), &out), ERR_SYNTAX);
	scram_free(&s);
	assert_int_equal(scram_begin(p->auth, AUTH_IMAP, false, false, NULL, &p->peer, &s), ERR_OK);
	assert_int_equal(scram_first(s, span_make(text, SCRAM_MESSAGE_MAX), &out), ERR_OK);
	scram_free(&s);
	buf_clear(&out);
}

static void a_password_changed_meanwhile_does_not_open(void **state)
{
	struct place *p = *state;
	struct outcome o = { .first = ERR_OK };
	struct scram *s;
	struct buf out;

	buf_init(&out, SCRAM_REPLY_MAX);
	assert_int_equal(scram_begin(p->auth, AUTH_IMAP, false, false, NULL, &p->peer, &s), ERR_OK);
	assert_int_equal(scram_first(s, SPAN("n,,n=bob@example.test,r=" CLIENT_NONCE), &out), ERR_OK);
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("another password"), NULL), ERR_OK);
	finish(s, &bob, SPAN("n=bob@example.test,r=" CLIENT_NONCE), buf_span(&out), &o);
	assert_int_equal(o.result.verdict, AUTH_WRONG);
	scram_free(&s);
	buf_clear(&out);
}

static void a_suspended_account_is_told_so_after_the_right_password_only(void **state)
{
	struct place *p = *state;
	const struct client wrong = { .login = "bob@example.test", .password = "wrong" };

	assert_int_equal(directory_account_set_suspended(p->d, p->bob, true, NULL), ERR_OK);
	assert_int_equal(exchange(p, &bob).result.verdict, AUTH_SUSPENDED);
	assert_int_equal(exchange(p, &wrong).result.verdict, AUTH_WRONG);
}

static void passwords_are_prepared_as_the_rfc_says(void **state)
{
	struct place *p = *state;
	const struct client composed = { .login = "bob@example.test", .password = "Gr\xc3\xbc\xc3\x9f Gott" };

	/* Decomposed, and with a no-break space. */
	assert_int_equal(auth_set_password(p->auth, p->bob, SPAN("Gru\xcc\x88\xc3\x9f\xc2\xa0Gott"), NULL), ERR_OK);
	assert_int_equal(exchange(p, &composed).result.verdict, AUTH_OK);
}

static void make_app_password(struct place *p, unsigned protocols, char out[100])
{
	struct app_password spec = { .label = SPAN("phone"), .protocols = protocols };
	struct buf secret;
	uint64_t id;

	buf_init(&secret, 99);
	assert_int_equal(app_password_create(p->auth, p->bob, &spec, &id, &secret, NULL), ERR_OK);
	(void)snprintf(out, 100, "%s", buf_cstr(&secret));
	buf_clear(&secret);
}

static void an_app_password_opens_its_protocols_beside_the_main_one(void **state)
{
	struct place *p = *state;
	char secret[100];
	struct client app = { .login = "bob@example.test", .password = secret, .protocol = AUTH_IMAP };
	struct outcome o;

	make_app_password(p, AUTH_IMAP, secret);
	o = exchange(p, &app);
	assert_int_equal(o.result.verdict, AUTH_OK);
	assert_true(o.server_is_right);
	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, o.result.credential));
	assert_int_equal(exchange(p, &bob).result.verdict, AUTH_OK);
	app.protocol = AUTH_SMTP;
	assert_int_equal(exchange(p, &app).result.verdict, AUTH_WRONG);
}

static void turn_totp_on(struct place *p)
{
	struct buf secret, uri, codes;
	struct totp_result r;

	buf_init(&secret, 100);
	buf_init(&uri, 1000);
	buf_init(&codes, 1000);
	assert_int_equal(totp_begin(p->auth, p->bob, &secret, &uri), ERR_OK);
	assert_int_equal(totp_confirm(p->auth, p->bob, span_str(place_code_of_text(buf_span(&secret), clock_real_ms()).text), &codes, &r), ERR_OK);
	assert_int_equal(r.verdict, TOTP_OK);
	buf_clear(&secret);
	buf_clear(&uri);
	buf_clear(&codes);
}

static void with_a_second_factor_only_app_passwords_open(void **state)
{
	struct place *p = *state;
	char secret[100];
	const struct client app = { .login = "bob@example.test", .password = secret };
	const struct client wrong = { .login = "bob@example.test", .password = "wrong" };
	uint64_t credential = exchange(p, &bob).result.credential;

	assert_true(auth_still_holds(p->auth, AUTH_IMAP, p->bob, credential));
	make_app_password(p, AUTH_IMAP | AUTH_SMTP, secret);
	turn_totp_on(p);
	assert_false(auth_still_holds(p->auth, AUTH_IMAP, p->bob, credential));
	assert_int_equal(exchange(p, &bob).result.verdict, AUTH_WANTS_APP_PASSWORD);
	assert_int_equal(exchange(p, &wrong).result.verdict, AUTH_WRONG);
	assert_int_equal(exchange(p, &app).result.verdict, AUTH_OK);
}

static void who_guesses_is_refused_but_for_an_app_password(void **state)
{
	struct place *p = *state;
	char secret[100];
	const struct client wrong = { .login = "bob@example.test", .password = "wrong" };
	const struct client app = { .login = "bob@example.test", .password = secret };
	struct outcome o = { .result = { .verdict = AUTH_WRONG } };
	int tries = 0;

	make_app_password(p, AUTH_IMAP, secret);
	while (o.result.verdict == AUTH_WRONG && tries++ < 100)
		o = exchange(p, &wrong);
	assert_int_equal(o.result.verdict, AUTH_REFUSED);
	assert_true(o.result.retry_after_ms > 0);
	assert_int_equal(exchange(p, &bob).result.verdict, AUTH_REFUSED);
	assert_int_equal(exchange(p, &app).result.verdict, AUTH_OK);
}

static void an_account_without_keys_answers_like_a_stranger(void **state)
{
	struct place *p = *state;
	const struct client ann = { .login = "ann@example.test", .password = "none" };
	struct outcome first = exchange(p, &ann), second = exchange(p, &ann);

	assert_int_equal(first.result.verdict, AUTH_WRONG);
	assert_true(span_equals(attribute(span_str(first.server_first), 's'), attribute(span_str(second.server_first), 's')));
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_begin, place_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_PLACE(the_keys_are_those_of_rfc_7677),
		IN_A_PLACE(the_right_password_opens_and_the_server_proves_itself),
		IN_A_PLACE(a_wrong_password_waits_and_a_stranger_looks_the_same),
		IN_A_PLACE(the_binding_must_be_the_one_of_this_connection),
		IN_A_PLACE(a_downgrade_is_seen),
		IN_A_PLACE(nobody_acts_for_somebody_else),
		IN_A_PLACE(only_the_nonce_of_this_exchange_counts_and_only_once),
		cmocka_unit_test(messages_that_are_none_are_refused),
		cmocka_unit_test(escapes_of_names_are_exactly_two),
		IN_A_PLACE(a_long_message_is_refused),
		IN_A_PLACE(a_password_changed_meanwhile_does_not_open),
		IN_A_PLACE(a_suspended_account_is_told_so_after_the_right_password_only),
		IN_A_PLACE(passwords_are_prepared_as_the_rfc_says),
		IN_A_PLACE(an_app_password_opens_its_protocols_beside_the_main_one),
		IN_A_PLACE(with_a_second_factor_only_app_passwords_open),
		IN_A_PLACE(who_guesses_is_refused_but_for_an_app_password),
		IN_A_PLACE(an_account_without_keys_answers_like_a_stranger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
